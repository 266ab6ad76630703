import sql, { empty, type Sql } from 'sql-template-tag'
import type { Queryable } from '../db/pool.ts'
import type { Channel, Community, Managed, MessageStatus, Paced, Reaction } from './rules.ts'

const communityColumns = sql`unlocked, version, CASE WHEN version > 0 THEN updated_at END AS "updatedAt"`

/** A community that was never changed is unlocked. */
export async function findCommunity(db: Queryable, org: string): Promise<Community> {
  const [row] = await db.query<Community>(sql`SELECT ${communityColumns} FROM communities WHERE org = ${org}`)
  return row ?? { unlocked: true, version: 0, updatedAt: null }
}

/** The community and its channels, kept from everybody else until the transaction ends: no posts, no links. */
export async function lockCommunity(
  db: Queryable,
  org: string,
  now: Date,
): Promise<{ community: Community; channels: Channel[] }> {
  await db.query(sql`
    INSERT INTO communities (org, unlocked, version, updated_at) VALUES (${org}, true, 0, ${now}) ON CONFLICT DO NOTHING`)
  const [community] = await db.query<Community>(
    sql`SELECT ${communityColumns} FROM communities WHERE org = ${org} FOR UPDATE`,
  )
  return { community: community as Community, channels: await listChannels(db, org, sql`FOR UPDATE`) }
}

/** Counts a change of the community; its time grows whatever the clock says. */
export async function moveCommunity(
  db: Queryable,
  org: string,
  unlocked: boolean,
  now: Date,
): Promise<Community> {
  const [row] = await db.query<Community>(sql`
    UPDATE communities
       SET unlocked = ${unlocked}, version = version + 1,
           updated_at = greatest(${now}::timestamptz, updated_at + interval '1 millisecond')
     WHERE org = ${org} RETURNING ${communityColumns}`)
  return row as Community
}

const channelColumns = sql`id, title, position, active, members_only AS "membersOnly", head_seq AS "headSeq", version,
  created_at AS "createdAt", updated_at AS "updatedAt"`

/** Active ones in their order, then the archived ones. */
export async function listChannels(db: Queryable, org: string, locking: Sql = empty): Promise<Channel[]> {
  return db.query<Channel>(sql`
    SELECT ${channelColumns} FROM community_channels WHERE org = ${org} ORDER BY position NULLS LAST, id ${locking}`)
}

/** `share` keeps a channel as it is until the transaction ends; `update` also lets nobody else write into its log. */
export async function findChannel(
  db: Queryable,
  org: string,
  id: string,
  lock?: 'share' | 'update',
): Promise<Channel | undefined> {
  const locking = lock === undefined ? empty : lock === 'share' ? sql`FOR SHARE` : sql`FOR UPDATE`
  const [row] = await db.query<Channel>(
    sql`SELECT ${channelColumns} FROM community_channels WHERE org = ${org} AND id = ${id} ${locking}`,
  )
  return row
}

/** Creates a channel, or writes what is managed of it. */
export async function putChannel(db: Queryable, org: string, channel: Managed, now: Date): Promise<void> {
  await db.query(sql`
    INSERT INTO community_channels AS c (org, id, title, position, active, members_only, created_at, updated_at)
    VALUES (${org}, ${channel.id}, ${channel.title}, ${channel.position}, ${channel.active}, ${channel.membersOnly}, ${now}, ${now})
    ON CONFLICT (org, id) DO UPDATE
       SET title = excluded.title, position = excluded.position, active = excluded.active,
           members_only = excluded.members_only, version = c.version + 1,
           updated_at = greatest(excluded.updated_at, c.updated_at + interval '1 millisecond')
     WHERE c.org = ${org}`)
}

export type Message = {
  id: string
  channelId: string
  /** Its place in the channel, and the position of its latest entry in the channel's log. */
  seq: number
  atSeq: number
  userId: string
  displayName: string
  via: string | null
  body: string
  status: MessageStatus
  pinned: boolean
  version: number
  createdAt: Date
  updatedAt: Date
}

