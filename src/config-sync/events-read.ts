import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { READS } from '../config-hub/schema.ts'
import { type Context, read, type StreamItem } from '../operation/define.ts'
import { ALL_KINDS, requireJob } from './jobs/begin.ts'
import { presentEvent } from './jobs/present.ts'
import { JobEvent, JobId } from './jobs/schema.ts'
import { eventsAfter, findJob } from './jobs/store.ts'

const PAGE = 500
/** How often the events of a job are looked at while somebody follows them: a person's eye asks for no more. */
const LOOK_MS = 250
/** 15 s: below the 30 to 60 s after which proxies close a silent connection. */
const HEARTBEAT_MS = 15_000

const Input = z.strictObject({
  id: JobId,
  after: z.int().min(0).optional().describe('Read on after this event’s seq; 0 is the beginning'),
  size: z.int().min(1).max(PAGE).optional(),
})

export const eventsRead = read({
  id: 'config-sync.events.read',
  tool: 'config_sync_events_read',
  surface: 'configuration-hub',
  summary:
    'Read the events of a job after a number, or follow them as server-sent events until it has ended.',
  boundaries: ['In order and without gaps, of delete jobs too.'],
  http: { method: 'GET', path: '/v1/configs/sync-jobs/{id}/events' },
  access: READS,
  input: Input,
  output: z.object({
    results: z.array(JobEvent),
    next: z.int().describe('What to send as after to read on'),
    ended: z.boolean().describe('The job has ended and this was the last event'),
  }),
  errors: ['not-found'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, { id, after = 0, size = 100 }) {
    // the job first: events that come in between are then at most too many
    const job = await requireAny(ctx, id)
    const events = await eventsAfter(ctx.db, ctx.org, id, after, size)
    const next = events.at(-1)?.seq ?? after
    return { results: events.map(presentEvent), next, ended: job.stage === 'ended' && next >= job.eventSeq }
  },
  async *stream(ctx, { id, after = 0 }) {
    await requireAny(ctx, id)
    yield* follow(ctx, id, after)
  },
})

const requireAny = (ctx: Context, id: string) => requireJob(ctx, id, ALL_KINDS)

async function* follow({ deps, org, call }: Context, id: string, from: number): AsyncIterable<StreamItem> {
  let after = from
  let told = Date.now()
  while (!call.signal?.aborted) {
    const job = await findJob(deps.db, org, id)
    if (!job) return
    const events = await eventsAfter(deps.db, org, id, after, PAGE)
    for (const event of events) {
      yield { id: String(event.seq), event: 'event', data: presentEvent(event) }
      after = event.seq
    }
    if (events.length > 0) told = Date.now()
    else if (job.stage === 'ended') return
    else if (Date.now() - told >= HEARTBEAT_MS) {
      yield { comment: 'heartbeat' }
      told = Date.now()
    }
    if (events.length < PAGE) await sleep(LOOK_MS, undefined, { signal: call.signal }).catch(() => {})
    if (call.reauthenticate && !(await call.reauthenticate().catch(() => undefined))) return
  }
}
