import { connectorsOf } from '../../config-hub/connectors/open.ts'
import { connectorPages, entriesOf, Unreadable } from '../../config-hub/index/read-type.ts'
import type { ConfigType } from '../../config-hub/types/definition.ts'
import { registryOf } from '../../config-hub/types/registry.ts'
import type { Queryable } from '../../db/pool.ts'
import type { Deps } from '../../deps.ts'
import type { JobRun, QueueJob } from '../../jobs/queue.ts'
import { enqueue } from '../../jobs/send.ts'
import { newId } from '../../sessions/rules.ts'
import { dropOlder, findSchedule, takeDue } from './schedules.ts'
import type { Selection } from './schema.ts'
import {
  copyStored,
  dropExpired,
  dropItemsOf,
  findSnapshot,
  finishSnapshot,
  insertItems,
  insertSnapshot,
  type NewSnapshot,
  type SnapshotRow,
} from './store.ts'

export const SNAPSHOT = 'config-sync.snapshot'

/** The background half of a snapshot; data is {org, id}. */
export const snapshotJob: QueueJob = {
  name: SNAPSHOT,
  attempts: 10,
  expireInSeconds: 3_600,
  concurrency: 1,
  run: takeSnapshot,
}

/** A snapshot that is to be taken, in the open transaction. */
export async function beginSnapshot(tx: Queryable, row: Omit<NewSnapshot, 'id'>): Promise<SnapshotRow> {
  const made = await insertSnapshot(tx, { ...row, id: newId('snapshot') })
  await enqueue(tx, SNAPSHOT, { org: row.org, id: made.id })
  return made
}

/**
 * Takes it: first what is in the built-in store, as of one moment, then page by page what lives elsewhere. Starts anew
 * when it was cut off; what was taken already is what it is then.
 */
export async function takeSnapshot(deps: Deps, { data, signal, last }: JobRun): Promise<void> {
  const { org, id } = data as { org: string; id: string }
  const snapshot = await findSnapshot(deps.db, org, id)
  if (snapshot?.status !== 'building') return
  try {
    await deps.db.transaction((tx) => copyStored(tx, snapshot))
    const failedTypes = await copyElsewhere(deps, snapshot, signal)
    await end(deps, snapshot, { status: 'ready', failedTypes })
  } catch (error) {
    if (signal.aborted || !last) throw error
    deps.log.error({ err: error, org, snapshot: id }, 'a snapshot failed')
    await end(deps, snapshot, { status: 'failed', failedTypes: [] })
  }
}

async function end(
  deps: Deps,
  snapshot: SnapshotRow,
  outcome: { status: 'ready' | 'failed'; failedTypes: string[] },
): Promise<void> {
  const { org, schedule } = snapshot
  await deps.db.transaction(async (tx) => {
    await finishSnapshot(tx, snapshot, outcome)
    const made = schedule === null ? undefined : await findSchedule(tx, org, schedule)
    if (made) await dropOlder(tx, made)
  })
}

/** Answers the types whose place could not be read. */
async function copyElsewhere(deps: Deps, snapshot: SnapshotRow, signal: AbortSignal): Promise<string[]> {
  const { org, selection } = snapshot
  const registry = await registryOf(deps.db, org)
  const types = [...registry.values()].filter(
    (type) => type.connector !== 'store' && isSelected(selection, type.type),
  )
  const connectors = types.length > 0 ? await connectorsOf(deps, org, registry) : new Map()
  const failed: string[] = []
  for (const type of types) {
    try {
      await copyType(deps, snapshot, type, connectorPages(connectors.get(type.connector), type, signal))
    } catch (error) {
      if (signal.aborted || !(error instanceof Unreadable)) throw error
      deps.log.warn({ err: error, org, type: type.type }, 'a type could not be read for a snapshot')
      await dropItemsOf(deps.db, snapshot, type.type)
      failed.push(type.type)
    }
  }
  return failed
}

const isSelected = ({ types, resources }: Selection, type: string): boolean =>
  types ? types.includes(type) : (resources?.some((each) => each.type === type) ?? true)

async function copyType(
  deps: Deps,
  snapshot: SnapshotRow,
  type: ConfigType,
  read: ReturnType<typeof connectorPages>,
): Promise<void> {
  let cursor: string | null = null
  do {
    const page = await read(cursor)
    const hashes = new Map((await entriesOf(type, page.items)).map((each) => [each.id, each.contentHash]))
    const items = page.items.map(({ id, version, document }) => ({
      type: type.type,
      id,
      version,
      contentHash: hashes.get(id) as string,
      document,
    }))
    await insertItems(deps.db, snapshot, items)
    cursor = page.cursor
  } while (cursor !== null)
}

/** By the clock: starts the snapshots that are due, and removes those past their time. */
export async function keepSnapshots(deps: Deps): Promise<void> {
  const now = deps.clock()
  while (await startDue(deps, now));
  const removed = await dropExpired(deps.db, now)
  if (removed > 0) deps.log.info({ removed }, 'expired snapshots removed')
}

async function startDue(deps: Deps, now: Date): Promise<boolean> {
  return deps.db.transaction(async (tx) => {
    const due = await takeDue(tx, now)
    if (!due) return false
    const { org, name, selection, id, createdBy } = due
    await beginSnapshot(tx, {
      org,
      name,
      selection,
      schedule: id,
      createdAt: now,
      createdBy,
      expiresAt: null,
    })
    return true
  })
}
