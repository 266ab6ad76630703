import type { Source } from '../../config-hub/connectors/open.ts'
import type { Document, Entry, NodeKey } from '../../config-hub/index/entry.ts'
import type { SyncedPair } from '../../config-hub/lineage/lineage.ts'
import type { Deps } from '../../deps.ts'
import { canonical } from '../../operation/plan.ts'
import { dependents } from '../planning/schedule.ts'
import type { Naming } from './document.ts'
import {
  type Content,
  type Counts,
  countKey,
  type Derived,
  type EventWrite,
  type JournalEntry,
  type JournalWrite,
  type Phase,
  type Row,
  type RowStatus,
  type RowTask,
  type RowWrite,
  type Step,
  type SyncJob,
  stepPhase,
} from './job.ts'

export type Task = RowTask & { seq: number }

/** A job under way in this process. */
export type Work = {
  deps: Deps
  job: SyncJob
  target: Source
  signal: AbortSignal
  rows: Row[]
  /** What rows are to be, where this process has just planned it. */
  contents: ReadonlyMap<number, Content> | undefined
  tasks: Task[]
  waiting: number[][]
  /** By task: whether it is still to be done. */
  open: boolean[]
  /** Rows that will lack a reference to what failed, and why, once they are created. */
  incomplete: Map<number, string>
  /** Rows that were created, also those of which that is being noted. */
  created: Set<number>
  journal: Map<string, JournalEntry>
  counts: Counts
  /** Of the last write that was done. */
  doneOrder: number
  /** The target's ids by `type/source id`, and by `type/source id#pointer` those that it made within what it created. */
  ids: Map<string, string>
  /** Rows that were created and of which it is being looked up which ids the target made within them. */
  deriving: Set<number>
  stats: { requests: number; repeated: number }
}

export const stepKey = (seq: number, step: Step): string => `${seq}/${step}`
export const rowOf = (work: Work, seq: number): Row => work.rows[seq] as Row

const BAD: ReadonlySet<string> = new Set(['skipped', 'failed'])
const FINISHED: ReadonlySet<string> = new Set(['created', 'patched', 'deleted', 'skipped', 'failed'])

/** A job as its rows and journal say that it stands. */
export function openWork(
  given: Pick<Work, 'deps' | 'job' | 'target' | 'signal' | 'contents'>,
  rows: Row[],
  journal: readonly JournalEntry[],
): Work {
  const tasks: Task[] = []
  for (const { seq, tasks: own } of rows) for (const each of own) tasks[each.task] = { ...each, seq }
  const entries = new Map(journal.map((entry) => [stepKey(entry.seq, entry.step), entry]))
  const isDone = ({ seq, kind }: Task) => entries.get(stepKey(seq, kind))?.outcome === 'done'
  const isOpen = (task: Task) => !FINISHED.has((rows[task.seq] as Row).status) && !isDone(task)
  const ids = rows.flatMap(({ type, sourceId, targetId }) =>
    targetId === null ? [] : [[`${type}/${sourceId}`, targetId] as const],
  )
  const work: Work = {
    ...given,
    rows,
    tasks,
    waiting: dependents(tasks),
    open: tasks.map(isOpen),
    incomplete: new Map(),
    created: new Set(),
    deriving: new Set(),
    journal: entries,
    counts: { ...given.job.counts },
    doneOrder: journal.reduce((last, { doneOrder }) => Math.max(last, doneOrder ?? 0), 0),
    ids: new Map(ids),
    stats: { requests: given.job.stats?.requests ?? 0, repeated: given.job.stats?.repeated ?? 0 },
  }
  for (const { seq, step, outcome, derived } of journal) {
    if (step === 'create' && outcome === 'done') work.created.add(seq)
    nameDerived(work, derived)
  }
  // what is open and waits for what failed was to be left incomplete
  for (const [index, task] of tasks.entries())
    if (!work.open[index] && !isDone(task) && BAD.has((rows[task.seq] as Row).status))
      closeWaiting(work, index)
  return work
}

const nameDerived = ({ ids }: Work, derived: Derived | null | undefined): void => {
  for (const [symbol, id] of Object.entries(derived ?? {})) ids.set(symbol.slice(1, -1), id)
}

/** Rows that were created and of which it is not known yet which ids the target made within them. */
export const underived = (work: Work): number[] =>
  [...work.created].filter((seq) => {
    const { derives, status } = rowOf(work, seq)
    return (
      derives.length > 0 && status === 'in_progress' && !work.journal.get(stepKey(seq, 'create'))?.derived
    )
  })

