import type pg from 'pg'
import { PgBoss } from 'pg-boss'

export const SCHEMA = 'pgboss'

/** The job engine on connections of its own. Without `work` it does nothing by itself. */
export const openEngine = (connection: pg.ClientConfig, { work }: { work: boolean }): PgBoss =>
  new PgBoss({
    ...(connection as object),
    application_name: 'countersign-jobs',
    schema: SCHEMA,
    // with work: one connection works, one keeps schedules and heartbeats; the listener has its own
    max: work ? 2 : 1,
    schedule: work,
    supervise: work,
    registerInstance: work,
    useListenNotify: work,
    // a heartbeat that stopped is seen within 3 s of its end, also where no sweeper is left
    superviseIntervalSeconds: 3,
    monitorIntervalSeconds: 3,
  })
