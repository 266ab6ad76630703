import { symbolOf } from '../../config-hub/compare/normalise.ts'
import { nameIn } from '../../config-hub/references/extract.ts'
import type { ConfigType } from '../../config-hub/types/definition.ts'
import { valueIn } from './content.ts'
import { planDigest } from './digest.ts'
import {
  byKey,
  type Choice,
  type Conflicts,
  keyText,
  type Place,
  referenceKey,
  type SourceItem,
  type SourceReference,
  type SyncInput,
} from './input.ts'
import {
  type BaseNames,
  baseNames,
  type Derived,
  derivedIn,
  type Naming,
  namedBase,
  namingOf,
  renamed,
  renamingOf,
  renewed,
} from './naming.ts'
import { impossibleSteps } from './order.ts'
import { type Pairing, pairings } from './pairing.ts'
import type { PlanRow, SyncPlan } from './plan.ts'
import { symbolsIn } from './rewrite.ts'
import { nextBase, outcomeOf, type Wanted } from './row.ts'
import { type Wait, writeTasks } from './tasks.ts'

type Refusing = NonNullable<PlanRow['refusal']>

/** A row while it is being planned. */
type Draft = {
  type: string
  id: string
  item: SourceItem | undefined
  pairing: Pairing | undefined
  place: Place | undefined
  refusal: Refusing | undefined
}

/** What names of former syncs and of the target mean now. */
type Bases = BaseNames & { renewed: ReturnType<typeof renewed> }

type Planning = {
  input: SyncInput
  drafts: Draft[]
  /** By `type/id`. */
  index: ReadonlyMap<string, number>
}

/**
 * What promoting a selection does to the target: for each configuration what is created, changed, left or refused, and
 * the requests in their order. Pure, and independent of the order of its input: a dry run is this plan shown, a run is
 * the same plan executed. Never throws for what the configurations are like: that refuses rows.
 */
export function planSync(input: SyncInput): SyncPlan {
  const planning = draftsOf(input)
  refuseCircles(planning)
  refuseMissing(planning)
  const naming = finalNaming(planning)
  const rows = rowsOf(planning, naming)
  const { tasks, cycles, impossible } = writeTasks(
    rows.map((row, index) => ({
      key: keyOf(row),
      action: row.action,
      waits: [...waitsOf(planning, index), ...madeWaits(planning, row)],
    })),
  )
  const circle = [...impossible.values()][0]
  if (circle) throw new Error(`a circle of required references was left: ${circle.join(', ')}`)
  const plan = { rows, tasks, cycles }
  return { ...plan, digest: planDigest(plan, input.hash) }
}

const keyOf = ({ type, sourceId }: Pick<PlanRow, 'type' | 'sourceId'>): string => `${type} ${sourceId}`

function draftsOf(input: SyncInput): Planning {
  const items = new Map(input.sources.map((item) => [keyText(item), item]))
  const keys = new Map([...input.selected, ...input.sources].map((key) => [keyText(key), key]))
  const paired = pairings(input)
  const drafts = [...keys.values()].sort(byKey).map(({ type, id }): Draft => {
    const key = `${type}/${id}`
    const draft = { type, id, item: items.get(key), pairing: paired.get(key), place: input.places.get(type) }
    return { ...draft, refusal: firstRefusal(input, draft) }
  })
  return { input, drafts, index: new Map(drafts.map((draft, row) => [keyText(draft), row])) }
}

