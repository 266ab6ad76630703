import type { Document } from '../../config-hub/index/entry.ts'
import { applyWrites, type DocumentWrite, planWrites, Raced } from '../../config-store/documents.ts'
import type { Resolved } from '../../config-store/resolve.ts'
import type { Transaction } from '../../db/pool.ts'
import { Problem } from '../../operation/errors.ts'
import { joinSecrets } from '../../operation/redact.ts'
import { documentOf, Unresolved } from './document.ts'
import { type Batch, type Content, type RowStatus, type Step, stepPhase } from './job.ts'
import { contentsOf, desiredAt, holdJob } from './store.ts'
import {
  addChange,
  authorOf,
  type Change,
  committed,
  contentHash,
  countsAfter,
  endOf,
  type Failure,
  failTask,
  namingOf,
  noChange,
  pairOf,
  rowOf,
  stepKey,
  type Task,
  takenBackOf,
  type Work,
} from './work.ts'
import { writeChange } from './write-change.ts'

/** Writes of one transaction: fewer cost more for each, more keep other writers waiting for longer. */
const BATCH = 500

/**
 * Writes all open tasks into the built-in store, in the order of their levels: each batch is one transaction with its
 * journal, its lineage and the rows of the job, so that a batch is done wholly, once, or not at all.
 */
export async function runLocal(work: Work): Promise<void> {
  // a sync creates first: what is changed or completed may wait for that, and never the other way round
  const late = ({ kind }: Task) => (work.job.kind === 'sync' && kind !== 'create' ? 1 : 0)
  const order = [...work.tasks.keys()]
    .filter((index) => work.open[index])
    .sort((a, b) => {
      const [one, other] = [work.tasks[a] as Task, work.tasks[b] as Task]
      return late(one) - late(other) || one.level - other.level || a - b
    })
  const of = Math.ceil(order.length / BATCH)
  const chunk = (index: number) => order.slice(index * BATCH, (index + 1) * BATCH)
  let next = read(work, chunk(0))
  for (let index = 0; index < of; index++) {
    work.signal.throwIfAborted()
    const contents = await next
    // the next one's documents are read while this one is written
    next = read(work, chunk(index + 1))
    next.catch(() => {})
    const tasks = chunk(index)
    const level = (work.tasks[tasks[0] as number] as Task).level
    await writeTasks(work, tasks, contents, { index, of, level })
  }
}

type Contents = ReadonlyMap<number, Content>

const read = (work: Work, tasks: readonly number[]): Promise<Contents> => {
  const seqs = tasks.map((index) => (work.tasks[index] as Task).seq)
  return seqs.length === 0 || work.contents
    ? Promise.resolve(work.contents ?? new Map())
    : contentsOf(work.deps.db, work.job, [...new Set(seqs)], work.deps.sealing)
}

/** One transaction for all; when the store refuses a document, each half for itself, down to the one that it refuses. */
async function writeTasks(
  work: Work,
  tasks: readonly number[],
  contents: Contents,
  batch: Batch,
): Promise<void> {
  const open = tasks.filter((index) => work.open[index])
  if (open.length === 0) return
  try {
    await writeBatch(work, open, contents, batch)
  } catch (error) {
    const failure = failureOf(error)
    if (!failure) throw error
    const [only] = open
    if (open.length === 1 && only !== undefined) return noteFailure(work, only, failure, batch)
    const half = open.length >> 1
    await writeTasks(work, open.slice(0, half), contents, batch)
    await writeTasks(work, open.slice(half), contents, batch)
  }
}

/** What the store refuses of one document; undefined for what is no matter of a document. */
function failureOf(error: unknown): Failure | undefined {
  if (error instanceof Unresolved) return { code: 'unresolved-reference', error: error.message }
  if (!(error instanceof Problem)) return undefined
  const code = error.code === 'not-found' ? 'stale' : error.code
  return { code, error: error.options.detail }
}

