import { setTimeout as sleep } from 'node:timers/promises'
import { type Connector, ConnectorError, type Item } from '../../config-hub/connectors/connector.ts'
import { naturalKeyOf } from '../../config-hub/index/derive.ts'
import type { Document } from '../../config-hub/index/entry.ts'
import { nameIn } from '../../config-hub/references/extract.ts'
import { at, without } from '../../config-hub/references/path.ts'
import type { ConfigType } from '../../config-hub/types/definition.ts'
import { requireType } from '../../config-hub/types/registry.ts'
import { same } from '../../config-store/rules.ts'
import { split, withoutSecrets } from '../../config-store/secrets.ts'
import { placed, restored, stableOf } from '../planning/content.ts'
import { fetched } from '../planning/reader.ts'
import { covers, documentOf, holdsNull, patchBetween, Unresolved } from './document.ts'
import { type Content, type Derived, type JournalWrite, type RowStatus, stepPhase } from './job.ts'
import type { Notes } from './notes.ts'
import { contentsOf, preImageOf } from './store.ts'
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
  takenBackOf,
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
  /** Names this one write at the target, also after a crash. */
  key: string
}

/**
 * Does one task by requests: looks at the target, notes what is about to happen, asks for it, notes what happened. A
 * write whose answer was lost is looked for before it is asked for again. Throws what is no matter of this task.
 */
export async function perform(work: Work, requests: Requests, index: number): Promise<Result> {
  const doing = await openTask(work, requests, index)
  const result = await repeated(work, () => attemptOnce(doing))
  if (!result.done || !work.deriving.has(doing.task.seq)) return result
  return deriving(doing)
}

/** Of a create that was done by a process that did not come to it: the ids that the target made within. */
export async function performDerived(work: Work, requests: Requests, seq: number): Promise<Result> {
  const create = rowOf(work, seq).tasks.find(({ kind }) => kind === 'create')
  if (!create) throw new Error('a row that derives without a create')
  work.deriving.add(seq)
  return deriving(await openTask(work, requests, create.task))
}

async function deriving(doing: Doing): Promise<Result> {
  try {
    return await repeated(doing.work, () => derive(doing))
  } finally {
    doing.work.deriving.delete(doing.task.seq)
  }
}

async function openTask(work: Work, requests: Requests, index: number): Promise<Doing> {
  const task = work.tasks[index] as Task
  const type = requireType(work.target.registry, rowOf(work, task.seq).type)
  const contents = await contentsOf(work.deps.db, work.job, [task.seq], work.deps.sealing)
  const content = contents.get(task.seq) as Content
  const { org, id } = work.job
  const key = `${org}/${id}/${task.seq}/${task.kind}`
  return { work, requests, task, index, type, connector: work.target.connectorOf(type), content, key }
}

/** Asks again where that makes sense, a little later each time. */
async function repeated(work: Work, once: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      work.signal.throwIfAborted()
      return await once()
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
  if (kind === 'unfinished') return { code: 'unfinished', error: message }
  return { code: kind === 'conflict' ? 'conflict' : 'refused-by-target', error: message }
}