function firstRefusal(
  { sourceTypes, targetTypes }: SyncInput,
  { type, id, item, pairing, place }: Omit<Draft, 'refusal'>,
): Refusing | undefined {
  if (!sourceTypes.has(type)) return { code: 'source-missing', message: `The source has no type ${type}.` }
  if (!item) return { code: 'source-missing', message: `There is no ${type} ${id} at the source.` }
  if (!targetTypes.has(type) || !place)
    return { code: 'not-writable', message: `The target has no place for the type ${type}.` }
  if (pairing?.ambiguous) {
    const among = pairing.ambiguous
    const message = `${among.length > 1 ? `Any of ${among.join(', ')}` : `${among[0]}, like others of the source,`} could be ${type} ${id} at the target: confirm one as its counterpart.`
    return { code: 'ambiguous-match', message, among }
  }
  if (!pairing?.target && !place.creates)
    return { code: 'not-writable', message: `Nothing of the type ${type} can be created at the target.` }
  return undefined
}

/** Whether it is to be created, as far as is known. */
const isNew = ({ refusal, pairing }: Draft): boolean => !refusal && pairing !== undefined && !pairing.target

/** What a row waits for, of all that may be created. */
function waitsOf({ drafts, index }: Planning, row: number): Wait[] {
  const { item, refusal } = drafts[row] as Draft
  if (!item || refusal) return []
  return item.references.flatMap((reference) =>
    reference.to.flatMap((key): Wait[] => {
      const to = index.get(keyText(key))
      const other = to === undefined ? undefined : drafts[to]
      if (to === undefined || !other || !isNew(other)) return []
      const required = reference.required && reference.to.length === 1
      const made = other.pairing?.targetId === null
      const hard = made && (required || (reference.name === key.id && reference.kind !== 'template'))
      // what refers to itself waits only where it cannot be written at once
      return to === row && !hard ? [] : [{ to, required, hard }]
    }),
  )
}

/** Its own id, and ids within others, can be written only once the target has made them. */
const madeWaits = ({ index }: Planning, { desired }: PlanRow): Wait[] =>
  symbolsIn(desired).flatMap((key): Wait[] => {
    const to = index.get(key) ?? index.get(key.slice(0, key.indexOf('#/')))
    return to === undefined ? [] : [{ to, required: false, hard: true }]
  })

function refuseCircles(planning: Planning): void {
  const { drafts } = planning
  const steps = drafts.map((draft, row) => ({
    key: `${draft.type} ${draft.id}`,
    action: draft.refusal ? ('none' as const) : isNew(draft) ? ('create' as const) : ('patch' as const),
    references: waitsOf(planning, row).filter(({ hard }) => hard),
  }))
  for (const [row, circle] of impossibleSteps(steps)) {
    const [first] = circle
    const message = `It needs, or is in, a circle that cannot be created: ${[...circle, first].join(' > ')}.`
    ;(drafts[row] as Draft).refusal = { code: 'required-circle', message, among: circle }
  }
}

/** Whether what a reference names is at the target, or will be. */
function willBe({ input, drafts, index }: Planning, reference: SourceReference, known: Naming): boolean {
  if (input.answered.has(referenceKey(reference))) return true
  return reference.to.some((key) => {
    const row = index.get(keyText(key))
    const draft = row === undefined ? undefined : drafts[row]
    if (draft) return draft.pairing?.target !== undefined || isNew(draft)
    return known.meaningOf(key) !== undefined
  })
}

const missingOf = (planning: Planning, item: SourceItem, known: Naming): SourceReference[] =>
  item.references.filter((reference) => reference.required && !willBe(planning, reference, known))

function missing(references: readonly SourceReference[]): Refusing {
  const among = references.map(({ toType, name }) => `${toType || 'something called'} ${name}`)
  const message = `It needs ${among.join(', ')}, which will not be at the target.`
  return { code: 'required-missing', message, among }
}

/** Creates that need what will not be there, and what needs those. */
function refuseMissing(planning: Planning): void {
  const { drafts, input } = planning
  const lineage = namingOf(input, new Map(), new Map())
  for (let again = true; again; ) {
    again = false
    for (const draft of drafts) {
      if (!isNew(draft) || !draft.item) continue
      const found = missingOf(planning, draft.item, lineage)
      if (found.length === 0) continue
      draft.refusal = missing(found)
      again = true
    }
  }
}

