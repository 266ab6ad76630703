import sql, { empty } from 'sql-template-tag'
import type { ReadHeads } from '../../db/log-feed.ts'
import type { Queryable } from '../../db/pool.ts'
import type { EntryKind, MessageStatus, PostOutcome } from './rules.ts'

export type MessageRow = {
  id: string
  eventId: string
  seq: number
  displayName: string
  body: string
  status: MessageStatus
  pinned: boolean
  version: number
  createdAt: Date
  updatedAt: Date
}

const messageColumns = sql`id, event_id AS "eventId", seq, display_name AS "displayName", body, status, pinned, version,
  created_at AS "createdAt", updated_at AS "updatedAt"`

/** What one needs to know of a room to let somebody read or write in it. */
export type RoomState = {
  eventId: string
  title: string
  status: string
  chatEnabled: boolean
  subscriberOnly: boolean
  slowModeSeconds: number
  epoch: string
  seq: number
}

/** How a person stands in a room: removed or not, and which generation of tokens opens it. */
export type Standing = { generation: number; removed: boolean }

const stateColumns = sql`e.id AS "eventId", e.title, e.status, e.chat_enabled AS "chatEnabled",
  e.subscriber_only AS "subscriberOnly", r.slow_mode_seconds AS "slowModeSeconds", live_room_epoch(r.origin) AS epoch,
  r.last_seq AS seq`

export async function findRoomState(
  db: Queryable,
  org: string,
  eventId: string,
): Promise<RoomState | undefined> {
  const [row] = await db.query<RoomState>(sql`
    SELECT ${stateColumns} FROM live_events e JOIN live_rooms r ON r.org = e.org AND r.event_id = e.id
     WHERE e.org = ${org} AND e.id = ${eventId}`)
  return row
}

/** The room, and how a person (none: a guest) stands in it. */
export async function findRoomFor(
  db: Queryable,
  org: string,
  eventId: string,
  userId: string | null,
): Promise<(RoomState & Standing) | undefined> {
  const [row] = await db.query<RoomState & Standing>(sql`
    SELECT ${stateColumns}, coalesce(p.generation, 0) AS generation, coalesce(p.removed, false) AS removed
      FROM live_events e JOIN live_rooms r ON r.org = e.org AND r.event_id = e.id
      LEFT JOIN live_room_people p ON p.org = e.org AND p.event_id = e.id AND p.user_id = ${userId}
     WHERE e.org = ${org} AND e.id = ${eventId}`)
  return row
}

/** Where rooms' logs end. */
export const listRoomHeads: ReadHeads = (db, logs) =>
  db.query(sql`
    SELECT r.org, r.event_id AS id, r.last_seq AS "lastSequence"
      FROM unnest(${logs.map((k) => k.org)}::text[], ${logs.map((k) => k.id)}::text[]) AS k (org, id)
      JOIN live_rooms r ON r.org = k.org AND r.event_id = k.id`)

export type EntryRow = {
  seq: number
  kind: EntryKind
  at: Date
  detail: Record<string, unknown>
  /** The notes it is about, as they are now. */
  messages: MessageRow[]
}

/** Entries after a position, in order; the notes they tell of have their present state. */
export async function listEntries(
  db: Queryable,
  org: string,
  eventId: string,
  after: number,
  limit: number,
): Promise<EntryRow[]> {
  const rows = await db.query<
    EntryRow & { messages: (Omit<MessageRow, Dated> & Record<Dated, string>)[] }
  >(sql`
    SELECT n.seq, n.kind, n.at, n.detail,
           coalesce((SELECT jsonb_agg(to_jsonb(m) ORDER BY m.seq)
                       FROM (SELECT ${messageColumns} FROM live_chat_messages
                              WHERE org = ${org} AND id = ANY(n.messages)) m), '[]') AS messages
      FROM live_room_entries n
     WHERE n.org = ${org} AND n.event_id = ${eventId} AND n.seq > ${after} ORDER BY n.seq LIMIT ${limit}`)
  return rows.map((row) => ({ ...row, messages: row.messages.map(dated) }))
}

type Dated = 'createdAt' | 'updatedAt'
const dated = (row: Omit<MessageRow, Dated> & Record<Dated, string>): MessageRow => ({
  ...row,
  createdAt: new Date(row.createdAt),
  updatedAt: new Date(row.updatedAt),
})

export type MessageFilter = {
  statuses: readonly MessageStatus[]
  afterSeq?: number | undefined
  after?: Date | undefined
  limit: number
}

