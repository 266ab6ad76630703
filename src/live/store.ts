import sql, { empty } from 'sql-template-tag'
import type { Queryable } from '../db/pool.ts'
import type { EventStatus, LiveEvent, Room } from './rules.ts'

const eventColumns = sql`id, title, description, status, starts_at AS "startsAt", ends_at AS "endsAt", time_zone AS "timeZone",
  chat_enabled AS "chatEnabled", subscriber_only AS "subscriberOnly", community_channel_id AS "communityChannelId",
  stream_provider AS "streamProvider", stream_url AS "streamUrl", stream_live_input_id AS "streamLiveInputId",
  stream_video_id AS "streamVideoId", stream_customer_code AS "streamCustomerCode", stream_playback_url AS "streamPlaybackUrl",
  replay_video_id AS "replayVideoId", replay_url AS "replayUrl", replay_published_at AS "replayPublishedAt",
  version, created_at AS "createdAt", updated_at AS "updatedAt"`

/** Columns of a room: the event of `e` with its talk as it is counted and its channel named. */
const roomColumns = sql`${eventColumns},
  (SELECT jsonb_build_object('totalMessages', r.visible_messages + r.flagged_messages + r.hidden_messages,
            'visibleMessages', r.visible_messages, 'flaggedMessages', r.flagged_messages,
            'hiddenMessages', r.hidden_messages, 'pinnedMessages', r.pinned_messages)
     FROM live_rooms r WHERE r.org = e.org AND r.event_id = e.id) AS stats,
  (SELECT c.title FROM community_channels c WHERE c.org = e.org AND c.id = e.community_channel_id) AS "channelTitle"`

export async function findRoom(
  db: Queryable,
  org: string,
  id: string,
  lock = false,
): Promise<Room | undefined> {
  const [row] = await db.query<Room>(sql`
    SELECT ${roomColumns} FROM live_events e WHERE org = ${org} AND id = ${id} ${lock ? sql`FOR UPDATE OF e` : empty}`)
  return row
}

/** Newest starts first; at most 200, what a manifest can carry. */
export async function listRooms(
  db: Queryable,
  org: string,
  statuses: readonly EventStatus[],
): Promise<Room[]> {
  return db.query<Room>(sql`
    SELECT ${roomColumns} FROM live_events e WHERE org = ${org} AND status = ANY(${statuses as string[]})
     ORDER BY starts_at DESC NULLS LAST, id LIMIT 200`)
}

/** A new event with its room. */
export async function insertEvent(
  db: Queryable,
  org: string,
  event: Omit<LiveEvent, 'version'>,
): Promise<void> {
  await db.query(sql`
    WITH room AS (INSERT INTO live_rooms (org, event_id) VALUES (${org}, ${event.id}))
    INSERT INTO live_events (org, id, title, description, status, starts_at, ends_at, time_zone, chat_enabled, subscriber_only,
      community_channel_id, stream_provider, stream_url, stream_live_input_id, stream_video_id, stream_customer_code,
      stream_playback_url, replay_video_id, replay_url, replay_published_at, created_at, updated_at)
    VALUES (${org}, ${event.id}, ${event.title}, ${event.description}, ${event.status}, ${event.startsAt}, ${event.endsAt},
      ${event.timeZone}, ${event.chatEnabled}, ${event.subscriberOnly}, ${event.communityChannelId}, ${event.streamProvider},
      ${event.streamUrl}, ${event.streamLiveInputId}, ${event.streamVideoId}, ${event.streamCustomerCode},
      ${event.streamPlaybackUrl}, ${event.replayVideoId}, ${event.replayUrl}, ${event.replayPublishedAt},
      ${event.createdAt}, ${event.updatedAt})`)
}

/**
 * Replaces an event's fields where it still has `event.version`; false when it moved on. `updated_at` grows by at least
 * one millisecond whatever the clock says, so that it stands for the version.
 */
export async function updateEvent(
  db: Queryable,
  org: string,
  event: LiveEvent,
  now: Date,
): Promise<{ version: number; updatedAt: Date } | undefined> {
  const [row] = await db.query<{ version: number; updatedAt: Date }>(sql`
    UPDATE live_events
       SET title = ${event.title}, description = ${event.description}, status = ${event.status}, starts_at = ${event.startsAt},
           ends_at = ${event.endsAt}, time_zone = ${event.timeZone}, chat_enabled = ${event.chatEnabled},
           subscriber_only = ${event.subscriberOnly}, community_channel_id = ${event.communityChannelId},
           stream_provider = ${event.streamProvider}, stream_url = ${event.streamUrl},
           stream_live_input_id = ${event.streamLiveInputId}, stream_video_id = ${event.streamVideoId},
           stream_customer_code = ${event.streamCustomerCode}, stream_playback_url = ${event.streamPlaybackUrl},
           replay_video_id = ${event.replayVideoId}, replay_url = ${event.replayUrl},
           replay_published_at = ${event.replayPublishedAt}, version = version + 1,
           updated_at = greatest(${now}::timestamptz, updated_at + interval '1 millisecond')
     WHERE org = ${org} AND id = ${event.id} AND version = ${event.version}
    RETURNING version, updated_at AS "updatedAt"`)
  return row
}

/** Events that a community channel is linked to, newest start first. */
export async function listLinked(
  db: Queryable,
  org: string,
  statuses: readonly EventStatus[],
): Promise<LinkedEvent[]> {
  return db.query<LinkedEvent>(sql`
    SELECT id, title, status, starts_at AS "startsAt", community_channel_id AS "channelId" FROM live_events
     WHERE org = ${org} AND community_channel_id IS NOT NULL AND status = ANY(${statuses as string[]})
     ORDER BY starts_at DESC NULLS LAST, id LIMIT 200`)
}

export type LinkedEvent = Pick<LiveEvent, 'id' | 'title' | 'status' | 'startsAt'> & { channelId: string }

/** The statuses of these events, those that there are. */
export async function statusesOf(
  db: Queryable,
  org: string,
  ids: readonly string[],
): Promise<{ id: string; status: EventStatus }[]> {
  return db.query(sql`SELECT id, status FROM live_events WHERE org = ${org} AND id = ANY(${ids as string[]})`)
}
