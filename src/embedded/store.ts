import sql, { empty } from 'sql-template-tag'
import type { Queryable } from '../db/pool.ts'
import type { EmbeddedRoom, Entitlement, EntitlementKind, Participant, Role, Settable } from './rules.ts'

export type RosterStats = { invited: number; joined: number; left: number; removed: number; onStage: number }
/** A room with its roster counted: read in one statement. */
export type RoomRow = EmbeddedRoom & { stats: RosterStats }

const roomColumns = sql`id, title, description, status, access, starts_at AS "startsAt", ends_at AS "endsAt",
  time_zone AS "timeZone", event_id AS "eventId", media_provider AS "mediaProvider", media_room_id AS "mediaRoomId",
  media_preset_name AS "mediaPresetName", media_join_url AS "mediaJoinUrl", version, created_at AS "createdAt",
  updated_at AS "updatedAt",
  (SELECT jsonb_build_object('invited', count(*) FILTER (WHERE p.status = 'invited'),
            'joined', count(*) FILTER (WHERE p.status = 'joined'), 'left', count(*) FILTER (WHERE p.status = 'left'),
            'removed', count(*) FILTER (WHERE p.status = 'removed'),
            'onStage', count(*) FILTER (WHERE p.status = 'joined' AND p.role <> 'attendee'))
     FROM embedded_room_participants p WHERE p.org = r.org AND p.room_id = r.id) AS stats`

/**
 * A room. `change` locks it against every other change of it and its roster; `enter` only against those, so that
 * people come in beside each other.
 */
export async function findRoom(
  db: Queryable,
  org: string,
  id: string,
  lock?: 'change' | 'enter',
): Promise<RoomRow | undefined> {
  const clause = lock === 'change' ? sql`FOR UPDATE OF r` : lock === 'enter' ? sql`FOR SHARE OF r` : empty
  const [row] = await db.query<RoomRow>(sql`
    SELECT ${roomColumns} FROM embedded_rooms r WHERE org = ${org} AND id = ${id} ${clause}`)
  return row
}

/** Newest starts first; at most 200, what a manifest can carry. */
export async function listRooms(db: Queryable, org: string): Promise<RoomRow[]> {
  return db.query<RoomRow>(sql`
    SELECT ${roomColumns} FROM embedded_rooms r WHERE org = ${org}
     ORDER BY starts_at DESC NULLS LAST, id LIMIT 200`)
}

export async function roomsOfEvent(
  db: Queryable,
  org: string,
  eventId: string,
): Promise<Pick<EmbeddedRoom, 'id' | 'access'>[]> {
  return db.query(sql`
    SELECT id, access FROM embedded_rooms WHERE org = ${org} AND event_id = ${eventId} ORDER BY id`)
}

export async function insertRoom(
  db: Queryable,
  org: string,
  room: Settable & { id: string; createdAt: Date },
): Promise<void> {
  await db.query(sql`
    INSERT INTO embedded_rooms (org, id, title, description, status, access, starts_at, ends_at, time_zone, event_id,
      media_provider, media_room_id, media_preset_name, media_join_url, created_at, updated_at)
    VALUES (${org}, ${room.id}, ${room.title}, ${room.description}, ${room.status}, ${room.access}, ${room.startsAt},
      ${room.endsAt}, ${room.timeZone}, ${room.eventId}, ${room.mediaProvider}, ${room.mediaRoomId},
      ${room.mediaPresetName}, ${room.mediaJoinUrl}, ${room.createdAt}, ${room.createdAt})`)
}

export type Moved = { version: number; updatedAt: Date }

/** Replaces a room's fields where it still has `room.version`; undefined when it moved on. */
export async function updateRoom(
  db: Queryable,
  org: string,
  room: EmbeddedRoom,
  now: Date,
): Promise<Moved | undefined> {
  const [row] = await db.query<Moved>(sql`
    UPDATE embedded_rooms
       SET title = ${room.title}, description = ${room.description}, status = ${room.status}, access = ${room.access},
           starts_at = ${room.startsAt}, ends_at = ${room.endsAt}, time_zone = ${room.timeZone},
           event_id = ${room.eventId}, media_provider = ${room.mediaProvider}, media_room_id = ${room.mediaRoomId},
           media_preset_name = ${room.mediaPresetName}, media_join_url = ${room.mediaJoinUrl}, version = version + 1,
           updated_at = greatest(${now}::timestamptz, updated_at + interval '1 millisecond')
     WHERE org = ${org} AND id = ${room.id} AND version = ${room.version}
    RETURNING version, updated_at AS "updatedAt"`)
  return row
}

