import { setImmediate as turn } from 'node:timers/promises'
import type { Document, Entry } from '../../config-hub/index/entry.ts'
import { holdTypes } from '../../config-hub/types/registry.ts'
import {
  applyWrites,
  type DocumentWrite,
  entriesOf,
  planWrites,
  Raced,
} from '../../config-store/documents.ts'
import { type Resolved, resolveWrites, wholeOf } from '../../config-store/resolve.ts'
import type { Transaction } from '../../db/pool.ts'
import { Problem } from '../../operation/errors.ts'
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
  let prepared: Prepared | undefined
  for (let index = 0; index < of; index++) {
    work.signal.throwIfAborted()
    const contents = await next
    const tasks = chunk(index)
    const level = (work.tasks[tasks[0] as number] as Task).level
    prepared ??= await prepare(work, tasks, contents)
    const writing = writeTasks(work, tasks, contents, { index, of, level }, prepared)
    writing.catch(() => {})
    // while the database writes this one, all of the next one is made that needs no look at the database
    next = read(work, chunk(index + 1))
    next.catch(() => {})
    try {
      prepared = await next.then((following) => prepare(work, chunk(index + 1), following))
    } finally {
      await writing
    }
  }
}

/** Creations of what is nowhere yet, worked out beforehand. That it is still nowhere shows when it is inserted. */
type Prepared = {
  tasks: readonly number[]
  planned: Planned[]
  resolved: Resolved[]
  entries: Entry[]
  hashes: Hashes
}

/** The hash of each document as it will be. */
type Hashes = ReadonlyMap<Resolved, string>

/** Documents after which other work gets its turn. */
const SLICE = 25

/** Undefined where the database has to be asked first, or the store refuses a document. */
async function prepare(
  work: Work,
  tasks: readonly number[],
  contents: Contents,
): Promise<Prepared | undefined> {
  const isCreate = (index: number) => (work.tasks[index] as Task).kind === 'create'
  const open = tasks.filter((index) => work.open[index])
  if (open.length === 0 || !open.every(isCreate)) return undefined
  const { deps, job, target } = work
  const made: Prepared = { tasks: open, planned: [], resolved: [], entries: [], hashes: new Map() }
  try {
    const planned = plannedOf(work, open, contents)
    if (planned.some(({ expected }) => expected !== null)) return undefined
    for (let at = 0; at < planned.length; at += SLICE) {
      const slice = planned.slice(at, at + SLICE)
      const given = { registry: target.registry, sealing: deps.sealing, now: deps.clock() }
      const writes = slice.map(({ write }) => write)
      const resolved = resolveWrites(given, writes, [])
      made.planned.push(...slice)
      made.resolved.push(...resolved)
      made.entries.push(...entriesOf(resolved, authorOf(job)))
      for (const [one, hash] of hashesOf(work, resolved))
        (made.hashes as Map<Resolved, string>).set(one, hash)
      await turn()
    }
  } catch (error) {
    // found again, one by one, when it is written
    if (failureOf(error)) return undefined
    throw error
  }
  return made
}

const hashesOf = ({ deps }: Work, resolved: readonly Resolved[]): Map<Resolved, string> =>
  new Map(
    resolved.flatMap((one) => (one.after ? [[one, contentHash(deps, wholeOf(one.after))] as const] : [])),
  )

type Contents = ReadonlyMap<number, Content>

const read = (work: Work, tasks: readonly number[]): Promise<Contents> => {
  const seqs = tasks.map((index) => (work.tasks[index] as Task).seq)
  return seqs.length === 0 || work.contents
    ? Promise.resolve(work.contents ?? new Map())
    : contentsOf(work.deps.db, work.job, [...new Set(seqs)], work.deps.sealing)
}

/** Whether it was made of just these: a batch before may have failed some of them. */
const isOf = (prepared: Prepared | undefined, open: readonly number[]): boolean =>
  prepared?.tasks.length === open.length && prepared.tasks.every((task, place) => task === open[place])

