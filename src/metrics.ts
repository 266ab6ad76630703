import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Db } from './db/pool.ts'

export type Metrics = ReturnType<typeof createMetrics>

/** Prometheus metrics of one process. Labels are closed sets: operation ids, codes, statuses. */
export function createMetrics(db: Pick<Db, 'pool'>) {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  new Gauge({
    name: 'countersign_pool_connections',
    help: 'PostgreSQL connections of this process by state.',
    labelNames: ['state'],
    registers,
    collect() {
      this.set({ state: 'total' }, db.pool.totalCount)
      this.set({ state: 'idle' }, db.pool.idleCount)
      this.set({ state: 'waiting' }, db.pool.waitingCount)
    },
  })
  return {
    registry,
    calls: new Counter({
      name: 'countersign_operation_calls_total',
      help: 'Operation calls by outcome: ok, replayed or the error code.',
      labelNames: ['operation', 'outcome'],
      registers,
    }),
    latency: new Histogram({
      name: 'countersign_operation_seconds',
      help: 'Time of an operation call in seconds.',
      labelNames: ['operation'],
      // from a single indexed read to the slowest call a person would wait for
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    }),
    requests: new Counter({
      name: 'countersign_http_requests_total',
      help: 'HTTP requests by status class.',
      labelNames: ['method', 'status'],
      registers,
    }),
    events: new Counter({
      name: 'countersign_session_events_total',
      help: 'Session events appended.',
      labelNames: ['type'],
      registers,
    }),
    approvals: new Counter({
      name: 'countersign_approvals_total',
      help: 'Approvals by the status they reached.',
      labelNames: ['status'],
      registers,
    }),
    sockets: new Gauge({
      name: 'countersign_live_sockets',
      help: 'Sockets of live rooms that are subscribed at this process.',
      registers,
    }),
    socketsEnded: new Counter({
      name: 'countersign_live_sockets_ended_total',
      help: 'Sockets of live rooms that this process ended, by reason.',
      labelNames: ['reason'],
      registers,
    }),
    syncRuns: new Counter({
      name: 'countersign_sync_runs_total',
      help: 'Runs of sync jobs by the status they reached: completed, paused, failed, needs-review.',
      labelNames: ['status'],
      registers,
    }),
    syncPages: new Counter({
      name: 'countersign_sync_pages_total',
      help: 'Pages of sync jobs that were written with their checkpoint.',
      registers,
    }),
    syncRecords: new Counter({
      name: 'countersign_sync_records_total',
      help: 'Records of sync jobs by what became of them: processed, duplicates (skipped), conflicts (among the processed).',
      labelNames: ['outcome'],
      registers,
    }),
    syncCompleted: new Gauge({
      name: 'countersign_sync_last_complete_timestamp_seconds',
      help: 'When this process last completed a run of a sync job; 0: not yet.',
      registers,
    }),
    streams: new Gauge({
      name: 'countersign_event_streams',
      help: 'Open event streams of this process.',
      registers,
    }),
  }
}