/** Notes in their order: those after a position or a time, else the newest. */
export async function listMessages(
  db: Queryable,
  org: string,
  eventId: string,
  { statuses, afterSeq, after, limit }: MessageFilter,
): Promise<MessageRow[]> {
  const newest = afterSeq === undefined && after === undefined
  const rows = await db.query<MessageRow>(sql`
    SELECT ${messageColumns} FROM live_chat_messages
     WHERE org = ${org} AND event_id = ${eventId} AND status = ANY(${statuses as string[]})
       AND seq > ${afterSeq ?? 0} AND created_at > ${after ?? new Date(0)}
     ORDER BY seq ${newest ? sql`DESC` : sql`ASC`} LIMIT ${limit}`)
  return newest ? rows.reverse() : rows
}

/** Notes that are pinned to the top of a room, newest first. */
export async function listPinned(db: Queryable, org: string, eventId: string): Promise<MessageRow[]> {
  return db.query<MessageRow>(sql`
    SELECT ${messageColumns} FROM live_chat_messages
     WHERE org = ${org} AND event_id = ${eventId} AND pinned AND status <> 'hidden' ORDER BY seq DESC LIMIT 20`)
}

export async function findMessage(
  db: Queryable,
  org: string,
  id: string,
  lock: boolean,
): Promise<MessageRow | undefined> {
  const [row] = await db.query<MessageRow>(sql`
    SELECT ${messageColumns} FROM live_chat_messages WHERE org = ${org} AND id = ${id} ${lock ? sql`FOR UPDATE` : empty}`)
  return row
}

export type NoteMatch = {
  contains?: string | undefined
  words?: readonly string[] | undefined
  displayName?: string | undefined
  status?: MessageStatus | undefined
  fromSeq?: number | undefined
  toSeq?: number | undefined
  limit: number
  lock: boolean
}

/** Notes of a room that a rule is about, in order. Words are matched as a whole, texts anywhere, both in any case. */
export async function matchNotes(
  db: Queryable,
  org: string,
  eventId: string,
  { contains, words, displayName, status = 'visible', fromSeq, toSeq, limit, lock }: NoteMatch,
): Promise<MessageRow[]> {
  return db.query<MessageRow>(sql`
    SELECT ${messageColumns} FROM live_chat_messages
     WHERE org = ${org} AND event_id = ${eventId} AND status = ${status}
       AND seq BETWEEN ${fromSeq ?? 0} AND ${toSeq ?? Number.MAX_SAFE_INTEGER}
       AND (${contains ?? null}::text IS NULL OR position(lower(${contains ?? null}::text) IN lower(body)) > 0)
       AND (${words ? wholeWords(words) : null}::text IS NULL OR body ~* ${words ? wholeWords(words) : null}::text)
       AND (${displayName ?? null}::text IS NULL OR display_name = ${displayName ?? null}::text)
     ORDER BY seq LIMIT ${limit} ${lock ? sql`FOR UPDATE` : empty}`)
}

/** A regular expression of PostgreSQL that finds any of these as whole words; nothing in them is special. */
const wholeWords = (words: readonly string[]): string =>
  `(^|[^[:alnum:]_])(${words.map((word) => word.replaceAll(/[^\p{L}\p{N}\s]/gu, '\\$&')).join('|')})($|[^[:alnum:]_])`

/** Notes by their ids, in their order. */
export async function lockNotes(
  db: Queryable,
  org: string,
  ids: readonly string[],
  lock: boolean,
): Promise<MessageRow[]> {
  return db.query<MessageRow>(sql`
    SELECT ${messageColumns} FROM live_chat_messages
     WHERE org = ${org} AND id = ANY(${ids as string[]}) ORDER BY seq ${lock ? sql`FOR UPDATE` : empty}`)
}

/** What moderation did between two places of a log, both included. */
export async function listModerations(
  db: Queryable,
  org: string,
  eventId: string,
  fromSeq: number,
  toSeq: number,
): Promise<{ changes: Moderation[] }[]> {
  return db.query<{ changes: Moderation[] }>(sql`
    SELECT detail->'changes' AS changes FROM live_room_entries
     WHERE org = ${org} AND event_id = ${eventId} AND kind = 'moderation' AND seq BETWEEN ${fromSeq} AND ${toSeq}
     ORDER BY seq`)
}

/** A note to be written: `moderates` and `subscriber` are what its author is at this moment. */
export type NewNote = {
  id: string
  userId: string
  name: string
  body: string
  moderates: boolean
  subscriber: boolean
}

export type PostedNote = {
  place: number
  outcome: PostOutcome
  seq: number | null
  at: Date | null
  waitMs: number | null
}

/** Writes notes into one room in one statement; answers what became of each, in the same order. */
export async function postNotes(
  db: Queryable,
  room: { org: string; eventId: string },
  notes: readonly NewNote[],
  { now, burst, refillMs }: { now: Date; burst: number; refillMs: number },
): Promise<PostedNote[]> {
  return db.query<PostedNote>(sql`
    SELECT place, outcome, seq, at, wait_ms AS "waitMs"
      FROM live_room_post(${room.org}, ${room.eventId}, ${JSON.stringify(notes)}::jsonb, ${now}::timestamptz, ${burst}::real,
                          ${refillMs}::real)`)
}

