import sql from 'sql-template-tag'
import type { Queryable } from '../../db/pool.ts'

export type Joined = {
  org: string
  eventId: string
  connection: string
  person: string
  signedIn: boolean
  at: Date
}
export type Left = { org: string; eventId: string; connection: string; at: Date }

/** Says that a node lives until `until`; nobody is present through a node whose lease is over. */
export async function renewNode(db: Queryable, node: string, until: Date): Promise<void> {
  await db.query(sql`
    INSERT INTO live_nodes (node, lease_until) VALUES (${node}, ${until})
    ON CONFLICT (node) DO UPDATE SET lease_until = excluded.lease_until`)
}

/** Writes who came and who went, of any organisation's rooms. */
export async function writePresence(
  db: Queryable,
  node: string,
  joined: readonly Joined[],
  left: readonly Left[],
): Promise<void> {
  if (joined.length > 0)
    await db.query(sql`
      INSERT INTO live_presence /* every organisation */ (org, event_id, connection, node, person, signed_in, joined_at)
      SELECT org, event_id, connection, ${node}, person, signed_in, at
        FROM unnest(${joined.map((j) => j.org)}::text[], ${joined.map((j) => j.eventId)}::text[],
                    ${joined.map((j) => j.connection)}::text[], ${joined.map((j) => j.person)}::text[],
                    ${joined.map((j) => j.signedIn)}::boolean[], ${joined.map((j) => j.at)}::timestamptz[])
          AS j (org, event_id, connection, person, signed_in, at)
      ON CONFLICT DO NOTHING`)
  if (left.length > 0)
    await db.query(sql`
      UPDATE /* every organisation */ live_presence p SET left_at = l.at
        FROM unnest(${left.map((l) => l.org)}::text[], ${left.map((l) => l.eventId)}::text[],
                    ${left.map((l) => l.connection)}::text[], ${left.map((l) => l.at)}::timestamptz[])
          AS l (org, event_id, connection, at)
       WHERE p.org = l.org AND p.event_id = l.event_id AND p.connection = l.connection`)
}

export type RoomPresence = { org: string; eventId: string; listeners: number; signedIn: number }

/** How many are in each room: each person once, however many connections at however many living nodes. */
export async function countPresent(
  db: Queryable,
  rooms: readonly { org: string; eventId: string }[],
  { now, goneBefore }: { now: Date; goneBefore: Date },
): Promise<RoomPresence[]> {
  return db.query<RoomPresence>(sql`
    SELECT /* every organisation */ r.org, r.event_id AS "eventId", count(DISTINCT p.person)::int AS listeners,
           (count(DISTINCT p.person) FILTER (WHERE p.signed_in))::int AS "signedIn"
      FROM unnest(${rooms.map((r) => r.org)}::text[], ${rooms.map((r) => r.eventId)}::text[]) AS r (org, event_id)
      LEFT JOIN (live_presence p JOIN live_nodes n ON n.node = p.node AND n.lease_until > ${now})
        ON p.org = r.org AND p.event_id = r.event_id AND (p.left_at IS NULL OR p.left_at > ${goneBefore})
     GROUP BY r.org, r.event_id`)
}

/** Removes who left, and everything of nodes that died. */
export async function dropGone(
  db: Queryable,
  { now, goneBefore }: { now: Date; goneBefore: Date },
): Promise<void> {
  await db.query(sql`
    DELETE FROM live_presence /* every organisation */
     WHERE left_at < ${goneBefore} OR node NOT IN (SELECT node FROM live_nodes WHERE lease_until > ${now})`)
  await db.query(sql`DELETE FROM live_nodes WHERE lease_until < ${goneBefore}`)
}