/** What ids mean, now that it is known what will be at the target. */
function finalNaming({ input, drafts }: Planning): Naming {
  const planned = new Map<string, Pairing>()
  for (const draft of drafts)
    if (draft.pairing && (draft.pairing.target || isNew(draft))) planned.set(keyText(draft), draft.pairing)
  const naming = namingOf(input, planned, new Map())
  return { ...naming, derived: derivedOf(input, drafts) }
}

/** Ids within documents that the target makes: of what is created a symbol, of what is there the target's own. */
function derivedOf({ sourceTypes }: SyncInput, drafts: readonly Draft[]): Map<string, Derived> {
  const found = new Map<string, Derived>()
  for (const draft of drafts) {
    const { item, pairing, place } = draft
    const type = sourceTypes.get(draft.type)
    if (!item || !type?.derived_paths || !pairing || place?.choosesIds !== false) continue
    if (!pairing.target && !isNew(draft)) continue
    const theirs = pairing.target?.document
    for (const [pointer, id] of derivedIn(type.derived_paths, item.document)) {
      const symbol = symbolOf(draft.type, `${draft.id}#${pointer}`)
      // one that is to be made within what is there already is known at the next sync only
      const at = theirs ? nameIn(valueIn(theirs, item.document, pointer)) : symbol
      if (at !== undefined) found.set(id, { at, shared: symbol, row: keyText(draft), pointer })
    }
  }
  return found
}

function rowsOf(planning: Planning, naming: Naming): PlanRow[] {
  const bases = { ...baseNames(naming, planning.input.pairs), renewed: renewed(planning.input, naming) }
  const choices = choicesBy(planning.input.conflicts)
  return planning.drafts.map((draft) => rowOf(planning, draft, naming, bases, choices))
}

function rowOf(planning: Planning, draft: Draft, naming: Naming, bases: Bases, choices: Choices): PlanRow {
  const { input } = planning
  const { type, id, item, pairing, place } = draft
  const empty: PlanRow = {
    ...{
      type,
      sourceId: id,
      title: item?.title ?? id,
      action: 'refused',
      targetId: pairing?.targetId ?? null,
    },
    ...{ matchedBy: pairing?.matchedBy ?? null, revision: pairing?.target?.revision ?? null },
    ...{
      references: [],
      changes: [],
      desired: null,
      secrets: {},
      base: null,
      mayDuplicate: false,
      warnings: [],
    },
  }
  if (draft.refusal) return { ...empty, refusal: draft.refusal }
  if (!item || !pairing || !place) throw new Error(`${type} ${id} is neither planned nor refused`)
  const wanted = wantedOf(input, draft, { item, pairing, place }, naming, bases, choices)
  const { conflicts, settled, ...outcome } = outcomeOf(wanted)
  if (conflicts.length > 0) {
    const among = conflicts.map(({ pointer }) => pointer || '/')
    const message = `Both sides changed ${among.join(', ')} since the last sync: choose source or target.`
    return { ...empty, changes: outcome.changes, refusal: { code: 'conflict', message, among } }
  }
  const refusal = outcome.action === 'patch' ? patchRefusal(planning, draft, item, place, naming) : undefined
  if (refusal) return { ...empty, refusal }
  const isSettled = outcome.action === 'none' && pairing.matchedBy === 'lineage' && settled
  const made = outcome.action === 'create' && pairing.targetId === null
  return {
    ...empty,
    ...outcome,
    references: referencesOf(planning, draft, item),
    // what is settled is not recorded again
    base: isSettled ? null : nextBase(wanted),
    mayDuplicate: made && item.naturalKey === null && !place.keyed,
    ...derives(naming, draft, made),
    warnings: outcome.action === 'none' ? [] : warningsOf(planning, item, pairing, naming, wanted),
  }
}

