import sql from 'sql-template-tag'
import type { Queryable } from '../../db/pool.ts'
import type { Latencies } from '../planning/latencies.ts'

/** What was learned of a place: how long each kind of request takes there. */
export async function latenciesOf(db: Queryable, org: string, connector: string): Promise<Latencies> {
  const rows = await db.query<{ kind: string; count: number; mean: number }>(sql`
    SELECT kind, count, mean_ms AS mean FROM config_latencies WHERE org = ${org} AND connector = ${connector}`)
  return new Map(rows.map(({ kind, count, mean }) => [kind, { count, mean }]))
}

/** Keeps what is known by now; of two jobs that learned at once the later one counts. */
export async function keepLatencies(
  db: Queryable,
  org: string,
  connector: string,
  latencies: Latencies,
  now: Date,
): Promise<void> {
  const rows = [...latencies].map(([kind, { count, mean }]) => ({ kind, count, mean }))
  if (rows.length === 0) return
  await db.query(sql`
    INSERT INTO config_latencies (org, connector, kind, count, mean_ms, updated_at)
    SELECT ${org}, ${connector}, l.kind, l.count, l.mean, ${now}
      FROM json_to_recordset(${JSON.stringify(rows)}::json) AS l(kind text, count integer, mean double precision)
     ORDER BY l.kind
    ON CONFLICT (org, connector, kind) DO UPDATE
       SET count = excluded.count, mean_ms = excluded.mean_ms, updated_at = excluded.updated_at
     WHERE config_latencies.org = ${org}`)
}
