import type { Audience } from '../notifications/audience.ts'
import { pushState } from '../notifications/campaigns/senders.ts'
import { startCampaign } from '../notifications/campaigns/start.ts'
import { bodyIn, START, utcOffset } from '../notifications/copy.ts'
import type { Context } from '../operation/define.ts'
import type { Envelope } from '../operation/envelope.ts'
import { fail } from '../operation/errors.ts'
import type { PlanDraft } from '../operation/plan.ts'
import type { Settable } from './rules.ts'
import { renderTime } from './wording.ts'

export type Notification = {
  enabled: boolean
  audience?: 'confirmed_subscribers'
  title?: string
  body?: string
  timeZone?: string
}

/** Zones besides the one asked for, so that an approver sees how the hour reads elsewhere. */
const SAMPLE_ZONES = ['America/New_York', 'Europe/Berlin']

/**
 * The copy that would go out, to whom, and how it reads in three zones; undefined when none was asked for. In a body
 * `{start}` stands for the start in each follower's zone.
 */
export function notificationDetails(
  input: Notification | undefined,
  next: Pick<Settable, 'title' | 'startsAt' | 'timeZone'>,
  audience: Audience,
) {
  if (!input?.enabled) return undefined
  const timeZone = input.timeZone ?? next.timeZone
  const { startsAt } = next
  const copy = {
    audience: input.audience ?? ('confirmed_subscribers' as const),
    title: input.title ?? next.title,
    body: input.body ?? `${next.title} starts ${START}.`,
    timeZone,
  }
  const zones = [timeZone, ...SAMPLE_ZONES.filter((zone) => zone !== timeZone)].slice(0, 3)
  return {
    copy,
    audience: { count: audience.size, hash: audience.hash },
    renderedStart: zones.map((zone) => ({
      timeZone: zone,
      text: startsAt ? renderTime(startsAt, zone, true) : null,
      utcOffset: startsAt ? utcOffset(startsAt, zone) : null,
      body: bodyIn({ body: copy.body, startsAt }, zone),
    })),
    delivery: { status: 'queued-with-the-write', detail: audienceText(audience) },
  }
}

export type NotificationDetails = NonNullable<ReturnType<typeof notificationDetails>>

const audienceText = ({ size }: Pick<Audience, 'size'>): string =>
  `${size === 1 ? 'One confirmed subscriber is' : `${size} confirmed subscribers are`} told once the write is applied.`

/** What a plan that notifies has in its digest: the copy, and the hash of who is told. */
export const notificationArguments = ({ copy, audience }: NotificationDetails) => ({
  fanNotification: { ...copy, audienceHash: audience.hash },
})

/** A plan that notifies is stale when anybody has joined or left the audience since. */
export const observedAudience = ({ version }: Audience): PlanDraft['observed'] => [
  { kind: 'audience', id: 'confirmed_subscribers', version, updatedAt: null },
]

export const audienceNotes = ({ audience }: NotificationDetails): string[] =>
  audience.count === 0 ? ['Nobody is a confirmed subscriber, so nobody would be told.'] : []

/**
 * Without the digest of the plan a confirmation does not say which audience was previewed. What was approved names its
 * plan by itself, and comes here without an envelope.
 */
export function requireDigest(ctx: Pick<Context, 'lock' | 'call'>, envelope: Envelope | undefined): void {
  if (!ctx.lock || !envelope || envelope.approval || envelope.planDigest || ctx.call.approval) return
  fail('validation-failed', {
    detail: 'A write that notifies followers names the plan that was previewed: it has the audience in it.',
    errors: [{ pointer: '/envelope/planDigest', message: 'is required with fanNotification' }],
  })
}

/** What a planner hands to apply of a notification. */
export type PlannedNotification = { details: NotificationDetails; audience: Audience; startsAt: Date | null }

/** Writes the campaign with the write that it tells of; answers what became of it. */
export async function notify(
  ctx: Context,
  planned: PlannedNotification | undefined,
  { eventId, operationId }: { eventId: string; operationId: string },
) {
  if (!planned) return { status: 'not-requested' as const, detail: 'No follower notification was asked for.' }
  const { details, audience, startsAt } = planned
  const { title, body } = details.copy
  const campaignId = await startCampaign(ctx, {
    ...{ eventId, operationId, audience },
    // a confirmed write always has one
    key: ctx.call.idempotencyKey as string,
    copy: { title, body, startsAt },
  })
  return {
    status: 'queued' as const,
    detail: `${audience.size} confirmed subscribers are being told; GET /api/notifications/campaigns/${campaignId} tells how far it is.`,
    campaignId,
    audience: details.audience,
    push: pushState(ctx.deps.config),
  }
}
