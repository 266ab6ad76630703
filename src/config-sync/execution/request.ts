import { setTimeout as sleep } from 'node:timers/promises'
import { type Connector, ConnectorError, type Item } from '../../config-hub/connectors/connector.ts'
import { derive } from '../../config-hub/index/derive.ts'
import type { Document } from '../../config-hub/index/entry.ts'
import type { ConfigType } from '../../config-hub/types/definition.ts'
import { requireType } from '../../config-hub/types/registry.ts'
import { split, withoutSecrets } from '../../config-store/secrets.ts'
import { documentOf, patchBetween, Unresolved } from './document.ts'
import { type Content, type JournalWrite, type RowStatus, stepPhase } from './job.ts'
import type { Notes } from './notes.ts'
import { contentsOf } from './store.ts'
import {
  type Change,
  contentHash,
  endOf,
  type Failure,
  namingOf,
  noChange,
  pairOf,
  rowOf,
  stepKey,
  type Task,
  type Work,
} from './work.ts'

/** What a task has come to: done, or why it cannot be. */
export type Result = { done: true } | { done: false; failure: Failure }

/** Where tests stop or fail a task; a real run passes none. */
export type Boundary = 'before-intent' | 'after-intent' | 'after-request' | 'after-outcome'
export type Requests = {
  notes: Notes
  /** Told how long a request took, by kind. */
  took(kind: string, ms: number): void
  at?(boundary: Boundary, task: Task): Promise<void> | void
}

const MOST_ATTEMPTS = 6
const BACKOFF_MS = { first: 50, most: 5_000 }
/** Full jitter (Brooker 2015): anything up to a bound that doubles. */
const backoff = (attempt: number) =>
  Math.random() * Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** attempt)

class Refused extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** One task under way. */
type Doing = {
  work: Work
  requests: Requests
  task: Task
  index: number
  type: ConfigType
  connector: Connector
  content: Content
}

/**
 * Does one task by requests: looks at the target, notes what is about to happen, asks for it, notes what happened. A
 * write whose answer was lost is looked for before it is asked for again. Throws what is no matter of this task.
 */
export async function perform(work: Work, requests: Requests, index: number): Promise<Result> {
  const task = work.tasks[index] as Task
  const row = rowOf(work, task.seq)
  const type = requireType(work.target.registry, row.type)
  const contents = await contentsOf(work.deps.db, work.job, [task.seq], work.deps.sealing)
  const connector = work.target.connectorOf(type)
  const doing: Doing = {
    work,
    requests,
    task,
    index,
    type,
    connector,
    content: contents.get(task.seq) as Content,
  }
  for (let attempt = 1; ; attempt++) {
    try {
      work.signal.throwIfAborted()
      return await attemptOnce(doing)
    } catch (error) {
      if (work.signal.aborted) throw error
      if (error instanceof Refused) return failed(error.code, error.message)
      if (error instanceof Unresolved) return failed('unresolved-reference', error.message)
      if (!(error instanceof ConnectorError)) throw error
      const failure = finalFailure(error)
      if (failure) return { done: false, failure }
      if (attempt >= MOST_ATTEMPTS)
        return failed(
          error.unknown ? 'unknown-outcome' : 'unavailable',
          `${error.message} It was asked ${attempt} times.`,
        )
      work.stats.repeated++
      await sleep(backoff(attempt), undefined, { signal: work.signal })
    }
  }
}

const failed = (code: string, error: string): Result => ({ done: false, failure: { code, error } })

/** Why it makes no sense to ask again; undefined: it does, after a look at what happened. */
function finalFailure({ kind, message, unknown }: ConnectorError): Failure | undefined {
  if (unknown || kind === 'limited' || kind === 'unavailable') return undefined
  if (kind === 'stale' || kind === 'not-found') return { code: 'stale', error: message }
  if (kind === 'unauthorized') return { code: 'unauthorized', error: message }
  return { code: kind === 'conflict' ? 'conflict' : 'refused-by-target', error: message }
}

