import { symbolOf } from '../../config-hub/compare/normalise.ts'
import type { Document, NodeKey } from '../../config-hub/index/entry.ts'
import type { ConfigType, Registry } from '../../config-hub/types/definition.ts'
import { stableOf } from './content.ts'
import { planDigest } from './digest.ts'
import { keyText, type Place } from './input.ts'
import type { PlanRow, PlanTask, SyncPlan } from './plan.ts'
import { type Dependant, stillNeeded } from './plan-delete.ts'
import { remade, waitsOf } from './plan-restore.ts'
import { emptyRow, type Live, replacement } from './replace.ts'
import { allTasks, type Wait } from './tasks.ts'

/** One write that a job did, or began: `done` says that it is known to have happened. */
export type DoneWrite = {
  seq: number
  step: PlanTask['kind']
  done: boolean
  doneOrder: number
  type: string
  /** Null: the target was to make it, and nobody knows what it made. */
  targetId: string | null
  /** What was there before, its secrets apart; null: nothing. */
  before: { document: Document; secrets: Readonly<Record<string, unknown>> } | null
  preRevision: string | null
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
  /** Who refers now to what the job created. */
  dependants?: readonly Dependant[]
  hash(text: string): string
}

/** All that a job did to one configuration. `unclear`: what it was about to do last may have happened or not. */
type Net = NodeKey & {
  seq: number
  title: string
  before: DoneWrite['before']
  last: DoneWrite
  unclear: boolean
}

type Lives = ReadonlyMap<string, LiveNow>

/**
 * Takes back what a job did, in the reverse order: deletes what it created, puts back what it changed, creates what it
 * deleted. What is not as the job left it is refused, and what that, or anything else, still refers to. Pure.
 */
export function planRollback(input: RollbackInput): SyncPlan {
  const { writes, hash, types } = input
  const live = new Map(input.live.map((each) => [keyText(each), each]))
  const nets = netsOf(writes, new Map(input.rows.map(({ seq, title }) => [seq, title])), live)
  const anew = new Map(
    nets
      .filter(({ last, type }) => last.step === 'delete' && input.places.get(type)?.choosesIds === false)
      .map(({ type, id }) => [`${type}/${id}`, symbolOf(type, id)]),
  )
  const rows = nets.map((net) => inverse(net, live.get(keyText(net)), input, anew))
  const after = reversed(nets, input.rows)
  refuseStillNeeded(rows, nets, after, live, input.dependants ?? [])
  const index = new Map(nets.map((net, row) => [keyText(net), row]))
  const { tasks, cycles } = allTasks(
    rows.map(({ type, targetId, action, desired }, at) => {
      const soft = (after[at] as number[]).map((to): Wait => ({ to, required: false, hard: false }))
      const [before, of] = [nets[at]?.before?.document, types.get(type)]
      const place = input.places.get(type)
      const named = before && desired && of ? waitsOf(of, { before, desired }, at, index, anew, place) : []
      const key = `${type} ${targetId}`
      return { key, action, after: after[at] as number[], waits: [...soft, ...named.map(openable)] }
    }),
  )
  const plan = { rows, tasks, cycles }
  return { ...plan, digest: planDigest(plan, hash) }
}

/** No circle is in the way of taking something back: what a place that checks references refuses, it refuses itself. */
const openable = (wait: Wait): Wait => ({ ...wait, required: wait.required && !wait.hard })

/** By configuration, the latest first. */
function netsOf(writes: readonly DoneWrite[], titles: ReadonlyMap<number, string>, live: Lives): Net[] {
  const inOrder = [...writes].sort((a, b) => a.doneOrder - b.doneOrder || a.seq - b.seq)
  return [...Map.groupBy(inOrder, ({ seq }) => seq).values()]
    .flatMap((all): Net[] => {
      const each = all.filter((write) => happened(write, live) !== false)
      const [first, last] = [each[0], each.at(-1)]
      if (!first || !last) return []
      const { type, seq, before } = first
      const id = last.targetId ?? ''
      const unclear = each.some((write) => happened(write, live) === undefined)
      return [{ type, id, seq, before, last, title: titles.get(seq) || id, unclear }]
    })
    .sort((a, b) => b.last.doneOrder - a.last.doneOrder || b.seq - a.seq)
}

