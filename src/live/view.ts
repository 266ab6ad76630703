import type { z } from 'zod'
import type { Context } from '../operation/define.ts'
import { type LiveEvent, REDACTED_FIELDS, readiness, type Stats, streamConfigured } from './rules.ts'
import type { EventSchema } from './schema.ts'
import { countMessages, findChannel } from './store.ts'

export const NO_MESSAGES: Stats = {
  totalMessages: 0,
  visibleMessages: 0,
  flaggedMessages: 0,
  hiddenMessages: 0,
  pinnedMessages: 0,
}

export type EventView = z.input<typeof EventSchema>

/** What may be shown of an event. Hidden and flagged counts are for those who moderate. */
export function presentEvent(
  event: LiveEvent,
  stats: Stats,
  channel: { id: string; title: string } | undefined,
  moderates: boolean,
): EventView {
  const shown = moderates ? stats : publicStats(stats)
  return {
    id: event.id,
    title: event.title,
    description: event.description,
    status: event.status,
    startsAt: event.startsAt?.toISOString() ?? null,
    endsAt: event.endsAt?.toISOString() ?? null,
    timeZone: event.timeZone,
    chatEnabled: event.chatEnabled,
    subscriberOnly: event.subscriberOnly,
    communityChannelId: event.communityChannelId,
    communityChannel: channel ? { id: channel.id, title: channel.title } : null,
    stream: {
      provider: event.streamProvider,
      configured: streamConfigured(event),
      ingestConfigured: event.streamLiveInputId !== null || event.streamUrl !== null,
      playbackConfigured:
        event.streamPlaybackUrl !== null || event.streamVideoId !== null || event.streamUrl !== null,
      replayConfigured: event.replayUrl !== null || event.replayVideoId !== null,
      replayPublishedAt: event.replayPublishedAt?.toISOString() ?? null,
      redactedFields: [...REDACTED_FIELDS],
    },
    stats: shown,
    readiness: readiness(event, stats),
    updatedAt: event.updatedAt.toISOString(),
  }
}

const publicStats = (stats: Stats): Stats => ({
  ...stats,
  totalMessages: stats.visibleMessages + stats.flaggedMessages,
  hiddenMessages: 0,
})

export async function statsOf(ctx: Context, eventIds: readonly string[]): Promise<Map<string, Stats>> {
  if (eventIds.length === 0) return new Map()
  const rows = await countMessages(ctx.db, ctx.org, eventIds)
  return new Map(rows.map(({ eventId, ...stats }) => [eventId, stats]))
}

/** The event as the answer of a write shows it. */
export async function viewEvent(ctx: Context, event: LiveEvent): Promise<EventView> {
  const stats = (await statsOf(ctx, [event.id])).get(event.id) ?? NO_MESSAGES
  const channel = event.communityChannelId
    ? await findChannel(ctx.db, ctx.org, event.communityChannelId)
    : undefined
  return presentEvent(event, stats, channel, true)
}
