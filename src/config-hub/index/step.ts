import sql from 'sql-template-tag'
import type { Transaction } from '../../db/pool.ts'
import type { Deps } from '../../deps.ts'
import type { Connector } from '../connectors/connector.ts'
import type { Registry } from '../types/definition.ts'
import { type Build, type Checkpoint, holdBuild, moveCheckpoint } from './status-store.ts'

/** Where an organisation's types live. */
export type Connectors = (
  deps: Deps,
  org: string,
  registry: Registry,
) => Promise<ReadonlyMap<string, Connector>>

/** A rebuild under way. */
export type Work = {
  deps: Deps
  build: Build
  registry: Registry
  connectors: ReadonlyMap<string, Connector>
  signal: AbortSignal
  /** The checkpoint, as it was last moved. */
  at: Checkpoint
}

/**
 * What is done for many keys at once is looked up key by key. The planner believes of a JSON argument that it has 100
 * rows, and of tables that grow in these very statements that they are empty: it would read all edges of the
 * organisation for each page (10 times as slow for 20,000 configurations).
 */
const BY_KEY = sql`
  SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true),
         set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
         set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)`

/**
 * One transaction of a rebuild: what is written, and the checkpoint behind it, guarded by token and attempt. `write`
 * answers what it changes of the checkpoint besides. Throws when the work is to stop.
 */
export async function step(
  work: Work,
  change: Partial<Checkpoint>,
  write: (tx: Transaction) => Promise<Partial<Checkpoint> | undefined> = async () => undefined,
  items = 0,
): Promise<void> {
  const { deps, build, signal } = work
  signal.throwIfAborted()
  work.at = await deps.db.transaction(async (tx) => {
    tx.send(BY_KEY)
    const next = { ...work.at, ...change, ...(await write(tx)) }
    await moveCheckpoint(tx, build, next, items)
    return next
  })
}

/** A transaction of a rebuild beside others of it: held to its token and attempt, without a checkpoint. */
export async function aside({ deps, build }: Work, write: (tx: Transaction) => Promise<void>): Promise<void> {
  await deps.db.transaction(async (tx) => {
    tx.send(BY_KEY)
    await holdBuild(tx, build)
    await write(tx)
  })
}