const participantColumns = sql`room_id AS "roomId", email, display_name AS "displayName", user_id AS "userId", role,
  status, way, media_participant_id AS "mediaParticipantId", status_at AS "statusAt", version, created_at AS "createdAt", updated_at AS "updatedAt"`

export async function findParticipant(
  db: Queryable,
  org: string,
  roomId: string,
  email: string,
  lock = false,
): Promise<Participant | undefined> {
  const [row] = await db.query<Participant>(sql`
    SELECT ${participantColumns} FROM embedded_room_participants
     WHERE org = ${org} AND room_id = ${roomId} AND email = ${email} ${lock ? sql`FOR UPDATE` : empty}`)
  return row
}

/** What the rosters of these rooms say of one person. */
export async function participantsOf(
  db: Queryable,
  org: string,
  roomIds: readonly string[],
  person: { email: string; userId: string | null },
): Promise<Participant[]> {
  return db.query<Participant>(sql`
    SELECT ${participantColumns} FROM embedded_room_participants
     WHERE org = ${org} AND room_id = ANY(${roomIds as string[]})
       AND (email = ${person.email} OR user_id = ${person.userId}) ORDER BY room_id, email`)
}

/** By e-mail address, from after `after`; `onStage` only who the room sees: stage roles that are invited or joined. */
/** Those who were removed from a room. */
export async function listRemoved(db: Queryable, org: string, roomId: string): Promise<Participant[]> {
  return db.query<Participant>(sql`
    SELECT ${participantColumns} FROM embedded_room_participants
     WHERE org = ${org} AND room_id = ${roomId} AND status = 'removed' ORDER BY email COLLATE "C"`)
}

export async function listParticipants(
  db: Queryable,
  org: string,
  roomId: string,
  filter: { onStage: boolean; stageRoles: readonly Role[]; after: string | null; limit: number },
): Promise<Participant[]> {
  return db.query<Participant>(sql`
    SELECT ${participantColumns} FROM embedded_room_participants
     WHERE org = ${org} AND room_id = ${roomId}
       AND (${filter.after}::text IS NULL OR email > ${filter.after} COLLATE "C")
       AND (NOT ${filter.onStage}::boolean
            OR (status IN ('invited', 'joined') AND role = ANY(${filter.stageRoles as string[]})))
     ORDER BY email COLLATE "C" LIMIT ${filter.limit}`)
}

/** Writes a roster entry: a new one, or over the one that still has `version`. Undefined when that moved on. */
export async function putParticipant(
  db: Queryable,
  org: string,
  row: Omit<Participant, 'statusAt' | 'createdAt' | 'updatedAt'>,
  now: Date,
): Promise<(Moved & { statusAt: Date }) | undefined> {
  const [moved] = await db.query<Moved & { statusAt: Date }>(sql`
    INSERT INTO embedded_room_participants AS p (org, room_id, email, display_name, user_id, role, status, way,
      media_participant_id, status_at, created_at, updated_at)
    VALUES (${org}, ${row.roomId}, ${row.email}, ${row.displayName}, ${row.userId}, ${row.role}, ${row.status}, ${row.way},
      ${row.mediaParticipantId}, ${now}, ${now}, ${now})
    ON CONFLICT (org, room_id, email) DO UPDATE
       SET display_name = excluded.display_name, role = excluded.role, status = excluded.status, way = excluded.way,
           status_at = CASE WHEN p.status = excluded.status THEN p.status_at ELSE excluded.status_at END,
           version = p.version + 1,
           updated_at = greatest(${now}::timestamptz, p.updated_at + interval '1 millisecond')
     WHERE p.version = ${row.version}
    RETURNING version, updated_at AS "updatedAt", status_at AS "statusAt"`)
  return moved
}

