import type { EdgeKind, NodeKey } from '../../../src/config-hub/index/entry.ts'
import { type Random, seeded } from '../seeded.ts'
import {
  classificationOf,
  idOf,
  type layoutOf,
  mix,
  TYPES,
  type TypeOfOrganisation,
  variableOf,
} from './layout.ts'
import { prose, titleOf, zipf } from './prose.ts'

export type Layout = ReturnType<typeof layoutOf>

/** A reference that was planted in a document; `to` is null when it dangles. */
export type Planted = { name: string; toType: string; kind: EdgeKind; required: boolean; to: NodeKey | null }

type Rule = { by?: 'id' | 'slug' | 'any'; required?: boolean; anyType?: boolean }

/** What the document of one configuration is made with. Everything follows from seed, type and n. */
export type Draft = {
  type: TypeOfOrganisation
  n: number
  id: string
  title: string
  /** Characters that the document should have. */
  size: number
  random: Random
  planted: Planted[]
  /** How often out of one. */
  chance(part: number): boolean
  /** A declared reference to one of the type, seldom to one that is not there: what to write for it. */
  ref(type: TypeOfOrganisation, rule?: Rule): string
  /** The same to exactly the n-th. */
  refTo(type: TypeOfOrganisation, n: number, rule?: Rule): string
  /** The id of one of the type, for somewhere in a text. */
  mention(type: TypeOfOrganisation): string
  /** A variable as templates write it. */
  variable(): string
  prose(characters: number): string
  /** An instant of the last three years. */
  instant(): string
  /** A person. */
  person(): string
}

/** References that name what was never there or is gone. */
const DANGLING = 0.004
/** Nothing depends on the day on which it runs. */
const NEWEST = Date.parse('2026-05-01T00:00:00.000Z')
const THREE_YEARS = 3 * 365 * 86_400_000

export type Frame = { seed: number; layout: Layout }

export function draftOf(frame: Frame, type: TypeOfOrganisation, n: number, size: number): Draft {
  const { seed, layout } = frame
  const random = seeded(mix(seed, TYPES.indexOf(type), n))
  const planted: Planted[] = []
  const plant = (one: Planted): string => {
    const known = planted.find(
      (each) => each.name === one.name && each.kind === one.kind && each.toType === one.toType,
    )
    if (known) known.required ||= one.required
    else planted.push(one)
    return one.name
  }
  const chance = (part: number) => random.next() < part
  const refTo = (to: TypeOfOrganisation, k: number, { by = 'id', required = false, anyType }: Rule = {}) => {
    const id = idOf(seed, to, k)
    const name = by === 'any' && to === 'taxonomy_classification' && chance(0.5) ? classificationOf(k) : id
    const there = k < layout[to]
    return plant({
      name,
      toType: anyType ? '' : to,
      kind: by,
      required,
      to: there ? { type: to, id } : null,
    })
  }
  return {
    type,
    n,
    id: idOf(seed, type, n),
    title: titleOf(random, type.replaceAll('_', ' '), n),
    size,
    random,
    planted,
    chance,
    refTo,
    ref(to, rule = {}) {
      const beyond = !rule.required && chance(DANGLING)
      return refTo(to, beyond ? layout[to] + random.below(1_000) : zipf(random, layout[to]), rule)
    },
    mention(to) {
      const k = zipf(random, layout[to])
      const id = idOf(seed, to, k)
      if (to === type && k === n) return prose(random, 12)
      return plant({ name: id, toType: '', kind: 'text', required: false, to: { type: to, id } })
    },
    variable() {
      // most of what templates write is of the entity at hand
      if (chance(0.5)) return '{{contact.first_name}}'
      const of = chance(0.85) ? 'custom_variable' : 'environment_variable'
      const k = zipf(random, layout[of])
      const id = idOf(seed, of, k)
      const name = of === 'custom_variable' ? variableOf(k) : `env.${id}`
      if (of === type && k === n) return '{{contact.last_name}}'
      plant({ name, toType: '', kind: 'template', required: false, to: { type: of, id } })
      return of === 'custom_variable' && chance(0.3) ? `{{{ ${name} }}}` : `{{ ${name} }}`
    },
    prose: (characters) => prose(random, characters),
    instant: () => new Date(NEWEST - Math.floor(THREE_YEARS * random.next() ** 2)).toISOString(),
    person: () => String(10_000 + zipf(random, 40)),
  }
}