/** How the document of a task is named: without what it omits, unless that is there by `isThere`. */
export function namingOf(work: Work, omits: readonly number[], isThere: (seq: number) => boolean): Naming {
  const omitted = new Set<string>()
  for (const seq of omits) {
    const { type, sourceId, targetId, derives } = rowOf(work, seq)
    // one that was created a moment ago may be there before its ids are known here
    const known = [`${type}/${sourceId}`, ...derives.map(({ symbol }) => symbol.slice(1, -1))]
    if (isThere(seq) && known.every((key) => work.ids.has(key))) continue
    omitted.add(`⟨${type}/${sourceId}⟩`)
    for (const { symbol } of derives) omitted.add(symbol)
    if (targetId !== null) omitted.add(targetId)
  }
  return { idOf: (key) => work.ids.get(key), omitted }
}

/** Equality of a whole document, secrets included, without keeping it: what a rollback compares. */
export const contentHash = (deps: Pick<Deps, 'sealing'>, document: Document): string =>
  deps.sealing.hash(canonical(document))

/** What one transaction notes of the job. */
export type Change = {
  rows: RowWrite[]
  journal: JournalWrite[]
  events: EventWrite[]
  lineage: SyncedPair[]
  /** Of what is being made as it was: whose pairs are to be what they were too. */
  takenBack: TakenBackRow[]
  /** What the index of the target's organisation is to know: of places elsewhere, whose writes do not tell it. */
  entries: Entry[]
  gone: NodeKey[]
}

/** `was` is the id that it had, `id` the one that it has now; null: it is gone. */
export type TakenBackRow = { seq: number; type: string; was: string; id: string | null }

export const noChange = (): Change => ({
  ...{ rows: [], journal: [], events: [], lineage: [], takenBack: [], entries: [], gone: [] },
})

/** How the rows stand after these writes; a row may be written twice. */
export function countsAfter(work: Work, writes: readonly RowWrite[]): Counts {
  const counts = { ...work.counts }
  const last = new Map(writes.map((write) => [write.seq, write]))
  for (const [seq, { status, code }] of last) {
    const was = rowOf(work, seq)
    const before = countKey(was.status, was.code)
    const after = countKey(status, code)
    if (before === after) continue
    counts[before] = (counts[before] ?? 0) - 1
    counts[after] = (counts[after] ?? 0) + 1
  }
  return counts
}

/** Takes note of what was committed. */
export function committed(work: Work, { rows, journal }: Change, counts: Counts): void {
  work.counts = counts
  for (const { seq, status, code, targetId, attempt } of rows) {
    const row = rowOf(work, seq)
    Object.assign(row, { status, code, attempt, targetId: targetId ?? row.targetId })
    if (row.targetId !== null) work.ids.set(`${row.type}/${row.sourceId}`, row.targetId)
  }
  for (const { seq, step, outcome, targetId, marker = null, preRevision = null, ...rest } of journal) {
    const known = work.journal.get(stepKey(seq, step))
    if (step === 'create' && outcome === 'done') work.created.add(seq)
    nameDerived(work, rest.derived)
    work.journal.set(stepKey(seq, step), {
      ...{ seq, step, outcome },
      targetId: targetId ?? known?.targetId ?? null,
      marker: known?.marker ?? marker,
      preRevision: known?.preRevision ?? preRevision,
      postRevision: rest.postRevision ?? known?.postRevision ?? null,
      doneOrder: rest.doneOrder ?? known?.doneOrder ?? null,
      derived: rest.derived ?? known?.derived ?? null,
    })
  }
}

export type Failure = { code: string; error: string }

/**
 * A task that failed, and with it everything that waits for it: the row fails, rows that were not begun are skipped, and
 * one that was created already and now stays incomplete fails too; one that is still to be created will fail then.
 * Closes the tasks; answers what is to be noted.
 */
export function failTask(work: Work, index: number, failure: Failure): Change {
  const change = noChange()
  const task = work.tasks[index] as Task
  work.open[index] = false
  const affected = closeWaiting(work, index)
  const note = (seq: number, kind: Step, status: 'failed' | 'skipped', { code, error }: Failure) => {
    const { type, sourceId, targetId, attempt } = rowOf(work, seq)
    change.rows.push({ seq, status, phase: stepPhase(kind), targetId, code, error, attempt })
    change.events.push({ phase: stepPhase(kind), type, sourceId, targetId, status, error })
  }
  note(task.seq, task.kind, 'failed', failure)
  work.incomplete.delete(task.seq)
  for (const [seq, { kind, error }] of affected) {
    if (seq === task.seq || work.incomplete.has(seq)) continue
    if (work.created.has(seq)) note(seq, kind, 'failed', { code: 'incomplete', error: lacks(error) })
    else note(seq, kind, 'skipped', { code: 'dependency-failed', error: `It needs what failed: ${error}.` })
  }
  return change
}