/**
 * Somebody comes in: `joined`, under the account that came. Undefined for whom the roster says `removed`: the
 * statement itself never turns that into anything else.
 */
export async function joinParticipant(
  db: Queryable,
  org: string,
  row: Omit<Participant, 'status' | 'statusAt' | 'version' | 'createdAt' | 'updatedAt'>,
  now: Date,
): Promise<Participant | undefined> {
  const [joined] = await db.query<Participant>(sql`
    INSERT INTO embedded_room_participants AS p (org, room_id, email, display_name, user_id, role, status, way,
      media_participant_id, status_at, created_at, updated_at)
    VALUES (${org}, ${row.roomId}, ${row.email}, ${row.displayName}, ${row.userId}, ${row.role}, 'joined', ${row.way},
      ${row.mediaParticipantId}, ${now}, ${now}, ${now})
    ON CONFLICT (org, room_id, email) DO UPDATE
       SET status = 'joined', user_id = excluded.user_id, status_at = excluded.status_at
     WHERE p.status <> 'removed'
    RETURNING ${participantColumns}`)
  return joined
}

/** Somebody goes: `left`, from `invited` or `joined` only. */
export async function leaveParticipant(
  db: Queryable,
  org: string,
  { roomId, email }: Pick<Participant, 'roomId' | 'email'>,
  now: Date,
): Promise<Participant | undefined> {
  const [left] = await db.query<Participant>(sql`
    UPDATE embedded_room_participants
       SET status = 'left', status_at = ${now}
     WHERE org = ${org} AND room_id = ${roomId} AND email = ${email} AND status IN ('invited', 'joined')
    RETURNING ${participantColumns}`)
  return left
}

/** Notes that somebody who is in got a media token; false when that person is in no more. */
export async function noteMediaToken(
  db: Queryable,
  org: string,
  { roomId, email }: Pick<Participant, 'roomId' | 'email'>,
  now: Date,
): Promise<boolean> {
  const rows = await db.query(sql`
    UPDATE embedded_room_participants SET media_token_refreshed_at = ${now}
     WHERE org = ${org} AND room_id = ${roomId} AND email = ${email} AND status = 'joined' RETURNING 1`)
  return rows.length > 0
}

const entitlementColumns = sql`room_id AS "roomId", kind, email, status, expires_at AS "expiresAt", version,
  created_at AS "createdAt", updated_at AS "updatedAt"`

export async function findEntitlement(
  db: Queryable,
  org: string,
  at: { roomId: string; kind: EntitlementKind; email: string },
  lock = false,
): Promise<Entitlement | undefined> {
  const [row] = await db.query<Entitlement>(sql`
    SELECT ${entitlementColumns} FROM embedded_room_entitlements
     WHERE org = ${org} AND room_id = ${at.roomId} AND kind = ${at.kind} AND email = ${at.email} ${lock ? sql`FOR UPDATE` : empty}`)
  return row
}

export async function entitlementsOf(
  db: Queryable,
  org: string,
  roomIds: readonly string[],
  email: string,
): Promise<Entitlement[]> {
  return db.query<Entitlement>(sql`
    SELECT ${entitlementColumns} FROM embedded_room_entitlements
     WHERE org = ${org} AND room_id = ANY(${roomIds as string[]}) AND email = ${email}`)
}

export async function putEntitlement(
  db: Queryable,
  org: string,
  row: Pick<Entitlement, 'roomId' | 'kind' | 'email' | 'status' | 'expiresAt'>,
  now: Date,
): Promise<Moved> {
  const [moved] = await db.query<Moved>(sql`
    INSERT INTO embedded_room_entitlements AS e (org, room_id, kind, email, status, expires_at, created_at, updated_at)
    VALUES (${org}, ${row.roomId}, ${row.kind}, ${row.email}, ${row.status}, ${row.expiresAt}, ${now}, ${now})
    ON CONFLICT (org, room_id, kind, email) DO UPDATE
       SET status = excluded.status, expires_at = excluded.expires_at, version = e.version + 1,
           updated_at = greatest(${now}::timestamptz, e.updated_at + interval '1 millisecond')
    RETURNING version, updated_at AS "updatedAt"`)
  return moved as Moved
}
