import sql from 'sql-template-tag'
import type { Queryable } from '../../db/pool.ts'

/** Where a rebuild stands. `after` is the last configuration done within the phase. */
export type Checkpoint = {
  /** read: pages are staged; then, on what was staged: name, switch, replace, mend; then remove. See switch.ts. */
  phase: 'read' | 'name' | 'switch' | 'replace' | 'mend' | 'remove'
  /** The type that is being read, and the cursor of its next page. */
  type: string | null
  cursor: string | null
  after: { type: string; id: string } | null
  done: string[]
  failed: string[]
  /** Rows in config_staged. */
  staged: number
  /** Of the attempt that came this far. */
  attempt: number
}

/** The state of an organisation's index. */
export type IndexRow = {
  status: 'building' | 'ready' | 'failed'
  lastBuiltAt: Date | null
  buildDurationMs: number | null
  failedTypes: string[]
  checkpoint: Checkpoint | null
  stagedItems: number
}

/** Undefined when the organisation never asked for a rebuild. */
export async function findIndex(db: Queryable, org: string): Promise<IndexRow | undefined> {
  const [row] = await db.query<IndexRow>(sql`
    SELECT status, last_built_at AS "lastBuiltAt", build_duration_ms AS "buildDurationMs", failed_types AS "failedTypes",
           checkpoint, staged_items AS "stagedItems"
      FROM config_indexes WHERE org = ${org}`)
  return row
}

/** How many configurations there are, and whether there ever was one. */
export async function countNodes(db: Queryable, org: string): Promise<{ total: number; any: boolean }> {
  const [row] = await db.query<{ total: number; any: boolean }>(sql`
    SELECT (SELECT count(*)::integer FROM config_nodes n WHERE n.org = ${org} AND n.deleted_at IS NULL) AS total,
           EXISTS (SELECT FROM config_nodes e WHERE e.org = ${org}) AS any`)
  return row as { total: number; any: boolean }
}

/** Begins a rebuild; one in flight is over with this. */
export async function beginBuild(tx: Queryable, org: string, token: string, now: Date): Promise<void> {
  await tx.query(sql`
    INSERT INTO config_indexes (org, status, build_token, started_at) VALUES (${org}, 'building', ${token}, ${now})
    ON CONFLICT (org) DO UPDATE
       SET status = 'building', build_token = excluded.build_token, started_at = excluded.started_at, attempt = 0,
           checkpoint = NULL, staged_items = 0
     WHERE config_indexes.org = ${org}`)
}

/** A rebuild as one process works on it: what it writes, it writes under its token and attempt. */
export type Build = { org: string; token: string; attempt: number; startedAt: Date }

/** Takes a rebuild over from whoever worked on it. Undefined: it is over, or another one began. */
export async function claimBuild(
  db: Queryable,
  org: string,
  token: string,
): Promise<(Build & { checkpoint: Checkpoint | null }) | undefined> {
  const [row] = await db.query<{ attempt: number; startedAt: Date; checkpoint: Checkpoint | null }>(sql`
    UPDATE config_indexes SET attempt = attempt + 1
     WHERE org = ${org} AND build_token = ${token} AND status = 'building'
    RETURNING attempt, started_at AS "startedAt", checkpoint`)
  return row && { org, token, ...row }
}

/** Another process or another rebuild took over: nothing more may be written. */
export class Superseded extends Error {}

const requireOne = (rows: readonly unknown[]): void => {
  if (rows.length !== 1) throw new Superseded('The rebuild went to another process, or a new one began.')
}

/** Moves the checkpoint, in the transaction of what it covers. Throws `Superseded`. `items`: read since the last one. */
export async function moveCheckpoint(
  tx: Queryable,
  { org, token, attempt }: Build,
  checkpoint: Checkpoint,
  items = 0,
): Promise<void> {
  const text = JSON.stringify({ ...checkpoint, attempt })
  requireOne(
    await tx.query(sql`
      UPDATE config_indexes SET checkpoint = ${text}::jsonb, staged_items = staged_items + ${items}
       WHERE org = ${org} AND build_token = ${token} AND attempt = ${attempt} RETURNING 1`),
  )
}

/** Nobody takes the rebuild over until the transaction ends. Throws `Superseded` when somebody has. */
export async function holdBuild(tx: Queryable, { org, token, attempt }: Build): Promise<void> {
  requireOne(
    await tx.query(sql`
      SELECT 1 FROM config_indexes WHERE org = ${org} AND build_token = ${token} AND attempt = ${attempt} FOR SHARE`),
  )
}

/** Forgets what was staged: PostgreSQL crashed and lost it. */
export async function restartBuild(db: Queryable, { org, token, attempt }: Build): Promise<void> {
  requireOne(
    await db.query(sql`
      UPDATE config_indexes SET checkpoint = NULL, staged_items = 0
       WHERE org = ${org} AND build_token = ${token} AND attempt = ${attempt} RETURNING 1`),
  )
}

type Outcome = { status: 'ready' | 'failed'; failedTypes: readonly string[]; now: Date }

/** Ends a rebuild. A failed one changes neither when the index was last built nor what it holds. */
export async function endBuild(db: Queryable, build: Build, outcome: Outcome): Promise<void> {
  const { org, token, attempt, startedAt } = build
  const { status, failedTypes, now } = outcome
  const took = Math.max(0, now.getTime() - startedAt.getTime())
  requireOne(
    await db.query(sql`
      UPDATE config_indexes
         SET status = ${status}, failed_types = ${failedTypes}, build_token = NULL, checkpoint = NULL, started_at = NULL,
             last_built_at = CASE WHEN ${status} = 'ready' THEN ${now}::timestamptz ELSE last_built_at END,
             build_duration_ms = CASE WHEN ${status} = 'ready' THEN ${took}::integer ELSE build_duration_ms END
       WHERE org = ${org} AND build_token = ${token} AND attempt = ${attempt} RETURNING 1`),
  )
}
