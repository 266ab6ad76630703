import fc from 'fast-check'
import type { Document, NodeKey } from '../../config-hub/index/entry.ts'

/** One configuration by what it names: others by their place in the list, where they are of the right type. */
export type Draft = {
  type: 'thing' | 'leaf' | 'flow'
  title: string
  main: number | undefined
  peers: readonly number[]
  leaf: number | undefined
  any: number | undefined
  owner: number
  twin: number | undefined
  steps: readonly (number | undefined)[]
  /** Words of its text: other configurations, steps of flows, and what only looks like one. */
  words: readonly { of: number; as: 'id' | 'step' | 'longer' | 'path' }[]
  password: string | undefined
  /** Whether the target has it before, and then with which title. */
  there: string | undefined
}

const MOST = 12
const place = fc.nat({ max: MOST - 1 })
const maybe = <T>(one: fc.Arbitrary<T>, freq = 2) => fc.option(one, { nil: undefined, freq })

export const drafts: fc.Arbitrary<Draft[]> = fc.array(
  fc.record({
    type: fc.constantFrom('thing', 'thing', 'leaf', 'flow'),
    title: fc.constantFrom('One', 'Two', 'Three'),
    main: maybe(place),
    peers: fc.uniqueArray(place, { maxLength: 3 }),
    leaf: maybe(place),
    any: maybe(place),
    owner: place,
    twin: maybe(place, 1),
    steps: fc.array(maybe(place), { maxLength: 2 }),
    words: fc.array(fc.record({ of: place, as: fc.constantFrom('id', 'id', 'step', 'longer', 'path') }), {
      maxLength: 4,
    }),
    password: maybe(fc.constantFrom('first', 'second')),
    there: maybe(fc.constantFrom('One', 'Other'), 1),
  }) as fc.Arbitrary<Draft>,
  { minLength: 1, maxLength: MOST },
)

const sourceId = (index: number): string => `src-${index}`

/** The documents of drafts, their ids as `idOf` says. */
export function documentsOf(
  all: readonly Draft[],
  idOf: (index: number) => string = sourceId,
): (NodeKey & { document: Document })[] {
  const ids = (index: number | undefined, type: Draft['type'] | undefined): string[] => {
    const other = index === undefined ? undefined : all[index]
    return other && (type === undefined || other.type === type) ? [idOf(index as number)] : []
  }
  const one = (name: string, index: number | undefined, type?: Draft['type']): Document => {
    const [id] = ids(index, type)
    return id === undefined ? {} : { [name]: id }
  }
  const word = ({ of, as }: Draft['words'][number]): string => {
    if (as === 'step') return all[of]?.type === 'flow' ? `${idOf(of)}-step-0` : 'nothing'
    if (as === 'longer') return `x${idOf(of)}1`
    return as === 'path' ? `https://example.org/${idOf(of)}?of=${idOf(of)}` : idOf(of)
  }
  return all.map((draft, index) => {
    const { type, peers, password, steps, words } = draft
    const document = { id: idOf(index), key: `key ${index}`, title: `${draft.title} ${index}` }
    const note = words.length > 0 ? { note: `See ${words.map(word).join(', ')}.` } : {}
    const shared = { ...document, ...note }
    if (type === 'leaf') {
      const twin = one('twin', draft.twin, 'leaf')
      return {
        type,
        id: idOf(index),
        document: { ...shared, ...one('owner', draft.owner, 'thing'), ...twin },
      }
    }
    if (type === 'flow') {
      const made = steps.map((thing, step) => ({
        ...{ id: `${idOf(index)}-step-${step}`, name: `Step ${step}` },
        ...one('thing', thing, 'thing'),
      }))
      return { type, id: idOf(index), document: { ...shared, steps: made } }
    }
    const links = { ...one('main', draft.main, 'thing'), ...one('leaf', draft.leaf, 'leaf') }
    const others = { peers: peers.flatMap((each) => ids(each, 'thing')), ...one('any', draft.any) }
    const secret = password === undefined ? {} : { password }
    return {
      type,
      id: idOf(index),
      document: { ...shared, ...links, ...others, ...secret, updated_at: index },
    }
  })
}
