import type { Logger } from 'pino'
import type { Access } from './access/auth.ts'
import type { Config } from './config.ts'
import type { Db } from './db/pool.ts'
import type { Metrics } from './metrics.ts'
import type { Operation } from './operation/define.ts'
import type { Sealing } from './operation/sealing.ts'
import type { SessionFeed } from './sessions/feed.ts'

/** Everything that functions need from outside, passed as one explicit argument. */
export type Deps = {
  config: Config
  db: Db
  access: Access
  sealing: Sealing
  /** Wakes readers of session logs; see sessions/feed.ts. */
  feed: SessionFeed
  metrics: Metrics
  log: Logger
  /** The clock; tests set their own. */
  clock: () => Date
  operations: readonly Operation[]
}
