import { CronExpressionParser } from 'cron-parser'
import type { Deps } from '../../deps.ts'
import type { Context } from '../../operation/define.ts'
import { fail } from '../../operation/errors.ts'
import { definitionOf } from './jobs.ts'
import { beginRun } from './runs.ts'
import { dropOldRuns, holdJobRow, type Schedule, takeDue, updateJob } from './store.ts'

/** The first time after `after` that a schedule names. Throws on what is no cron expression or no time zone. */
export const nextTime = ({ cron, timeZone }: Pick<Schedule, 'cron' | 'timeZone'>, after: Date): Date =>
  CronExpressionParser.parse(cron, { currentDate: after, tz: timeZone }).next().toDate()

/** Errors: validation-failed, naming what is wrong. */
export function checkSchedule(schedule: Pick<Schedule, 'cron' | 'timeZone'>, now: Date): Date {
  if (schedule.cron.trim().split(/\s+/).length !== 5)
    return wrong('/cron', 'must have five fields: minutes are the finest')
  try {
    new Intl.DateTimeFormat('en', { timeZone: schedule.timeZone })
  } catch {
    return wrong('/timeZone', 'must be an IANA time zone')
  }
  try {
    return nextTime(schedule, now)
  } catch {
    return wrong('/cron', 'must be a cron expression')
  }
}

const wrong = (pointer: string, message: string): never =>
  fail('validation-failed', { detail: 'The schedule is not valid.', errors: [{ pointer, message }] })

/** Sets the schedule of a job in the organisation, or with null ends it. Errors: validation-failed. */
export async function putSchedule(
  ctx: Context,
  jobId: string,
  schedule: Schedule | null,
): Promise<Date | null> {
  const nextAt = schedule && checkSchedule(schedule, ctx.now)
  await holdJobRow(ctx.db, ctx.org, jobId)
  await updateJob(ctx.db, ctx.org, jobId, {
    schedule: schedule && JSON.stringify(schedule),
    next_at: nextAt,
  })
  return nextAt
}

/** Starts every run that is due; where another is under way, or a process slept, that time is left out. */
export async function startDue(deps: Deps): Promise<void> {
  while (await startOne(deps));
}

const startOne = (deps: Deps): Promise<boolean> =>
  deps.db.transaction(async (tx) => {
    const now = deps.clock()
    const due = await takeDue(tx, now)
    if (!due) return false
    const { org, id, schedule } = due
    await updateJob(tx, org, id, { next_at: nextTime(schedule, now) })
    if (definitionOf(deps, id))
      await beginRun(tx, { org, jobId: id, mode: schedule.mode, requestedBy: 'schedule', now })
    return true
  })

const RUNS_KEPT = 100
const RUNS_KEPT_MS = 90 * 24 * 3_600_000

/** Of each job the newest hundred runs stay, and all of ninety days. */
export async function forgetRuns(deps: Deps): Promise<void> {
  const dropped = await dropOldRuns(deps.db, new Date(deps.clock().getTime() - RUNS_KEPT_MS), RUNS_KEPT)
  if (dropped > 0) deps.log.info({ dropped }, 'old runs of sync jobs removed')
}
