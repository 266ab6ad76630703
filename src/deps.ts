import type { lookup } from 'node:dns'
import type { Logger } from 'pino'
import type { Access } from './access/auth.ts'
import type { Config } from './config.ts'
import type { LogFeed } from './db/log-feed.ts'
import type { Db } from './db/pool.ts'
import type { Postbox } from './live/room/post.ts'
import type { Metrics } from './metrics.ts'
import type { Operation } from './operation/define.ts'
import type { Sealing } from './operation/sealing.ts'
import type { SyncJobDefinition } from './sync-jobs/engine/definition.ts'

/** Everything that functions need from outside, passed as one explicit argument. */
export type Deps = {
  config: Config
  db: Db
  access: Access
  sealing: Sealing
  /** Wakes readers of session logs and of room logs; see db/log-feed.ts. */
  feed: LogFeed
  /** Notes on their way into rooms; see live/room/post.ts. */
  postbox: Postbox
  metrics: Metrics
  log: Logger
  /** The clock; tests set their own. */
  clock: () => Date
  operations: readonly Operation[]
  /** Sync jobs instead of those of `sync-jobs/definitions.ts`; tests have their own. */
  syncJobs?: readonly SyncJobDefinition[]
  /** How triggers are delivered, otherwise than by default; tests have their own. */
  triggers?: { random?: () => number; resolver?: typeof lookup; timeoutMs?: number }
}