async function attemptOnce(doing: Doing): Promise<Result> {
  const { work, task, requests } = doing
  const begun = work.journal.get(stepKey(task.seq, task.kind))
  const found = begun ? await lookUp(doing, begun.preRevision, begun.targetId, begun.marker) : undefined
  if (found) {
    await conclude(doing, found === 'gone' ? undefined : found)
    await requests.at?.('after-outcome', task)
    return { done: true }
  }
  const target = begun ? await liveAgain(doing, begun.targetId) : await live(doing)
  const request = requestOf(doing, target)
  if (!request) {
    await leave(doing, target as Item)
    return { done: true }
  }
  await requests.at?.('before-intent', task)
  await requests.notes.intend(intentOf(doing, target, request.document))
  await requests.at?.('after-intent', task)
  work.signal.throwIfAborted()
  work.stats.requests++
  const from = performance.now()
  const item = await request.send()
  requests.took(`${doing.type.type} ${task.kind}`, performance.now() - from)
  await requests.at?.('after-request', task)
  await conclude(doing, item)
  await requests.at?.('after-outcome', task)
  return { done: true }
}

/** The revision that the target must have for this task; null: it must not be there. */
function expectedOf({ work, task }: Doing): string | null {
  if (task.kind === 'complete') return work.journal.get(stepKey(task.seq, 'create'))?.postRevision ?? null
  return rowOf(work, task.seq).revision
}

/** What there is at the target just before the write; refuses when it is not what was planned on. */
async function live(doing: Doing): Promise<Item | undefined> {
  const { work, task, type, connector } = doing
  const id = rowOf(work, task.seq).targetId
  if (id === null) return undefined
  const found = await connector.get(type, id)
  const expected = expectedOf(doing)
  if (expected === null && found) throw new Refused('stale', `${type.type} ${id} is there already.`)
  if (expected === null) return undefined
  if (!found) throw new Refused('stale', `${type.type} ${id} is gone.`)
  if (found.revision !== expected)
    throw new Refused('stale', `${type.type} ${id} changed since it was planned.`)
  return found
}

/** The same after a request of ours did not reach the target, which lookUp has just seen. */
const liveAgain = async ({ task, type, connector }: Doing, id: string | null): Promise<Item | undefined> =>
  task.kind === 'create' || id === null ? undefined : connector.get(type, id)

type Sending = { document: Document | null; send(): Promise<Item | undefined> }

/** What to ask the target for; undefined when it is as it is to be. */
function requestOf(doing: Doing, target: Item | undefined): Sending | undefined {
  const { work, task, type, connector, content } = doing
  const id = rowOf(work, task.seq).targetId
  if (task.kind === 'delete') {
    const { id: of, revision } = target as Item
    return {
      document: null,
      send: async () => {
        await connector.remove(type, of, { ifRevision: revision })
        return undefined
      },
    }
  }
  const document = documentOf(
    content,
    namingOf(work, task.omits, (seq) => work.created.has(seq)),
  )
  if (task.kind === 'create')
    return { document, send: () => connector.create(type, document, id === null ? {} : { id }) }
  const { id: of, revision, document: there } = target as Item
  const patch = patchBetween(type, there, document)
  return patch && { document, send: () => connector.patch(type, of, patch, { ifRevision: revision }) }
}

/**
 * Looks for what a request of ours may have done: by the id that we chose, else by the natural key. `gone` is a deletion
 * that happened; undefined: it did not happen.
 */
async function lookUp(
  doing: Doing,
  preRevision: string | null,
  targetId: string | null,
  marker: string | null,
): Promise<Item | 'gone' | undefined> {
  const { work, task, type, connector } = doing
  const id = targetId ?? rowOf(work, task.seq).targetId
  if (id === null) return marker === null ? undefined : findByKey(doing, marker)
  const found = await connector.get(type, id)
  if (task.kind === 'create') return found
  if (!found) {
    if (task.kind === 'delete') return 'gone'
    throw new Refused('stale', `${type.type} ${id} is gone.`)
  }
  if (found.revision === preRevision) return undefined
  const same =
    task.kind !== 'delete' &&
    patchBetween(
      type,
      found.document,
      documentOf(
        doing.content,
        namingOf(work, task.omits, (seq) => work.created.has(seq)),
      ),
    ) === undefined
  if (same) return found
  throw new Refused('stale', `${type.type} ${id} changed since it was planned.`)
}

