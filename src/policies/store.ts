import sql from 'sql-template-tag'
import type { Queryable } from '../db/pool.ts'
import type { PolicyRow } from '../operation/policy.ts'

/** The policy's version with its row locked, so that two changes follow one another. */
export async function lockVersion(
  db: Queryable,
  org: string,
): Promise<{ version: number; updatedAt: Date } | undefined> {
  const [row] = await db.query<{ version: number; updatedAt: Date }>(sql`
    SELECT version, updated_at AS "updatedAt" FROM policy_versions WHERE org = ${org} FOR UPDATE`)
  return row
}

/** Moves the version from `from` to the next; false when somebody else did so first. */
export async function moveVersion(db: Queryable, org: string, from: number, now: Date): Promise<boolean> {
  const rows = await db.query(sql`
    INSERT INTO policy_versions (org, version, updated_at) VALUES (${org}, ${from + 1}, ${now})
    ON CONFLICT (org) DO UPDATE
       SET version = excluded.version,
           updated_at = greatest(excluded.updated_at, policy_versions.updated_at + interval '1 millisecond')
     WHERE policy_versions.org = ${org} AND policy_versions.version = ${from}
    RETURNING 1`)
  return rows.length === 1
}

export async function upsertPolicy(db: Queryable, org: string, row: PolicyRow, now: Date): Promise<void> {
  await db.query(sql`
    INSERT INTO action_policies (org, operation_id, principal_kind, mode, approvers, delegator_may_confirm, updated_at)
    VALUES (${org}, ${row.operationId}, ${row.kind}, ${row.mode}, ${row.approvers}, ${row.delegatorMayConfirm}, ${now})
    ON CONFLICT (org, operation_id, principal_kind) DO UPDATE
       SET mode = excluded.mode, approvers = excluded.approvers, delegator_may_confirm = excluded.delegator_may_confirm,
           updated_at = excluded.updated_at`)
}

export async function deletePolicy(
  db: Queryable,
  org: string,
  row: Pick<PolicyRow, 'operationId' | 'kind'>,
): Promise<void> {
  await db.query(sql`
    DELETE FROM action_policies WHERE org = ${org} AND operation_id = ${row.operationId} AND principal_kind = ${row.kind}`)
}