function wantedOf(
  input: SyncInput,
  { type }: Draft,
  { item, pairing, place }: { item: SourceItem; pairing: Pairing; place: Place },
  naming: Naming,
  bases: Bases,
  choices: Choices,
): Wanted {
  const of = (types: SyncInput['sourceTypes']): ConfigType => {
    const found = types.get(type) as ConfigType
    return place.choosesIds ? { ...found, derived_paths: undefined } : found
  }
  const types = { source: of(input.sourceTypes), target: of(input.targetTypes) }
  const { pair, target, targetId } = pairing
  const named = renamed(types.source, item, naming)
  return {
    ...{ types, item, target, targetId, hash: input.hash },
    ...{ named: named.at(), shared: named.shared },
    renewed: (document) => bases.renewed(types.target, document),
    base: target && pair?.base ? namedBase(pair.base, pair, bases) : undefined,
    openSecrets: input.openSecrets.has(type),
    choiceAt: (pointer) => choiceFor(choices, item, pointer),
  }
}

function patchRefusal(
  planning: Planning,
  { type }: Draft,
  item: SourceItem,
  place: Place,
  naming: Naming,
): Refusing | undefined {
  if (!place.patches)
    return { code: 'not-writable', message: `Nothing of the type ${type} can be changed at the target.` }
  const found = missingOf(planning, item, naming)
  return found.length > 0 ? missing(found) : undefined
}

/** Rows that a row refers to, each once. */
function referencesOf({ drafts, index }: Planning, draft: Draft, item: SourceItem): PlanRow['references'] {
  const found = new Map<number, boolean>()
  for (const { to, required } of item.references)
    for (const key of to) {
      const row = index.get(keyText(key))
      if (row === undefined || drafts[row] === draft) continue
      found.set(row, found.get(row) === true || (required && to.length === 1))
    }
  return [...found].sort(([a], [b]) => a - b).map(([to, required]) => ({ to, required }))
}

function derives({ derived }: Naming, draft: Draft, made: boolean): Pick<PlanRow, 'derives'> {
  const own = made ? [...derived.values()].filter(({ row }) => row === keyText(draft)) : []
  return own.length > 0 ? { derives: own.map(({ at: symbol, pointer }) => ({ symbol, pointer })) } : {}
}

function warningsOf(
  planning: Planning,
  item: SourceItem,
  pairing: Pairing,
  naming: Naming,
  { types, openSecrets }: Wanted,
): string[] {
  const warnings: string[] = []
  const { unclear } = renamingOf(item, naming, 'at')
  for (const reference of item.references) {
    const named = `${reference.toType ? `${reference.toType} ` : ''}${reference.name}`
    if (unclear.includes(reference))
      warnings.push(`Several configurations answer to ${named}, which stays as it is.`)
    else if (!willBe(planning, reference, naming))
      warnings.push(
        reference.to.length === 0
          ? `It refers to ${named}, which the source does not have either.`
          : `It refers to ${named}, which has no counterpart at the target.`,
      )
  }
  if (!openSecrets && types.source.secret_paths.length > 0)
    warnings.push('The source does not show its secrets: set them at the target.')
  if (pairing.wasDeleted) warnings.push('The target had its counterpart and deleted it; it is created again.')
  return [...new Set(warnings)].sort()
}

type Choices = {
  default: Choice
  places: ReadonlyMap<string, readonly { pointer: string; choice: Choice }[]>
}

/** The deepest place first. */
function choicesBy(conflicts: Conflicts): Choices {
  const places = [...conflicts.places].sort((a, b) => b.pointer.length - a.pointer.length)
  return { default: conflicts.default, places: Map.groupBy(places, keyText) }
}

const choiceFor = (choices: Choices, item: SourceItem, pointer: string): Choice =>
  choices.places
    .get(keyText(item))
    ?.find((each) => pointer === each.pointer || pointer.startsWith(`${each.pointer}/`))?.choice ??
  choices.default
