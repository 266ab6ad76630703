import { symbolOf } from '../../config-hub/compare/normalise.ts'
import { nameIn } from '../../config-hub/references/extract.ts'
import { valueIn } from './content.ts'
import { planDigest } from './digest.ts'
import { type Draft, isNew, missing, missingOf, type Planning, type Refusing } from './draft.ts'
import { byKey, keyText, type SyncInput } from './input.ts'
import { type Derived, derivedIn, type Naming, namingOf } from './naming.ts'
import { impossibleSteps } from './order.ts'
import { type Pairing, pairings } from './pairing.ts'
import type { PlanRow, SyncPlan } from './plan.ts'
import { type Outline, rowsOf } from './plan-rows.ts'
import { symbolsIn } from './rewrite.ts'
import { settledOf } from './settled.ts'
import { type Wait, writeTasks } from './tasks.ts'

/**
 * What promoting a selection does to the target: for each configuration what is created, changed, left or refused, and
 * the requests in their order. Pure, and independent of the order of its input: a dry run is this plan shown, a run is
 * the same plan executed. Never throws for what the configurations are like: that refuses rows.
 */
export const planSync = (input: SyncInput): SyncPlan => planOf(outlineOf(input))

/** What needs no document: what is paired, refused, and called how; and which documents do not have to be read. */
export function outlineOf(input: SyncInput): Outline {
  const planning = draftsOf(input)
  refuseCircles(planning)
  refuseMissing(planning)
  const naming = finalNaming(planning)
  return { planning, naming, settled: settledOf(planning, naming) }
}

/** The plan of an outline of which everything is read that is neither settled nor refused. */
export function planOf(outline: Outline): SyncPlan {
  const { planning } = outline
  const { input } = planning
  const rows = rowsOf(outline)
  const { tasks, cycles, impossible } = writeTasks(
    rows.map((row, index) => ({
      key: keyOf(row),
      action: row.action,
      // what is left as it is waits for nothing
      waits: row.action === 'none' ? [] : [...waitsOf(planning, index), ...madeWaits(planning, row)],
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

/** What a row waits for, of all that may be created. */
function waitsOf({ drafts, index }: Planning, row: number): Wait[] {
  const { item, refusal, place } = drafts[row] as Draft
  if (!item || refusal) return []
  const checks = place?.checksReferences === true
  return item.references.flatMap((reference) =>
    reference.to.flatMap((key): Wait[] => {
      const to = index.get(keyText(key))
      const other = to === undefined ? undefined : drafts[to]
      if (to === undefined || !other || !isNew(other)) return []
      const required = reference.required && reference.to.length === 1
      const made = other.pairing?.targetId === null
      const named = reference.name === key.id && reference.kind !== 'template'
      const checked = checks && named && reference.kind !== 'text'
      const hard = checked || ((made || checks) && required) || (made && named)
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
  if (!drafts.some(isNew)) return
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
