import { randomUUID } from 'node:crypto'
import type { Queryable } from '../../db/pool.ts'
import type { Deps } from '../../deps.ts'
import type { JobRun, QueueJob } from '../../jobs/queue.ts'
import { enqueue } from '../../jobs/send.ts'
import { connectorsOf } from '../connectors/open.ts'
import { registryOf } from '../types/registry.ts'
import { readAll } from './staging.ts'
import { countStaged, dropStaged } from './staging-store.ts'
import {
  type Build,
  beginBuild,
  type Checkpoint,
  claimBuild,
  endBuild,
  restartBuild,
  Superseded,
} from './status-store.ts'
import type { Connectors, Work } from './step.ts'
import { switchIndex } from './switch.ts'

export const REBUILD = 'config-hub.index.rebuild'

/** The background half of `POST /v1/configs/index:rebuild`; data is {org, token}. */
export const rebuildJob: QueueJob = {
  name: REBUILD,
  // each crash of a process spends one; what fails by itself gives up long before
  attempts: 50,
  expireInSeconds: 12 * 3_600,
  concurrency: 1,
  run: runRebuild,
}

/** Has the index of an organisation rebuilt, in the open transaction; a rebuild in flight is over with this. Answers its token. */
export async function startRebuild(tx: Queryable, org: string, now: Date): Promise<string> {
  const token = `build_${randomUUID()}`
  await beginBuild(tx, org, token, now)
  await enqueue(tx, REBUILD, { org, token })
  return token
}

const START: Checkpoint = {
  phase: 'read',
  type: null,
  cursor: null,
  after: null,
  done: [],
  failed: [],
  staged: 0,
  attempt: 0,
}

/** Attempts in a row that came no further: by then it is no matter of the moment. */
const MOST_STUCK = 3

/** One attempt at a rebuild, from its checkpoint on. Returns once it is done, failed for good, or superseded. */
export async function runRebuild(
  deps: Deps,
  { data, signal, last }: JobRun,
  connectors: Connectors = connectorsOf,
): Promise<void> {
  const { org, token } = data as { org: string; token: string }
  const claimed = await claimBuild(deps.db, org, token)
  if (!claimed) return
  try {
    await dropStaged(deps.db, claimed, 'others')
    const registry = await registryOf(deps.db, org)
    const at = await whole(deps, claimed, claimed.checkpoint)
    const open = await connectors(deps, org, registry)
    await rebuild({ deps, build: claimed, registry, connectors: open, signal, at })
  } catch (error) {
    if (error instanceof Superseded) return
    const stuck = claimed.attempt - (claimed.checkpoint?.attempt ?? 0) >= MOST_STUCK
    if (signal.aborted || !(last || stuck)) throw error
    deps.log.error({ err: error, org }, 'the rebuild of an index failed')
    await endBuild(deps.db, claimed, { status: 'failed', failedTypes: [], now: deps.clock() })
    await dropStaged(deps.db, claimed, 'own')
  }
}

/** The checkpoint, if what was staged up to it is there; else the start. */
async function whole(deps: Deps, build: Build, saved: Checkpoint | null): Promise<Checkpoint> {
  if (!saved) return START
  if (saved.phase === 'remove' || (await countStaged(deps.db, build)) === saved.staged) return saved
  await restartBuild(deps.db, build)
  await dropStaged(deps.db, build, 'own')
  return START
}

async function rebuild(work: Work): Promise<void> {
  const { deps, build } = work
  if (work.at.phase === 'read') await readAll(work)
  await switchIndex(work)
  await dropStaged(deps.db, build, 'own')
  const { done, failed } = work.at
  const status = done.length === 0 ? 'failed' : 'ready'
  await endBuild(deps.db, build, { status, failedTypes: failed, now: deps.clock() })
}
