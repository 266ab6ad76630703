import type { z } from 'zod'
import { REDACTED_FIELDS, type Room, readiness, type Stats, streamConfigured } from './rules.ts'
import type { EventSchema } from './schema.ts'

export type EventView = z.input<typeof EventSchema>

/** What may be shown of a room. Hidden counts are for those who moderate. */
export function presentEvent(event: Room, moderates: boolean): EventView {
  const { stats, channelTitle } = event
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
    communityChannel: event.communityChannelId
      ? { id: event.communityChannelId, title: channelTitle ?? '' }
      : null,
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
