import { z } from 'zod'
import { EnvelopeSchema } from '../operation/envelope.ts'
import { PlanSchema } from '../operation/plan.ts'
import { secret } from '../operation/redact.ts'
import { EVENT_STATUSES, REDACTED_FIELDS, STREAM_PROVIDERS } from './rules.ts'

const isTimeZone = (text: string): boolean => {
  try {
    return Boolean(new Intl.DateTimeFormat('en-US', { timeZone: text }))
  } catch {
    return false
  }
}

export const EventId = z.string().min(1).max(180)
export const DateTime = z.iso.datetime({ offset: true })
export const TimeZone = z.string().max(80).refine(isTimeZone, 'must be an IANA time zone')
const Url = z.url({ protocol: /^https?$/, hostname: z.regexes.hostname }).max(2000)

const title = z.string().trim().min(1).max(180)
const description = z.string().max(1200)
const handle = z.string().min(1).max(180)
const customerCode = z.string().min(1).max(80)
const channel = z.string().min(1).max(120)

/** The settable fields of an event, as the previews take them. Provider values are secrets. */
export const previewFields = {
  title,
  description: description.optional(),
  status: z.enum(EVENT_STATUSES),
  startsAt: DateTime.optional(),
  endsAt: DateTime.optional(),
  streamProvider: z.enum(STREAM_PROVIDERS),
  streamUrl: secret(Url).optional(),
  streamLiveInputId: secret(handle).optional(),
  streamVideoId: secret(handle).optional(),
  streamCustomerCode: secret(customerCode).optional(),
  streamPlaybackUrl: secret(Url).optional(),
  replayVideoId: secret(handle).optional(),
  replayUrl: secret(Url).optional(),
  replayPublishedAt: DateTime.optional(),
  chatEnabled: z.boolean(),
  subscriberOnly: z.boolean(),
  communityChannelId: channel.nullable().optional(),
  timeZone: TimeZone.optional().describe(
    'Zone that times are shown and confirmed in; kept beside the UTC instants',
  ),
}

/** The same for confirmed writes: everything but the title optional (unchanged), null clears. */
export const confirmFields = {
  title,
  description: description.nullable().optional(),
  status: z.enum(EVENT_STATUSES).optional(),
  startsAt: DateTime.nullable().optional(),
  endsAt: DateTime.nullable().optional(),
  streamProvider: z.enum(STREAM_PROVIDERS).optional(),
  streamUrl: secret(Url).nullable().optional(),
  streamLiveInputId: secret(handle).nullable().optional(),
  streamVideoId: secret(handle).nullable().optional(),
  streamCustomerCode: secret(customerCode).nullable().optional(),
  streamPlaybackUrl: secret(Url).nullable().optional(),
  replayVideoId: secret(handle).nullable().optional(),
  replayUrl: secret(Url).nullable().optional(),
  replayPublishedAt: DateTime.nullable().optional(),
  chatEnabled: z.boolean().optional(),
  subscriberOnly: z.boolean().optional(),
  communityChannelId: channel.nullable().optional(),
  timeZone: TimeZone.optional().describe(
    'Zone that times are shown and confirmed in; kept beside the UTC instants',
  ),
}

const audience = z.enum(['confirmed_subscribers'])
const copyTitle = z.string().min(1).max(140)
const copyBody = z.string().min(1).max(500)

export const PreviewNotification = z.strictObject({
  enabled: z.boolean(),
  audience: audience.optional(),
  title: copyTitle.optional(),
  body: copyBody.optional(),
  timeZone: TimeZone.optional(),
})

export const ConfirmNotification = z.strictObject({
  enabled: z.boolean(),
  audience,
  title: copyTitle,
  body: copyBody,
  timeZone: TimeZone,
})

export const Envelope = EnvelopeSchema

const Instant = z.string().nullable()
const StatsSchema = z.object({
  totalMessages: z.number().int(),
  visibleMessages: z.number().int(),
  flaggedMessages: z.number().int(),
  hiddenMessages: z.number().int(),
  pinnedMessages: z.number().int(),
})

export const ReadinessSchema = z.object({
  state: z.enum(['ready', 'needs-attention', 'blocked']),
  canStartBroadcast: z.boolean(),
  checks: z.array(
    z.object({
      id: z.string(),
      label: z.string(),
      status: z.enum(['pass', 'warn', 'fail']),
      required: z.boolean(),
      message: z.string(),
    }),
  ),
})

/** An event as anybody sees it: stream values only as booleans. */
export const EventSchema = z.object({
  id: z.string(),
  title: z.string(),
  description: z.string().nullable(),
  status: z.enum(EVENT_STATUSES),
  startsAt: Instant,
  endsAt: Instant,
  timeZone: z.string(),
  chatEnabled: z.boolean(),
  subscriberOnly: z.boolean(),
  communityChannelId: z.string().nullable(),
  communityChannel: z.object({ id: z.string(), title: z.string() }).nullable(),
  stream: z.object({
    provider: z.enum(STREAM_PROVIDERS),
    configured: z.boolean(),
    ingestConfigured: z.boolean(),
    playbackConfigured: z.boolean(),
    replayConfigured: z.boolean(),
    replayPublishedAt: Instant,
    redactedFields: z.array(z.enum(REDACTED_FIELDS)),
  }),
  stats: StatsSchema,
  readiness: ReadinessSchema,
  updatedAt: z.string(),
})

/** Answer of a preview. `plan.planDigest` and `confirmationText` are what a confirm or an approval names. */
export const PreviewOutput = z.object({
  ok: z.literal(true),
  version: z.string(),
  mode: z.literal('preview'),
  writesState: z.literal(false),
  plan: PlanSchema,
  confirmationText: z.string(),
  planDigest: z.string(),
  observedUpdatedAt: z.string().nullable(),
  requiresApproval: z.boolean(),
  requiredBeforeExecutable: z.array(z.string()),
  audit: z.object({ event: z.string(), record: z.string(), attribution: z.string() }),
  idempotency: z.object({ required: z.literal(true), field: z.string() }),
})

const PushState = z.enum(['configured', 'provider-not-configured'])

/** Answer of a confirmed write: the plan that was applied and the event as it is now. In preview mode no event. */
export const WriteOutput = z.object({
  ok: z.literal(true),
  mode: z.enum(['applied', 'preview']),
  plan: PlanSchema,
  event: EventSchema.optional(),
  fanNotification: z
    .object({
      status: z.enum(['not-requested', 'queued']),
      detail: z.string(),
      campaignId: z.string().optional(),
      audience: z.object({ count: z.int(), hash: z.string() }).optional(),
      push: z.object({ apns: PushState, fcm: PushState }).optional(),
    })
    .optional(),
})

/** What admin routes may add to the contract's fields. */
export const DryRun = z.boolean().optional().describe('Answer the plan and change nothing')
export const ObservedUpdatedAt = DateTime.optional().describe('Refuse with 412 when the event changed since')