/** What has the natural key of a create whose answer was lost. Nothing else had it when the create was planned. */
async function findByKey({ work, type, connector }: Doing, marker: string): Promise<Item | undefined> {
  const found: Item[] = []
  for (let cursor: string | null = null; ; ) {
    const page = await connector.list(type, { cursor, signal: work.signal })
    found.push(...page.items.filter((item) => keyOf(type, item.document) === marker))
    cursor = page.cursor
    if (cursor === null) break
  }
  if (found.length > 1)
    throw new Refused('unknown-outcome', 'Several have its natural key; none is known to be ours.')
  return found[0]
}

const keyOf = (type: ConfigType, document: Document): string | null =>
  derive(type, withoutSecrets(type, document), {
    id: '',
    connector: '',
    version: 0,
    updatedAt: new Date(0),
    updatedBy: null,
  }).naturalKey

function intentOf({ work, task, type }: Doing, target: Item | undefined, document: Document | null): Change {
  const row = rowOf(work, task.seq)
  const phase = stepPhase(task.kind)
  const before = target && split(type, target.document)
  const sealed = before && Object.keys(before.given).length > 0
  const entry: JournalWrite = {
    ...{ seq: task.seq, step: task.kind, outcome: 'intended', type: type.type },
    targetId: target?.id ?? row.targetId,
    marker: task.kind === 'create' && row.targetId === null && document ? keyOf(type, document) : null,
    preImage: before?.visible ?? null,
    preSealed: sealed ? work.deps.sealing.seal(JSON.stringify(before.given)).toString('base64') : null,
    preRevision: target?.revision ?? null,
  }
  return {
    ...noChange(),
    rows: [
      {
        seq: row.seq,
        status: 'in_progress',
        phase,
        targetId: row.targetId,
        code: null,
        error: null,
        attempt: row.attempt + 1,
      },
    ],
    journal: [entry],
  }
}

const STATUS: Record<Task['kind'], RowStatus> = {
  create: 'created',
  complete: 'created',
  patch: 'patched',
  delete: 'deleted',
}

/** What is noted once a task is done; undefined is a deletion. */
async function conclude(doing: Doing, item: Item | undefined): Promise<void> {
  const { work, task, type, requests } = doing
  const row = rowOf(work, task.seq)
  const targetId = item?.id ?? row.targetId
  const entry: JournalWrite = {
    ...{ seq: task.seq, step: task.kind, outcome: 'done', type: type.type, targetId },
    postRevision: item?.revision ?? null,
    postHash: item ? contentHash(work.deps, item.document) : null,
  }
  const change = ended(doing, STATUS[task.kind], targetId)
  // at once, for whatever fails while this is being noted
  work.open[doing.index] = false
  if (task.kind === 'create') work.created.add(task.seq)
  await requests.notes.conclude({ ...change, journal: [entry] })
}

/** A patch that would change nothing is not asked for. */
async function leave(doing: Doing, item: Item): Promise<void> {
  const { work, requests, task } = doing
  const status = task.kind === 'complete' ? 'created' : 'skipped'
  const change = ended(doing, status, item.id)
  work.open[doing.index] = false
  await requests.notes.conclude(change)
}

/** The row after one of its tasks: ended with its last one. */
function ended({ work, task, index, content }: Doing, status: RowStatus, targetId: string | null): Change {
  const row = rowOf(work, task.seq)
  const { type, sourceId, attempt } = row
  const last = row.tasks.every((each) => each.task === index || !work.open[each.task])
  const phase = stepPhase(task.kind)
  const end = endOf(work, row.seq, last, status)
  const lineage =
    last && end.code === null && targetId !== null && task.kind !== 'delete'
      ? pairOf(work, row, targetId, content.base, work.deps.clock())
      : []
  return {
    rows: [{ seq: row.seq, phase, targetId, attempt, ...end }],
    journal: [],
    events: [
      { phase, type, sourceId, targetId, status: end.status, ...(end.error ? { error: end.error } : {}) },
    ],
    lineage,
  }
}