async function noteFailure(work: Work, index: number, failure: Failure, batch: Batch): Promise<void> {
  const { kind } = work.tasks[index] as Task
  await inTransaction(work, kind, batch, async () => failTask(work, index, failure))
}

/** What is written of one row: its tasks in the batch, as one write. */
type Planned = {
  seq: number
  tasks: number[]
  step: Step
  last: boolean
  expected: string | null
  write: DocumentWrite
}

async function writeBatch(
  work: Work,
  tasks: readonly number[],
  contents: Contents,
  batch: Batch,
  optimistic = true,
): Promise<void> {
  const { kind } = work.tasks[tasks[0] as number] as Task
  const before = { open: [...work.open], incomplete: new Map(work.incomplete) }
  try {
    await inTransaction(work, kind, batch, async (tx) => {
      const now = work.deps.clock()
      const stored = { places: placesOf(tasks, work, contents), at: desiredAt(work.job) }
      const author = authorOf(work.job)
      const ctx = { db: tx, deps: work.deps, org: work.job.targetOrg, now, author, stored }
      const { registry } = work.target
      let planned = plannedOf(work, tasks, contents)
      const plan = (lock: boolean | 'types') =>
        planWrites(
          ctx,
          registry,
          planned.map(({ write }) => write),
          { lock },
        )
      // what is nowhere yet needs no lock: that it is still nowhere shows when it is inserted
      let fresh = optimistic && planned.every(({ step, expected }) => step === 'create' && expected === null)
      let resolved = await plan(fresh ? 'types' : true)
      if (fresh && resolved.some(({ row }) => row)) {
        fresh = false
        resolved = await plan(true)
      }
      const change = failStale(work, planned, resolved)
      if (change.rows.length > 0) {
        const left = tasks.filter((index) => work.open[index])
        planned = plannedOf(work, left, contents)
        resolved = await plan(false)
      }
      await applyWrites(ctx, resolved, { fresh })
      addChange(change, changeOf(work, planned, resolved, now))
      return change
    })
  } catch (error) {
    // nothing of it happened
    Object.assign(work, before)
    if (error instanceof Raced) return writeBatch(work, tasks, contents, batch, false)
    throw error
  }
  for (const index of tasks) work.open[index] = false
}

/** A transaction of the job; what it answers is noted at its end, if the job is still ours then and was not cancelled. */
async function inTransaction(
  work: Work,
  step: Step,
  batch: Batch,
  write: (tx: Transaction) => Promise<Change>,
): Promise<void> {
  const { deps, job } = work
  const phase = stepPhase(step)
  const { change, counts } = await deps.db.transaction(async (tx) => {
    const change = await write(tx)
    const now = deps.clock()
    const counts = countsAfter(work, change.rows)
    const after = await holdJob(tx, job, { phase, batch, counts }, change.events.length, 'running')
    await writeChange(tx, work, change, after, now)
    return { change, counts }
  })
  work.doneOrder += change.journal.length
  committed(work, change, counts)
}

/** Where the documents of these tasks are in the database already. */
const placesOf = (tasks: readonly number[], work: Work, contents: Contents): Map<Document, number> =>
  new Map(
    tasks.flatMap((index) => {
      const { seq } = work.tasks[index] as Task
      const desired = contents.get(seq)?.desired
      return desired ? [[desired, seq] as const] : []
    }),
  )

