import sql from 'sql-template-tag'
import type { ReadHeads } from '../db/log-feed.ts'

/** The last entry of each feed that no transaction holds back; what is ordered after it is not served yet. */
export const listFeedHeads: ReadHeads = (db, logs) =>
  db.query(sql`
    SELECT k.org, k.id, f.seq AS "lastSequence"
      FROM unnest(${logs.map((k) => k.org)}::text[], ${logs.map((k) => k.id)}::text[]) AS k (org, id)
     CROSS JOIN LATERAL (SELECT e.seq FROM feed_entries e
                          WHERE e.org = k.org AND e.feed = k.id
                            AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
                          ORDER BY e.xid DESC, e.seq DESC LIMIT 1) f`)