export type NewEntry = {
  kind: EntryKind
  messages?: readonly string[]
  detail?: Record<string, unknown>
}

/** Appends to a room's log; within the transaction of the effect that the entries tell of. Answers the last position. */
export async function appendEntries(
  db: Queryable,
  org: string,
  eventId: string,
  entries: readonly NewEntry[],
  now: Date,
): Promise<number> {
  const values = entries.map(({ kind, messages = [], detail = {} }) => ({ kind, messages, detail }))
  const [row] = await db.query<{ last: number }>(sql`
    WITH head AS (
      UPDATE live_rooms
         SET last_seq = last_seq + ${entries.length}::int,
             last_at = greatest(date_trunc('milliseconds', ${now}::timestamptz), last_at + interval '1 millisecond')
       WHERE org = ${org} AND event_id = ${eventId}
      RETURNING last_seq, last_at
    ), appended AS (
      INSERT INTO live_room_entries (org, event_id, seq, kind, at, messages, detail)
      SELECT ${org}, ${eventId}, head.last_seq - ${entries.length}::int + e.place, e.value->>'kind', head.last_at,
             ARRAY(SELECT jsonb_array_elements_text(e.value->'messages')), e.value->'detail'
        FROM head, jsonb_array_elements(${JSON.stringify(values)}::jsonb) WITH ORDINALITY AS e (value, place)
    )
    SELECT last_seq AS last FROM head`)
  return (row as { last: number }).last
}

/** A note's change: what it was when it was decided, and what it is to be. */
export type Moderation = {
  id: string
  version: number
  before: { status: MessageStatus; pinned: boolean }
  next: { status: MessageStatus; pinned: boolean }
}

/**
 * Changes notes of one room where each still has its version, and keeps the room's counts. Answers how many it changed:
 * fewer than were given means that some changed meanwhile, and the transaction is to be given up.
 */
export async function moderateNotes(
  db: Queryable,
  org: string,
  eventId: string,
  changes: readonly Moderation[],
  now: Date,
): Promise<number> {
  const rows = changes.map(({ id, version, next }) => ({ id, version, ...next }))
  const changed = await db.query(sql`
    UPDATE live_chat_messages m
       SET status = c.status, pinned = c.pinned, version = m.version + 1,
           updated_at = greatest(${now}::timestamptz, m.updated_at + interval '1 millisecond')
      FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS c (id text, version int, status text, pinned boolean)
     WHERE m.org = ${org} AND m.event_id = ${eventId} AND m.id = c.id AND m.version = c.version
    RETURNING 1`)
  await db.query(sql`
    UPDATE live_rooms SET visible_messages = visible_messages + ${moved(changes, 'visible')}::int,
           flagged_messages = flagged_messages + ${moved(changes, 'flagged')}::int,
           hidden_messages = hidden_messages + ${moved(changes, 'hidden')}::int,
           pinned_messages = pinned_messages + ${changes.reduce((n, c) => n + Number(c.next.pinned) - Number(c.before.pinned), 0)}::int
     WHERE org = ${org} AND event_id = ${eventId}`)
  return changed.length
}

const moved = (changes: readonly Moderation[], status: MessageStatus): number =>
  changes.reduce(
    (n, { before, next }) => n + Number(next.status === status) - Number(before.status === status),
    0,
  )

/** Removes a person from a room or lets them in again. A removal makes every token of theirs worthless. */
export async function setRemoved(
  db: Queryable,
  org: string,
  eventId: string,
  { userId, removed, now }: { userId: string; removed: boolean; now: Date },
): Promise<void> {
  await db.query(sql`
    INSERT INTO live_room_people (org, event_id, user_id, generation, removed, tokens, refilled_at)
    VALUES (${org}, ${eventId}, ${userId}, 1, ${removed}, 0, ${now})
    ON CONFLICT (org, event_id, user_id) DO UPDATE
       SET removed = excluded.removed, generation = live_room_people.generation + 1
     WHERE live_room_people.org = ${org}`)
}

/** Locks a room, so that what is read of it stays until the transaction ends. */
export async function lockRoom(db: Queryable, org: string, eventId: string): Promise<void> {
  await db.query(sql`SELECT 1 FROM live_rooms WHERE org = ${org} AND event_id = ${eventId} FOR UPDATE`)
}

export async function setSlowMode(
  db: Queryable,
  org: string,
  eventId: string,
  seconds: number,
): Promise<void> {
  await db.query(sql`
    UPDATE live_rooms SET slow_mode_seconds = ${seconds} WHERE org = ${org} AND event_id = ${eventId}`)
}
