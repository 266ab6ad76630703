import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { type Context, read, type StreamItem } from '../operation/define.ts'
import { READS } from './access.ts'
import { presentRun, requireRun } from './present.ts'
import { RunId, SyncRun } from './schema.ts'

/** 15 s: below the 30 to 60 s after which proxies close a silent connection. */
const HEARTBEAT_MS = 15_000
/** 500 ms between looks: a page takes about as long. */
const LOOK_MS = 500

export const runsRead = read({
  id: 'sync-jobs.runs.read',
  tool: 'agent_sync_jobs_runs_read',
  surface: 'sync-jobs',
  summary: 'Read one run of a sync job, or follow it page by page as server-sent events.',
  boundaries: ['The stream ends when the run does, or when it is paused or waits for a person.'],
  http: { method: 'GET', path: '/api/agent/sync-jobs/runs/{runId}' },
  access: READS,
  input: z.strictObject({ runId: RunId }),
  output: z.object({ ok: z.literal(true), run: SyncRun }),
  errors: ['not-found'],
  audit: { none: 'A read changes nothing.' },
  resource: { uri: 'fanful://agent/sync-jobs/runs/{runId}', title: 'A run of a sync job' },
  run: async (ctx, { runId }) => ({ ok: true as const, run: presentRun(await requireRun(ctx, runId)) }),
  async *stream(ctx, { runId }) {
    await requireRun(ctx, runId)
    yield* follow(ctx, runId)
  },
})

/** The run after each page, until nothing more happens to it by itself. */
async function* follow(ctx: Context, runId: string): AsyncIterable<StreamItem> {
  const { call } = ctx
  let told = ''
  let toldAt = Date.now()
  while (!call.signal?.aborted) {
    const run = presentRun(await requireRun(ctx, runId))
    const text = JSON.stringify(run)
    if (text !== told) {
      yield { id: String(run.stats.pages), event: 'run', data: run }
      ;[told, toldAt] = [text, Date.now()]
    } else if (Date.now() - toldAt >= HEARTBEAT_MS) {
      yield { comment: 'heartbeat' }
      toldAt = Date.now()
    }
    if (run.status !== 'running') return
    await sleep(LOOK_MS, undefined, { signal: call.signal }).catch(() => {})
    // who may no longer be here is cut off at the next look
    if (call.reauthenticate && !(await call.reauthenticate().catch(() => undefined))) return
  }
}