/** One transaction for all; when the store refuses a document, each half for itself, down to the one that it refuses. */
async function writeTasks(
  work: Work,
  tasks: readonly number[],
  contents: Contents,
  batch: Batch,
  prepared?: Prepared,
): Promise<void> {
  const open = tasks.filter((index) => work.open[index])
  if (open.length === 0) return
  try {
    await writeBatch(work, open, contents, batch, isOf(prepared, open) ? prepared : undefined)
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
  await inTransaction(work, kind, batch, async () => ({ change: failTask(work, index, failure) }))
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
  prepared: Prepared | undefined,
): Promise<void> {
  const { kind } = work.tasks[tasks[0] as number] as Task
  const before = { open: [...work.open], incomplete: new Map(work.incomplete) }
  const author = authorOf(work.job)
  const stored = { places: placesOf(tasks, work, contents), at: desiredAt(work.job) }
  try {
    await inTransaction(work, kind, batch, async (tx) => {
      const now = work.deps.clock()
      const ctx = { db: tx, deps: work.deps, org: work.job.targetOrg, now, author, stored }
      const { registry } = work.target
      if (prepared) {
        const { resolved, entries, hashes } = prepared
        // the batch before may have failed what was still to be done of these
        const planned = prepared.planned.map((one) => ({ ...one, last: isLast(work, one.seq, one.tasks) }))
        await holdTypes(tx, ctx.org, typesOf(resolved))
        const change = changeOf(work, planned, resolved, hashes, now)
        return { change, writing: applyWrites(ctx, resolved, { fresh: true, entries }) }
      }
      const plan = (planned: readonly Planned[], lock: boolean) => {
        const writes = planned.map(({ write }) => write)
        return planWrites(ctx, registry, writes, { lock })
      }
      let planned = plannedOf(work, tasks, contents)
      let resolved = await plan(planned, true)
      const change = failStale(work, planned, resolved)
      if (change.rows.length > 0) {
        const left = tasks.filter((index) => work.open[index])
        planned = plannedOf(work, left, contents)
        resolved = await plan(planned, false)
      }
      addChange(change, changeOf(work, planned, resolved, hashesOf(work, resolved), now))
      return { change, writing: applyWrites(ctx, resolved) }
    })
  } catch (error) {
    // nothing of it happened
    Object.assign(work, before)
    if (error instanceof Raced) return writeBatch(work, tasks, contents, batch, undefined)
    throw error
  }
  for (const index of tasks) work.open[index] = false
}

const typesOf = (resolved: readonly Resolved[]) => [...new Set(resolved.map(({ of }) => of))]

/** What is noted of a batch, and the documents that are being written. */
type Writing = { change: Change; writing?: Promise<unknown> }

/** A transaction of the job, in which it is still ours and was not cancelled. */
async function inTransaction(
  work: Work,
  step: Step,
  batch: Batch,
  write: (tx: Transaction) => Promise<Writing>,
): Promise<void> {
  const { deps, job } = work
  const phase = stepPhase(step)
  const { change, counts } = await deps.db.transaction(async (tx) => {
    const { change, writing } = await write(tx)
    const counts = countsAfter(work, change.rows)
    // all of it is sent without waiting in between
    const noted = holdJob(tx, job, { phase, batch, counts }, change.events.length, 'running').then((after) =>
      writeChange(tx, work, change, after, deps.clock()),
    )
    await Promise.all([noted, writing])
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

const isLast = (work: Work, seq: number, own: readonly number[]): boolean =>
  rowOf(work, seq).tasks.every(({ task }) => own.includes(task) || !work.open[task])

function plannedOf(work: Work, tasks: readonly number[], contents: Contents): Planned[] {
  const bySeq = Map.groupBy(tasks, (index) => (work.tasks[index] as Task).seq)
  const isCreate = (index: number) => (work.tasks[index] as Task).kind === 'create'
  const here = new Set(tasks.filter(isCreate).map((index) => (work.tasks[index] as Task).seq))
  const isThere = (seq: number) => here.has(seq) || work.created.has(seq)
  return [...bySeq].map(([seq, own]) => {
    const row = rowOf(work, seq)
    const [first] = own.map((index) => work.tasks[index] as Task)
    if (!first) throw new Error('a row without a task')
    const last = isLast(work, seq, own)
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

function changeOf(
  work: Work,
  planned: readonly Planned[],
  resolved: readonly Resolved[],
  hashes: Hashes,
  now: Date,
): Change {
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
        postHash: hashes.get(one) ?? null,
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
