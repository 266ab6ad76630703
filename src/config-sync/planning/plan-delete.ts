import type { NodeKey } from '../../config-hub/index/entry.ts'
import type { Registry } from '../../config-hub/types/definition.ts'
import { planDigest } from './digest.ts'
import { byKey, keyText, type Place } from './input.ts'
import type { PlanRow, SyncPlan } from './plan.ts'
import { protection } from './protected.ts'
import { emptyRow, type Live } from './replace.ts'
import { allTasks } from './tasks.ts'

/** Who refers to what, and would refer to nothing without it. */
export type Dependant = { of: NodeKey; by: NodeKey & { title: string } }

export type DeleteInput = {
  types: Registry
  places: ReadonlyMap<string, Place>
  resources: readonly (NodeKey & { title?: string | undefined })[]
  live: readonly Live[]
  dependants: readonly Dependant[]
  /** Whether what others still need is refused. */
  checkDependencies: boolean
  hash(text: string): string
}

/**
 * Deletes a selection: what refers to others of it goes first. What is protected is left alone, what is gone already is
 * nothing to do. With `checkDependencies` nothing goes that something else still refers to. Pure.
 */
export function planDelete(input: DeleteInput): SyncPlan {
  const { types, places, resources, live, dependants, hash } = input
  const there = new Map(live.map((each) => [keyText(each), each]))
  const keys = [...new Map(resources.map((each) => [keyText(each), each])).values()].sort(byKey)
  const rows = keys.map((key) => deletion(key, there.get(keyText(key)), types, places))
  const byOf = Map.groupBy(dependants, ({ of }) => keyText(of))
  if (input.checkDependencies) refuseNeeded(rows, keys, byOf)
  const index = new Map(keys.map((key, row) => [keyText(key), row]))
  const { tasks, cycles } = allTasks(
    rows.map(({ type, targetId, action }) => ({
      ...{ key: `${type} ${targetId}`, action, waits: [] },
      after: byOf.get(`${type}/${targetId}`)?.flatMap(({ by }) => index.get(keyText(by)) ?? []) ?? [],
    })),
  )
  const plan = { rows, tasks, cycles }
  return { ...plan, digest: planDigest(plan, hash) }
}

/** The row of what is to be deleted, refused where it may or can not be. */
export function deletion(
  key: NodeKey & { title?: string | undefined },
  live: Live | undefined,
  types: Registry,
  places: ReadonlyMap<string, Place>,
): PlanRow {
  const row = emptyRow(key, { title: live?.title ?? key.title ?? key.id, revision: live?.revision ?? null })
  const type = types.get(key.type)
  if (!live || !type) return { ...row, warnings: ['It is not there.'] }
  const message = protection(type, live.document)
  if (message) return { ...row, action: 'refused', refusal: { code: 'protected', message } }
  if (places.get(key.type)?.deletes !== true) {
    const refusal = {
      code: 'not-writable' as const,
      message: `Nothing of the type ${key.type} can be deleted here.`,
    }
    return { ...row, action: 'refused', refusal }
  }
  return { ...row, action: 'delete' }
}

/** As many as a message names. */
const NAMED = 10

/** Refuses what something else than what goes too refers to, until nothing more has to stay. */
function refuseNeeded(
  rows: PlanRow[],
  keys: readonly NodeKey[],
  byOf: ReadonlyMap<string, readonly Dependant[]>,
): void {
  const going = new Set(keys.filter((_, row) => rows[row]?.action === 'delete').map(keyText))
  const needing = (key: string) => (byOf.get(key) ?? []).filter(({ by }) => !going.has(keyText(by)))
  const planned = [...going]
  for (let before = -1; before !== going.size; ) {
    before = going.size
    for (const key of planned) if (going.has(key) && needing(key).length > 0) going.delete(key)
  }
  // only now it is known who stays
  for (const [at, row] of rows.entries()) {
    const key = keyText(keys[at] as NodeKey)
    if (row.action !== 'delete' || going.has(key)) continue
    rows[at] = { ...row, action: 'refused', refusal: stillNeeded(needing(key).map(({ by }) => by)) }
  }
}

export function stillNeeded(by: readonly (NodeKey & { title: string })[]): NonNullable<PlanRow['refusal']> {
  const among = [...new Set(by.map(({ type, id }) => `${type} ${id}`))].sort()
  const more = among.length > NAMED ? ` and ${among.length - NAMED} more` : ''
  const message = `It is still needed by ${among.slice(0, NAMED).join(', ')}${more}.`
  return { code: 'still-needed', message, among }
}