/** How often each reaction was given, and which the reader gave. */
export type Reactions = { counts: Partial<Record<Reaction, number>>; own: Reaction[] }

const messageColumns = sql`id, channel_id AS "channelId", seq, at_seq AS "atSeq", user_id AS "userId",
  display_name AS "displayName", via, body, status, pinned, version, created_at AS "createdAt", updated_at AS "updatedAt"`

const reactionColumns = (userId: string | null): Sql => sql`
  (SELECT jsonb_build_object('counts', coalesce(jsonb_object_agg(reaction, n), '{}'),
                             'own', coalesce(jsonb_agg(reaction) FILTER (WHERE own), '[]'))
     FROM (SELECT r.reaction, count(*) AS n, bool_or(r.user_id = ${userId}) AS own
             FROM community_chat_reactions r WHERE r.org = m.org AND r.message_id = m.id GROUP BY r.reaction) given) AS reactions`

export type ReadMessage = Message & { reactions: Reactions }

export async function findMessage(
  db: Queryable,
  org: string,
  id: string,
  userId: string | null,
): Promise<ReadMessage | undefined> {
  const [row] = await db.query<ReadMessage>(sql`
    SELECT ${messageColumns}, ${reactionColumns(userId)} FROM community_chat_messages m WHERE org = ${org} AND id = ${id}`)
  return row
}

/** What is new or different behind a position of the log, in its order; hidden ones too, so that readers learn of it. */
export async function listChanged(
  db: Queryable,
  org: string,
  {
    channelId,
    after,
    userId,
    limit,
  }: { channelId: string; after: number; userId: string | null; limit: number },
): Promise<ReadMessage[]> {
  return db.query<ReadMessage>(sql`
    SELECT ${messageColumns}, ${reactionColumns(userId)} FROM community_chat_messages m
     WHERE org = ${org} AND channel_id = ${channelId} AND at_seq > ${after} ORDER BY at_seq LIMIT ${limit}`)
}

/** Latest first, what stands before a place, as the log was at `head`: what changed since comes behind that position. */
export async function listLatest(
  db: Queryable,
  org: string,
  page: {
    channelId: string
    before: number | null
    head: number
    hidden: boolean
    pinned?: boolean
    userId: string | null
    limit: number
  },
): Promise<ReadMessage[]> {
  return db.query<ReadMessage>(sql`
    SELECT ${messageColumns}, ${reactionColumns(page.userId)} FROM community_chat_messages m
     WHERE org = ${org} AND channel_id = ${page.channelId} AND (${page.before}::bigint IS NULL OR seq < ${page.before})
       AND at_seq <= ${page.head} AND (${page.hidden} OR status <> 'hidden') ${page.pinned ? sql`AND pinned` : empty}
     ORDER BY seq DESC LIMIT ${page.limit}`)
}

/** How many flagged messages wait in each channel that has some. */
export async function countFlagged(db: Queryable, org: string): Promise<Map<string, number>> {
  const rows = await db.query<{ channelId: string; n: number }>(sql`
    SELECT channel_id AS "channelId", count(*) AS n FROM community_chat_messages
     WHERE org = ${org} AND status = 'flagged' GROUP BY channel_id`)
  return new Map(rows.map(({ channelId, n }) => [channelId, n]))
}

/** The next position of a channel's log; its row is held until the transaction ends, so positions follow commits. */
const nextEntry = (org: string, channelId: string): Sql =>
  sql`UPDATE community_channels SET head_seq = head_seq + 1 WHERE org = ${org} AND id = ${channelId} RETURNING head_seq`