/** Whether a write happened, as the journal or what is there now says; undefined: nobody knows. */
function happened({ done, type, targetId, step, preRevision }: DoneWrite, live: Lives): boolean | undefined {
  if (done) return true
  if (targetId === null) return undefined
  const now = live.get(`${type}/${targetId}`)
  if (!now) return step === 'delete' ? true : step === 'create' ? false : undefined
  return step !== 'create' && now.revision === preRevision ? false : undefined
}

/** By row of the plan, those that waited for it: they come first now. */
function reversed(nets: readonly Net[], done: readonly DoneRow[]): number[][] {
  const index = new Map(nets.map(({ seq }, row) => [seq, row]))
  const after: number[][] = nets.map(() => [])
  for (const { seq, waitedFor } of done) {
    const waiter = index.get(seq)
    for (const other of waitedFor) {
      const first = index.get(other)
      if (waiter !== undefined && first !== undefined && waiter !== first) after[first]?.push(waiter)
    }
  }
  return after
}

function inverse(
  net: Net,
  now: LiveNow | undefined,
  { types, places, hash }: RollbackInput,
  anew: ReadonlyMap<string, string>,
): PlanRow {
  const { before, last, title } = net
  const [type, place] = [types.get(net.type), places.get(net.type)]
  const row = emptyRow(net, { title, targetId: last.targetId, revision: now?.revision ?? null })
  const refuse = (code: 'changed-since' | 'not-writable', message: string): PlanRow => ({
    ...row,
    ...{ action: 'refused', refusal: { code, message } },
  })
  if (!type || !place) return refuse('not-writable', `There is no place for the type ${net.type}.`)
  if (net.unclear)
    return refuse('changed-since', 'Whether the last write of the job to it happened is not known.')
  if (last.step === 'delete') return madeAgain(net, row, now, { type, place, refuse, anew })
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

type Making = {
  type: ConfigType
  place: Place
  refuse(code: 'changed-since' | 'not-writable', message: string): PlanRow
  anew: ReadonlyMap<string, string>
}

function madeAgain(net: Net, row: PlanRow, now: unknown, { type, place, refuse, anew }: Making): PlanRow {
  const { before } = net
  if (now) return refuse('changed-since', 'It was created again since.')
  // the job had created it before
  if (!before) return { ...row, warnings: ['It is not there.'] }
  if (!place.creates) return refuse('not-writable', `Nothing of the type ${net.type} can be created here.`)
  const made = anew.has(keyText(net))
  // what its place makes anew is not sent
  const desired = remade(type, made ? stableOf(type, before.document) : before.document, anew)
  return {
    ...row,
    ...{ action: 'create', desired, secrets: before.secrets },
    ...(made
      ? { sourceId: net.id, targetId: null, mayDuplicate: type.natural_key.length === 0 && !place.keyed }
      : {}),
  }
}

/** What stays may refer to what the job created: that stays as well. */
function refuseStillNeeded(
  rows: PlanRow[],
  nets: readonly Net[],
  after: readonly (readonly number[])[],
  live: Lives,
  dependants: readonly Dependant[],
): void {
  const index = new Map(nets.map((net, row) => [keyText(net), row]))
  const byOf = Map.groupBy(dependants, ({ of }) => keyText(of))
  const staying = new Set([...rows.keys()].filter((row) => rows[row]?.action === 'refused'))
  const isActing = (row: number) =>
    !staying.has(row) && (rows[row]?.action === 'delete' || rows[row]?.action === 'patch')
  const needing = (at: number) => {
    const refused = (after[at] as number[])
      .filter((other) => staying.has(other) && live.has(keyText(nets[other] as Net)))
      .map((other) => nets[other] as Net)
    const others = (byOf.get(keyText(nets[at] as Net)) ?? []).map(({ by }) => by)
    return [...refused, ...others.filter((by) => !isActing(index.get(keyText(by)) ?? -1))]
  }
  for (let before = -1; before !== staying.size; ) {
    before = staying.size
    for (const [at, { action }] of rows.entries())
      if (action === 'delete' && needing(at).length > 0) staying.add(at)
  }
  // only now it is known who stays
  for (const [at, row] of rows.entries())
    if (row.action === 'delete' && staying.has(at))
      rows[at] = { ...row, action: 'refused', refusal: stillNeeded(needing(at)) }
}