const lacks = (cause: string): string => `It lacks its reference to what failed: ${cause}.`

/**
 * Closes everything open that waits for a task, directly or not; rows that are still to be created all the same are
 * marked as incomplete. Answers the rows that this is about, with what failed.
 */
function closeWaiting(work: Work, index: number): Map<number, { kind: Step; error: string }> {
  const failed = rowOf(work, (work.tasks[index] as Task).seq)
  const cause = `${failed.type} ${failed.sourceId || failed.targetId}`
  const affected = new Map<number, { kind: Step; error: string }>()
  const from = [index]
  for (let at = from.pop(); at !== undefined; at = from.pop())
    for (const next of work.waiting[at] as number[]) {
      if (!work.open[next]) continue
      work.open[next] = false
      from.push(next)
      const { seq, kind } = work.tasks[next] as Task
      affected.set(seq, { kind, error: cause })
    }
  for (const seq of affected.keys()) {
    const create = rowOf(work, seq).tasks.find(({ kind }) => kind === 'create')
    if (create && work.open[create.task]) work.incomplete.set(seq, lacks(cause))
    else work.incomplete.delete(seq)
  }
  return affected
}

/** What a row is after one of its tasks: in progress until its last one, and then failed if it lacks something. */
export function endOf(
  work: Work,
  seq: number,
  last: boolean,
  status: RowStatus,
): { status: RowStatus; code: string | null; error: string | null } {
  const error = work.incomplete.get(seq)
  if (last && error !== undefined) return { status: 'failed', code: 'incomplete', error }
  return { status: last ? status : 'in_progress', code: null, error: null }
}

export function addChange(to: Change, more: Change): void {
  to.rows.push(...more.rows)
  to.journal.push(...more.journal)
  to.events.push(...more.events)
  to.lineage.push(...more.lineage)
  to.takenBack.push(...more.takenBack)
  to.entries.push(...more.entries)
  to.gone.push(...more.gone)
}

/** The pair that a sync leaves behind, as the organisation that keeps it knows it; nothing for other jobs. */
export function pairOf(
  { job, target }: Pick<Work, 'job' | 'target'>,
  {
    seq,
    type,
    sourceId,
    hasBase,
    settledAs,
  }: Pick<Row, 'seq' | 'type' | 'sourceId' | 'hasBase' | 'settledAs'>,
  targetId: string,
  now: Date,
): SyncedPair[] {
  if (job.kind !== 'sync' || job.sourceOrg === null || !hasBase || sourceId === '') return []
  const of = { type, syncedAt: now, jobId: job.id, place: seq }
  // an organisation elsewhere has no row here: ours keeps the pair as if it came from there
  return target.kind === 'remote'
    ? [{ ...of, sourceOrg: job.targetOrg, sourceId: targetId, targetId: sourceId }]
    : [{ ...of, sourceOrg: job.sourceOrg, sourceId, targetId, settledAs }]
}

/** What a rollback or restore did to one configuration, as far as its pairs follow from that. */
export function takenBackOf({ job }: Pick<Work, 'job'>, row: Row, targetId: string | null): TakenBackRow[] {
  if (job.kind !== 'rollback' && job.kind !== 'restore') return []
  const was = row.sourceId || row.targetId
  if (was === null) return []
  return [{ seq: row.seq, type: row.type, was, id: row.action === 'delete' ? null : targetId }]
}

export const lineageOrg = ({ job, target }: Pick<Work, 'job' | 'target'>): string =>
  target.kind === 'remote' ? job.org : job.targetOrg

export const authorOf = ({ requestedBy }: SyncJob): string =>
  typeof requestedBy.displayName === 'string' ? requestedBy.displayName : 'Countersign'

export const phaseOf = (work: Work): Phase =>
  work.deriving.size > 0
    ? 'phase_a5'
    : work.tasks.some(({ kind }, index) => work.open[index] && kind === 'create')
      ? 'phase_a'
      : 'phase_b'