export async function insertMessage(
  db: Queryable,
  org: string,
  message: Pick<Message, 'id' | 'channelId' | 'userId' | 'displayName' | 'via' | 'body' | 'createdAt'>,
): Promise<Message> {
  const { id, channelId, userId, displayName, via, body, createdAt } = message
  const [row] = await db.query<Message>(sql`
    WITH entry AS (${nextEntry(org, channelId)})
    INSERT INTO community_chat_messages (org, id, channel_id, seq, at_seq, user_id, display_name, via, body, status, created_at, updated_at)
    SELECT ${org}, ${id}, ${channelId}, head_seq, head_seq, ${userId}, ${displayName}, ${via}, ${body}, 'visible',
           ${createdAt}, ${createdAt} FROM entry
    RETURNING ${messageColumns}`)
  return row as Message
}

/** Writes what moderation says of a message where it still has the version that was read. */
export async function moderateMessage(
  db: Queryable,
  org: string,
  message: Message,
  next: Pick<Message, 'status' | 'pinned'>,
  now: Date,
): Promise<Message | undefined> {
  const [row] = await db.query<Message>(sql`
    WITH entry AS (${nextEntry(org, message.channelId)})
    UPDATE community_chat_messages
       SET status = ${next.status}, pinned = ${next.pinned}, at_seq = head_seq, version = version + 1,
           updated_at = greatest(${now}::timestamptz, updated_at + interval '1 millisecond')
      FROM entry WHERE org = ${org} AND id = ${message.id} AND version = ${message.version}
    RETURNING ${messageColumns}`)
  return row
}

/** Gives or takes back a reaction, with an entry in the log; false when it was so already. */
export async function setReaction(
  db: Queryable,
  org: string,
  at: { message: Message; userId: string; reaction: Reaction; on: boolean; now: Date },
): Promise<boolean> {
  const { message, userId, reaction, on, now } = at
  const [row] = await db.query(
    on
      ? sql`
    INSERT INTO community_chat_reactions (org, message_id, user_id, reaction, created_at)
    VALUES (${org}, ${message.id}, ${userId}, ${reaction}, ${now}) ON CONFLICT DO NOTHING RETURNING 1`
      : sql`
    DELETE FROM community_chat_reactions
     WHERE org = ${org} AND message_id = ${message.id} AND user_id = ${userId} AND reaction = ${reaction} RETURNING 1`,
  )
  if (!row) return false
  await db.query(sql`
    WITH entry AS (${nextEntry(org, message.channelId)})
    UPDATE community_chat_messages SET at_seq = head_seq FROM entry WHERE org = ${org} AND id = ${message.id}`)
  return true
}

/**
 * Takes one from what a person may do in a channel, or answers the milliseconds until there is one (GCRA, in one
 * statement, so that it holds across processes).
 */
export async function takePace(
  db: Queryable,
  org: string,
  at: { channelId: string; userId: string; kind: Paced; burst: number; everyMs: number; now: Date },
): Promise<number | undefined> {
  const { channelId, userId, kind, burst, everyMs, now } = at
  const allowed = new Date(now.getTime() + (burst - 1) * everyMs)
  const [taken] = await db.query(sql`
    INSERT INTO community_chat_limits AS l (org, channel_id, user_id, kind, free_at)
    VALUES (${org}, ${channelId}, ${userId}, ${kind}, ${new Date(now.getTime() + everyMs)})
    ON CONFLICT (org, channel_id, user_id, kind) DO UPDATE
       SET free_at = greatest(l.free_at, ${now}::timestamptz) + make_interval(secs => ${everyMs / 1000}::float8)
     WHERE l.org = ${org} AND l.free_at <= ${allowed} RETURNING 1`)
  if (taken) return undefined
  const [row] = await db.query<{ freeAt: Date }>(sql`
    SELECT free_at AS "freeAt" FROM community_chat_limits
     WHERE org = ${org} AND channel_id = ${channelId} AND user_id = ${userId} AND kind = ${kind}`)
  return Math.max(1, (row?.freeAt.getTime() ?? 0) - allowed.getTime())
}
