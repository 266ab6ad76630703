import { symbolOf } from '../../config-hub/compare/normalise.ts'
import type { Document, NodeKey } from '../../config-hub/index/entry.ts'
import type { Registry } from '../../config-hub/types/definition.ts'
import { planDigest } from './digest.ts'
import { keyText, type Place } from './input.ts'
import type { PlanRow, PlanTask, SyncPlan } from './plan.ts'
import { stillNeeded } from './plan-delete.ts'
import { remade } from './plan-restore.ts'
import { emptyRow, type Live, replacement } from './replace.ts'
import { allTasks, type Wait } from './tasks.ts'

/** One write that a job did. */
export type DoneWrite = {
  seq: number
  step: PlanTask['kind']
  doneOrder: number
  type: string
  targetId: string
  /** What was there before, its secrets apart; null: nothing. */
  before: { document: Document; secrets: Readonly<Record<string, unknown>> } | null
  postRevision: string | null
  postHash: string | null
}

/** A row of the job that is taken back, and the rows that its first write waited for. */
export type DoneRow = { seq: number; title: string; waitedFor: readonly number[] }

/** As it is now; `contentHash` is that of its document with its secrets, as the journal has it. */
export type LiveNow = Live & { contentHash: string }

export type RollbackInput = {
  types: Registry
  places: ReadonlyMap<string, Place>
  rows: readonly DoneRow[]
  writes: readonly DoneWrite[]
  live: readonly LiveNow[]
  hash(text: string): string
}

/** All that a job did to one configuration. */
type Net = NodeKey & { seq: number; title: string; before: DoneWrite['before']; last: DoneWrite }

/**
 * Takes back what a job did, in the reverse order: deletes what it created, puts back what it changed, creates what it
 * deleted. What is not as the job left it is refused, and what that may still refer to. Pure.
 */
export function planRollback(input: RollbackInput): SyncPlan {
  const { rows: done, writes, hash } = input
  const titles = new Map(done.map(({ seq, title }) => [seq, title]))
  const nets = netsOf(writes, titles)
  const live = new Map(input.live.map((each) => [keyText(each), each]))
  const anew = new Map(
    nets
      .filter(({ last, type }) => last.step === 'delete' && input.places.get(type)?.choosesIds === false)
      .map(({ type, id }) => [`${type}/${id}`, symbolOf(type, id)]),
  )
  const rows = nets.map((net) => inverse(net, live.get(keyText(net)), input, anew))
  const index = new Map(nets.map(({ seq }, row) => [seq, row]))
  // what waited comes first now
  const after: number[][] = rows.map(() => [])
  for (const { seq, waitedFor } of done) {
    const waiter = index.get(seq)
    for (const other of waitedFor) {
      const first = index.get(other)
      if (waiter !== undefined && first !== undefined && waiter !== first) after[first]?.push(waiter)
    }
  }
  refuseStillReferred(rows, nets, after, live)
  const { tasks, cycles } = allTasks(
    rows.map(({ type, targetId, action }, at) => ({
      ...{ key: `${type} ${targetId}`, action, after: after[at] as number[] },
      waits: (after[at] as number[]).map((to): Wait => {
        const other = nets[to] as Net
        return { to, required: false, hard: anew.has(keyText(other)) }
      }),
    })),
  )
  const plan = { rows, tasks, cycles }
  return { ...plan, digest: planDigest(plan, hash) }
}

/** By configuration, the latest first. */
function netsOf(writes: readonly DoneWrite[], titles: ReadonlyMap<number, string>): Net[] {
  const bySeq = Map.groupBy(
    [...writes].sort((a, b) => a.doneOrder - b.doneOrder),
    ({ seq }) => seq,
  )
  return [...bySeq.values()]
    .map((each): Net => {
      const [first, last] = [each[0] as DoneWrite, each.at(-1) as DoneWrite]
      const { type, targetId: id, seq, before } = first
      return { type, id, seq, before, last, title: titles.get(seq) ?? id }
    })
    .sort((a, b) => b.last.doneOrder - a.last.doneOrder)
}

function inverse(
  net: Net,
  now: LiveNow | undefined,
  { types, places, hash }: RollbackInput,
  anew: ReadonlyMap<string, string>,
): PlanRow {
  const { before, last, title } = net
  const [type, place] = [types.get(net.type), places.get(net.type)]
  const row = emptyRow(net, { title, revision: now?.revision ?? null })
  const refuse = (code: 'changed-since' | 'not-writable', message: string): PlanRow => ({
    ...row,
    ...{ action: 'refused', refusal: { code, message } },
  })
  if (!type || !place) return refuse('not-writable', `There is no place for the type ${net.type}.`)
  if (last.step === 'delete') {
    if (!before) return { ...row, warnings: ['It is not there.'] }
    if (now) return refuse('changed-since', 'It was created again since.')
    if (!place.creates) return refuse('not-writable', `Nothing of the type ${net.type} can be created here.`)
    const made = anew.has(keyText(net))
    return {
      ...row,
      ...{ action: 'create', desired: remade(type, before.document, anew), secrets: before.secrets },
      ...(made ? { sourceId: net.id, targetId: null, mayDuplicate: type.natural_key.length === 0 } : {}),
    }
  }
  if (!now)
    return before
      ? refuse('changed-since', 'It was deleted since.')
      : { ...row, warnings: ['It is not there.'] }
  if (now.revision !== last.postRevision && now.contentHash !== last.postHash)
    return refuse('changed-since', 'It was changed since.')
  if (!before) {
    if (!place.deletes) return refuse('not-writable', `Nothing of the type ${net.type} can be deleted here.`)
    return { ...row, action: 'delete' }
  }
  if (!place.patches) return refuse('not-writable', `Nothing of the type ${net.type} can be changed here.`)
  const former = { ...before, document: remade(type, before.document, anew) }
  return { ...row, ...replacement(type, now, former, hash) }
}

/** What stays as the job left it may refer to what the job created: that stays as well. */
function refuseStillReferred(
  rows: PlanRow[],
  nets: readonly Net[],
  after: readonly (readonly number[])[],
  live: ReadonlyMap<string, unknown>,
): void {
  for (let again = true; again; ) {
    again = false
    for (const [at, row] of rows.entries()) {
      if (row.action !== 'delete') continue
      const staying = (after[at] as number[]).filter(
        (other) => rows[other]?.action === 'refused' && live.has(keyText(nets[other] as Net)),
      )
      if (staying.length === 0) continue
      const refusal = stillNeeded(staying.map((other) => nets[other] as Net))
      rows[at] = { ...row, action: 'refused', refusal }
      again = true
    }
  }
}