async function attemptOnce(doing: Doing): Promise<Result> {
  const { work, task, requests } = doing
  const begun = work.journal.get(stepKey(task.seq, task.kind))
  const found = begun ? await lookUp(doing, begun.preRevision, begun.targetId, begun.marker) : undefined
  if (found) {
    await conclude(doing, found === 'gone' ? undefined : await finished(doing, found))
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

/** A write of ours that is found may lack what belongs to it and comes after it; that is done again. */
async function finished({ work, type, connector }: Doing, found: Item): Promise<Item> {
  if (!connector.finish) return found
  work.stats.requests++
  return connector.finish(type, found)
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
  if (task.kind === 'create' && refusesExisting(doing)) return undefined
  const found = await connector.get(type, id)
  const expected = expectedOf(doing)
  if (expected === null && found) throw new Refused('stale', `${type.type} ${id} is there already.`)
  if (expected === null) return undefined
  if (!found) throw new Refused('stale', `${type.type} ${id} is gone.`)
  if (found.revision !== expected)
    throw new Refused('stale', `${type.type} ${id} changed since it was planned.`)
  return found
}

const refusesExisting = ({ connector, type }: Doing): boolean =>
  connector.capabilities(type.type).has('refuses-existing')

/** The same after a request of ours did not reach the target, which lookUp has just seen. */
const liveAgain = async ({ task, type, connector }: Doing, id: string | null): Promise<Item | undefined> =>
  task.kind === 'create' || id === null ? undefined : connector.get(type, id)

type Sending = { document: Document | null; send(): Promise<Item | undefined> }

/** What to ask the target for; undefined when it is as it is to be. */
function requestOf(doing: Doing, target: Item | undefined): Sending | undefined {
  const { work, task, type, connector, key } = doing
  const id = rowOf(work, task.seq).targetId
  if (task.kind === 'create') {
    const document = wantedOf(doing, undefined)
    return {
      document,
      send: () => connector.create(type, document, { key, ...(id === null ? {} : { id }) }),
    }
  }
  const { id: of, revision: ifRevision } = target as Item
  if (task.kind === 'delete')
    return {
      document: null,
      send: async () => {
        await connector.remove(type, of, { ifRevision, key })
        return undefined
      },
    }
  const document = wantedOf(doing, target)
  const patch = patchBetween(type, (target as Item).document, document)
  if (!patch) return undefined
  // a merge patch removes where it says null
  const whole = holdsNull(document) && connector.capabilities(type.type).has('put')
  return {
    document,
    send: () =>
      whole
        ? connector.put(type, of, restored(type, document, (target as Item).document), { ifRevision, key })
        : connector.patch(type, of, patch, { ifRevision, key, known: (target as Item).document }),
  }
}

/** The document of a task. What completes one keeps the ids that the target has made within it. */
function wantedOf(
  { work, task, type, connector, content }: Doing,
  target: Item | undefined,
  isThere = (seq: number) => work.created.has(seq),
): Document {
  const linkPath = connector.linkPath?.(type)
  const named = documentOf(content, { ...namingOf(work, task.omits, isThere), linkPath })
  // what refers to itself, and is not to yet, has its id all the same
  const id =
    task.omits.includes(task.seq) && type.id_path !== '' ? at(content.desired, type.id_path) : undefined
  const document =
    typeof id === 'string' && !id.includes('⟨') ? placed(named, new Map([[type.id_path, id]])) : named
  return target && task.kind === 'complete' && type.derived_paths?.length
    ? restored(type, document, target.document)
    : document
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
  if (id === null) return findCreated(doing, marker)
  const found = await connector.get(type, id)
  if (task.kind === 'create') {
    // what nobody looked for before may be somebody else's
    if (found && refusesExisting(doing) && !isOurs(doing, found))
      throw new Refused('stale', `${type.type} ${id} is there already.`)
    return found
  }
  if (!found) {
    if (task.kind === 'delete') return 'gone'
    throw new Refused('stale', `${type.type} ${id} is gone.`)
  }
  if (found.revision === preRevision || (await isPrepared(doing, found))) return undefined
  const same =
    task.kind !== 'delete' && patchBetween(type, found.document, wantedOf(doing, found)) === undefined
  if (same) return found
  throw new Refused('stale', `${type.type} ${id} changed since it was planned.`)
}

/** Whether something is about to be deleted, and differs by what precedes that at its place only. */
async function isPrepared({ work, task, type, connector }: Doing, { document }: Item): Promise<boolean> {
  if (task.kind !== 'delete' || !connector.capabilities(type.type).has('prepares-delete')) return false
  const before = await preImageOf(work.deps.db, work.job, task)
  return before !== null && same(stableOf(type, before), stableOf(type, withoutSecrets(type, document)))
}

/** Whether something is what the create of a task makes, with or without what was left out for now. */
function isOurs(doing: Doing, { document }: Item): boolean {
  const { secret_paths } = doing.type
  return [wantedOf(doing, undefined), wantedOf(doing, undefined, () => false)].some((wanted) =>
    covers(document, without(wanted, secret_paths)),
  )
}

/**
 * What a create made whose answer was lost: by the key that it was sent with, else by its natural key, which nothing had
 * when the create was planned.
 */
async function findCreated(
  { work, type, connector, key }: Doing,
  naturalKey: string | null,
): Promise<Item | undefined> {
  const able = connector.capabilities(type.type)
  if (!able.has('find-by-key') && naturalKey === null) return undefined
  const by = able.has('find-by-key') || naturalKey === null ? { key } : { naturalKey }
  const found = await connector.find(type, by, work.signal)
  if (found.length > 1)
    throw new Refused('unknown-outcome', 'Several could be what was created; none is known to be ours.')
  return found[0]
}

const keyOf = (type: ConfigType, document: Document): string | null =>
  naturalKeyOf(type.natural_key, withoutSecrets(type, document))

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
  const derives = task.kind === 'create' && row.derives.length > 0
  // many places answer with all that they made, and need not be asked for it
  const derived = derives && item ? derivedIn(row.derives, item.document) : undefined
  if (derives) work.deriving.add(task.seq)
  const entry: JournalWrite = {
    ...{ seq: task.seq, step: task.kind, outcome: 'done', type: type.type, targetId },
    postRevision: item?.revision ?? null,
    postHash: item ? contentHash(work.deps, item.document) : null,
    ...(derived ? { derived } : {}),
  }
  const change = derives && !derived ? begunOf(doing, targetId) : ended(doing, STATUS[task.kind], targetId)
  // at once, for whatever fails while this is being noted
  work.open[doing.index] = false
  if (task.kind === 'create') work.created.add(task.seq)
  await requests.notes.conclude({ ...change, ...indexOf(doing, item, targetId), journal: [entry] })
  if (derived) work.deriving.delete(task.seq)
}

/** What the index here is to know of a write to a place elsewhere; of another server's organisation there is none. */
function indexOf(
  { work, type, connector }: Doing,
  item: Item | undefined,
  targetId: string | null,
): Partial<Change> {
  if (work.target.kind === 'remote' || connector.id === 'store') return {}
  if (item) return { entries: [fetched(type, connector, item).entry] }
  return targetId === null ? {} : { gone: [{ type: type.type, id: targetId }] }
}

/** A row that was created, and of which it is still to be asked which ids the target made within it. */
function begunOf({ work, task }: Doing, targetId: string | null): Change {
  const { seq, type, sourceId, attempt } = rowOf(work, task.seq)
  const as = { phase: 'phase_a5', targetId, status: 'in_progress' } as const
  return {
    ...noChange(),
    rows: [{ ...as, seq, attempt, code: null, error: null }],
    events: [{ ...as, type, sourceId }],
  }
}

/** The ids that the target made, by symbol; undefined unless all are there. */
function derivedIn(derives: readonly { symbol: string; pointer: string }[], document: Document) {
  const found: Record<string, string> = {}
  for (const { symbol, pointer } of derives) {
    const id = nameIn(at(document, pointer))
    if (id === undefined) return undefined
    found[symbol] = id
  }
  return found satisfies Derived
}

/** Asks for what was created, and keeps the ids that the target made within it. */
async function derive(doing: Doing): Promise<Result> {
  const { work, task, type, connector, requests } = doing
  const { derives } = rowOf(work, task.seq)
  const created = work.journal.get(stepKey(task.seq, 'create'))
  const id = created?.targetId
  if (!created || !id) throw new Error('a row that derives was not created')
  const item = await connector.get(type, id, work.signal)
  if (!item) throw new Refused('stale', `${type.type} ${id} is gone.`)
  const derived = derivedIn(derives, item.document)
  if (!derived) {
    const missing = derives.filter(({ pointer }) => nameIn(at(item.document, pointer)) === undefined)
    const places = missing.map(({ pointer }) => pointer).join(', ')
    throw new Refused('underived', `The target made no id at ${places} of ${type.type} ${id}.`)
  }
  const { doneOrder, postRevision } = created
  const entry: JournalWrite = {
    ...{ seq: task.seq, step: 'create', outcome: 'done', type: type.type, targetId: id },
    ...{ doneOrder, postRevision, derived },
  }
  await requests.notes.conclude({ ...ended(doing, 'created', id), journal: [entry] })
  return { done: true }
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
function ended({ work, task, index }: Doing, status: RowStatus, targetId: string | null): Change {
  const row = rowOf(work, task.seq)
  const { type, sourceId, attempt } = row
  const last = row.tasks.every((each) => each.task === index || !work.open[each.task])
  const phase = work.deriving.has(row.seq) ? 'phase_a5' : stepPhase(task.kind)
  const end = endOf(work, row.seq, last, status)
  const lineage =
    last && end.code === null && targetId !== null && task.kind !== 'delete'
      ? pairOf(work, row, targetId, work.deps.clock())
      : []
  return {
    ...noChange(),
    rows: [{ seq: row.seq, phase, targetId, attempt, ...end }],
    events: [
      { phase, type, sourceId, targetId, status: end.status, ...(end.error ? { error: end.error } : {}) },
    ],
    lineage,
    takenBack: last && end.code === null ? takenBackOf(work, row, targetId) : [],
  }
}