function plannedOf(work: Work, tasks: readonly number[], contents: Contents): Planned[] {
  const bySeq = Map.groupBy(tasks, (index) => (work.tasks[index] as Task).seq)
  const isCreate = (index: number) => (work.tasks[index] as Task).kind === 'create'
  const here = new Set(tasks.filter(isCreate).map((index) => (work.tasks[index] as Task).seq))
  const isThere = (seq: number) => here.has(seq) || work.created.has(seq)
  return [...bySeq].map(([seq, own]) => {
    const row = rowOf(work, seq)
    const [first] = own.map((index) => work.tasks[index] as Task)
    if (!first) throw new Error('a row without a task')
    const last = row.tasks.every(({ task }) => own.includes(task) || !work.open[task])
    const id = row.targetId
    if (id === null) throw new Error(`${row.type} ${row.sourceId} has no id at the target`)
    const at = `/rows/${seq}`
    const base = { seq, tasks: own, step: first.kind, last }
    if (first.kind === 'delete')
      return { ...base, expected: row.revision, write: { type: row.type, id, op: 'delete', at } }
    // completed in the same transaction, it has to leave nothing out
    const naming = namingOf(work, own.length > 1 ? [] : first.omits, isThere)
    const document = documentOf(contents.get(seq) as Content, naming)
    const expected =
      first.kind === 'complete'
        ? (work.journal.get(stepKey(seq, 'create'))?.postRevision ?? null)
        : row.revision
    return { ...base, expected, write: { type: row.type, id, op: 'put', document, at } }
  })
}

/** Rows whose document is not the one that was planned on, with everything that waits for them. */
function failStale(work: Work, planned: readonly Planned[], resolved: readonly Resolved[]): Change {
  const change = noChange()
  for (const [place, { tasks, expected }] of planned.entries()) {
    const { before, row, type, id } = resolved[place] as Resolved
    const live = before && row ? String(row.version) : null
    const [index] = tasks
    if (live === expected || index === undefined || !work.open[index]) continue
    const error =
      live === null
        ? `${type} ${id} is gone.`
        : expected === null
          ? `${type} ${id} is there already.`
          : `${type} ${id} changed since it was planned.`
    addChange(change, failTask(work, index, { code: 'stale', error }))
  }
  return change
}

const STATUS: Record<Step, RowStatus> = {
  create: 'created',
  complete: 'created',
  patch: 'patched',
  delete: 'deleted',
}

function changeOf(work: Work, planned: readonly Planned[], resolved: readonly Resolved[], now: Date): Change {
  const change = noChange()
  const done: Record<string, number> = {}
  for (const [place, { seq, step, last, expected }] of planned.entries()) {
    const one = resolved[place] as Resolved
    const row = rowOf(work, seq)
    const unchanged = one.outcome === 'unchanged'
    const status = unchanged && step === 'patch' ? 'skipped' : STATUS[step]
    const end = endOf(work, seq, last, status)
    done[end.status] = (done[end.status] ?? 0) + 1
    change.rows.push({ seq, phase: stepPhase(step), targetId: one.id, attempt: row.attempt + 1, ...end })
    if (!unchanged || step !== 'patch')
      change.journal.push({
        ...{ seq, step, type: one.type, targetId: one.id, outcome: 'done', preRevision: expected },
        ...imageOf(work, one),
        postRevision: one.after ? String(one.version) : null,
        postHash: one.after
          ? contentHash(work.deps, joinSecrets(one.after.visible, one.after.secrets))
          : null,
        doneOrder: work.doneOrder + change.journal.length + 1,
      })
    if (last && end.code === null) change.takenBack.push(...takenBackOf(work, row, one.id))
    if (last && end.code === null && step !== 'delete') change.lineage.push(...pairOf(work, row, one.id, now))
  }
  const phase = stepPhase((planned[0]?.step ?? 'create') as Step)
  for (const [status, count] of Object.entries(done))
    change.events.push({
      phase,
      status: status as RowStatus,
      message: `${count} ${status.replace('_', ' ')}`,
    })
  return change
}

/** What was there before, its secrets sealed. */
function imageOf({ deps }: Work, { before }: Resolved) {
  if (!before) return {}
  const sealed = Object.keys(before.secrets).length > 0
  return {
    preImage: before.visible,
    ...(sealed ? { preSealed: deps.sealing.seal(JSON.stringify(before.secrets)).toString('base64') } : {}),
  }
}
