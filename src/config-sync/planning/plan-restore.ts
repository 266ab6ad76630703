import { symbolOf } from '../../config-hub/compare/normalise.ts'
import type { Document, NodeKey } from '../../config-hub/index/entry.ts'
import type { ConfigType, Registry } from '../../config-hub/types/definition.ts'
import { stableOf } from './content.ts'
import { planDigest } from './digest.ts'
import { namedIn } from './extracted.ts'
import { byKey, keyText, type Place } from './input.ts'
import type { PlanRow, SyncPlan } from './plan.ts'
import { type Dependant, deletion } from './plan-delete.ts'
import { emptyRow, type Former, type Live, replacement } from './replace.ts'
import { rewritten, symbolsIn } from './rewrite.ts'
import { allTasks, type Wait } from './tasks.ts'

/** A configuration as a snapshot has it. */
export type SnapshotItem = NodeKey & Former & { title: string }

export type RestoreInput = {
  types: Registry
  places: ReadonlyMap<string, Place>
  items: readonly SnapshotItem[]
  /** Of the snapshot's selection all that there is now; what the snapshot does not have was added since and goes. */
  live: readonly Live[]
  dependants: readonly Dependant[]
  hash(text: string): string
}

/** Makes a selection what it was: creates what is gone, puts back what changed, deletes what was added. Pure. */
export function planRestore(input: RestoreInput): SyncPlan {
  const { types, places, items, live, dependants, hash } = input
  const was = new Map(items.map((each) => [keyText(each), each]))
  const is = new Map(live.map((each) => [keyText(each), each]))
  const keys = [...new Map([...items, ...live].map((each) => [keyText(each), each])).values()].sort(byKey)
  const anew = remaking(keys, was, is, places)
  const rows = keys.map((key) => {
    const [item, now] = [was.get(keyText(key)), is.get(keyText(key))]
    return item ? restoredRow(item, now, input, anew) : deletion(key, now, types, places)
  })
  return completed(keys, rows, was, dependants, anew, input, hash)
}

/** What the target will give new ids. */
function remaking(
  keys: readonly NodeKey[],
  was: ReadonlyMap<string, unknown>,
  is: ReadonlyMap<string, unknown>,
  places: ReadonlyMap<string, Place>,
): ReadonlyMap<string, string> {
  return new Map(
    keys
      .filter(
        (key) => was.has(keyText(key)) && !is.has(keyText(key)) && places.get(key.type)?.choosesIds === false,
      )
      .map((key) => [keyText(key), symbolOf(key.type, key.id)]),
  )
}

/** The document with the ids that the target will make as symbols. */
export function remade(type: ConfigType, document: Document, anew: ReadonlyMap<string, string>): Document {
  if (anew.size === 0) return document
  const byId = Map.groupBy(anew, ([key]) => key.slice(key.indexOf('/') + 1))
  const texts = new Map(
    [...byId].flatMap(([id, all]) => (all.length === 1 && all[0] ? [[id, all[0][1]]] : [])),
  )
  return rewritten(type, document, {
    texts,
    declared: (name, toType) => (toType === '' ? texts.get(name) : anew.get(`${toType}/${name}`)),
  })
}

function restoredRow(
  item: SnapshotItem,
  now: Live | undefined,
  { types, places, hash }: RestoreInput,
  anew: ReadonlyMap<string, string>,
): PlanRow {
  const { title } = item
  const [type, place] = [types.get(item.type), places.get(item.type)]
  const row = emptyRow(item, { title, revision: now?.revision ?? null })
  if (!type || !place || !(now ? place.patches : place.creates)) {
    const message = `Nothing of the type ${item.type} can be ${now ? 'changed' : 'created'} here.`
    return { ...row, action: 'refused', refusal: { code: 'not-writable', message } }
  }
  const former = { ...item, document: remade(type, item.document, anew) }
  if (now) return { ...row, ...replacement(type, now, former, hash) }
  const made = anew.has(keyText(item))
  // what its place makes anew is not sent
  const desired = made ? stableOf(type, former.document) : former.document
  return {
    ...row,
    ...{ action: 'create', desired, secrets: item.secrets },
    ...(made
      ? { sourceId: item.id, targetId: null, mayDuplicate: type.natural_key.length === 0 && !place.keyed }
      : {}),
  }
}

/** Rows with what refers to what, in their order. */
function completed(
  keys: readonly NodeKey[],
  bare: readonly PlanRow[],
  was: ReadonlyMap<string, SnapshotItem>,
  dependants: readonly Dependant[],
  anew: ReadonlyMap<string, string>,
  { types, places }: Pick<RestoreInput, 'types' | 'places'>,
  hash: (text: string) => string,
): SyncPlan {
  const index = new Map(keys.map((key, row) => [keyText(key), row]))
  const byOf = Map.groupBy(dependants, ({ of }) => keyText(of))
  const waits = keys.map((key, row): Wait[] => {
    const [item, type] = [was.get(keyText(key)), types.get(key.type)]
    const acting = bare[row]?.action === 'create' || bare[row]?.action === 'patch'
    const desired = bare[row]?.desired
    return item && type && acting && desired
      ? waitsOf(type, { before: item.document, desired }, row, index, anew, places.get(key.type))
      : []
  })
  const rows = bare.map((row, at) => ({
    ...row,
    references: [...new Map((waits[at] ?? []).map((each) => [each.to, each])).values()]
      .filter(({ to }) => to !== at)
      .map(({ to, required }) => ({ to, required })),
  }))
  const ordered = allTasks(
    rows.map(({ type, action }, at) => ({
      ...{ key: `${type} ${(keys[at] as NodeKey).id}`, action, waits: waits[at] as Wait[] },
      after: byOf.get(keyText(keys[at] as NodeKey))?.flatMap(({ by }) => index.get(keyText(by)) ?? []) ?? [],
    })),
  )
  const refused = rows.map((row, at): PlanRow => {
    const circle = ordered.impossible.get(at)
    if (!circle) return row
    const message = `It needs, or is in, a circle that cannot be created: ${[...circle, circle[0]].join(' > ')}.`
    const refusal = { code: 'required-circle' as const, message, among: circle }
    return { ...row, action: 'refused', desired: null, secrets: {}, refusal }
  })
  const plan = { rows: refused, tasks: ordered.tasks, cycles: ordered.cycles }
  return { ...plan, digest: planDigest(plan, hash) }
}

/** What a document that is to be written refers to in the same plan, and the ids in it that the target is still to make. */
export function waitsOf(
  type: ConfigType,
  { before, desired }: { before: Document; desired: Document },
  own: number,
  index: ReadonlyMap<string, number>,
  anew: ReadonlyMap<string, string>,
  place: Place | undefined,
): Wait[] {
  const hard = place?.checksReferences === true
  const declared = namedIn(type, before).flatMap(({ name, toType, required }): Wait[] => {
    const to = toType === '' ? undefined : index.get(`${toType}/${name}`)
    return to === undefined || (to === own && !hard) ? [] : [{ to, required, hard }]
  })
  const made = symbolsIn(desired).flatMap((key): Wait[] => {
    const to = anew.has(key) ? index.get(key) : undefined
    return to === undefined ? [] : [{ to, required: false, hard: true }]
  })
  return [...declared, ...made].sort((a, b) => a.to - b.to)
}
