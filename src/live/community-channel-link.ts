import { z } from 'zod'
import { write } from '../operation/define.ts'
import { applyChange } from './apply.ts'
import { planUpdate } from './plan.ts'
import { updateActions } from './rules.ts'
import { confirmFields, DryRun, EventId, ObservedUpdatedAt, previewFields, WriteOutput } from './schema.ts'

const { title, status, streamProvider, chatEnabled, subscriberOnly } = previewFields

export const communityChannelLink = write({
  id: 'live.community-channel.link',
  tool: 'live_community_channel_link',
  surface: 'live-controls',
  summary: 'Update a live event directly, and link it to a community channel or unlink it.',
  boundaries: [
    'communityChannelId null unlinks. A channel is linked only while it is active and the community is unlocked.',
    'Optional fields left out stay as they are, null clears.',
    'The status sent must be the one the event has; it is changed by its own route.',
    'Channel messages live apart from live notes.',
  ],
  http: { method: 'PATCH', path: '/api/admin/live-events' },
  access: { auth: 'artist-admin-or-approved-automation', scope: 'live:write' },
  input: z.strictObject({
    id: EventId,
    ...confirmFields,
    ...{ title, status, streamProvider, chatEnabled, subscriberOnly },
    communityChannelId: confirmFields.communityChannelId.unwrap(),
    observedUpdatedAt: ObservedUpdatedAt,
    dryRun: DryRun,
  }),
  output: WriteOutput,
  errors: ['not-found', 'stale', 'plan-blocked', 'status-forbidden', 'approval-required'],
  confirmation: {
    kind: 'live-schedule',
    reason: 'A link changes where listeners are sent before, during and after the event.',
    contractId: 'creator.live.schedule-and-status',
    action: 'creator.live.community-channel.link',
    envelope: false,
  },
  audit: {
    event: ({ changes }) => updateActions(changes),
    record: 'live_events.community_channel_id + live_event_admin_actions',
    attribution: 'The redacted event before and after, with the identity of the admin or the automation.',
  },
  preview: (ctx, { id, ...input }) => planUpdate(ctx, id, input),
  async apply(ctx, plan, _input, subject) {
    const { previous, event } = await applyChange(ctx, plan, subject)
    return { output: { ok: true as const, mode: 'applied' as const, plan, event }, previous, next: event }
  },
})
