import type { Context } from '../../operation/define.ts'
import { tellEnded } from '../execution/end.ts'
import { writeEvents } from '../execution/store.ts'
import { cancelJob, type JobRow } from './store.ts'

/** Ends a job before its end, and says why. Undefined when it had ended. */
export async function endCancelled(
  ctx: Pick<Context, 'db' | 'org' | 'now'>,
  { id, currentPhase }: JobRow,
  message: string,
): Promise<JobRow | undefined> {
  const ended = await cancelJob(ctx.db, ctx.org, id, ctx.now)
  if (!ended) return undefined
  await tellEnded(ctx.db, { org: ctx.org, id, kind: ended.kind, status: 'cancelled', at: ctx.now })
  const event = { phase: currentPhase ?? ('phase_0' as const), status: 'skipped' as const, message }
  await writeEvents(ctx.db, ended, [event], ended.eventSeq - 1, ctx.now)
  return ended
}
