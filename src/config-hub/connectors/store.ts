import sql from 'sql-template-tag'
import type { Queryable } from '../../db/pool.ts'

export type ConnectorKind = 'countersign' | 'rest'

/** A connector that an organisation registered. `settings` are public; the credential is sealed. */
export type ConnectorRow = {
  id: string
  kind: ConnectorKind
  externalOrg: string | null
  settings: Record<string, unknown>
  sealedCredentials: Buffer | null
  version: number
  updatedAt: Date
  updatedBy: string
}

const columns = sql`c.id, c.kind, c.external_org AS "externalOrg", c.settings, c.sealed_credentials AS "sealedCredentials",
  c.version, c.updated_at AS "updatedAt", c.updated_by AS "updatedBy"`

export const listConnectors = (db: Queryable, org: string): Promise<ConnectorRow[]> =>
  db.query<ConnectorRow>(sql`SELECT ${columns} FROM config_connectors c WHERE c.org = ${org} ORDER BY c.id`)

export async function findConnector(
  db: Queryable,
  org: string,
  id: string,
  lock = false,
): Promise<ConnectorRow | undefined> {
  const [row] = await db.query<ConnectorRow>(
    lock
      ? sql`SELECT ${columns} FROM config_connectors c WHERE c.org = ${org} AND c.id = ${id} FOR UPDATE`
      : sql`SELECT ${columns} FROM config_connectors c WHERE c.org = ${org} AND c.id = ${id}`,
  )
  return row
}

/** The connector by which the organisation reaches another one. */
export async function connectorTo(
  db: Queryable,
  org: string,
  externalOrg: string,
): Promise<ConnectorRow | undefined> {
  const [row] = await db.query<ConnectorRow>(
    sql`SELECT ${columns} FROM config_connectors c WHERE c.org = ${org} AND c.external_org = ${externalOrg}`,
  )
  return row
}

type NewConnector = Pick<ConnectorRow, 'id' | 'kind' | 'externalOrg' | 'settings' | 'sealedCredentials'>

/** Puts a connector in place of the version that the caller saw (0: none). Answers the version, undefined when late. */
export async function putConnector(
  tx: Queryable,
  org: string,
  row: NewConnector,
  by: { seen: number; now: Date; author: string },
): Promise<number | undefined> {
  const [written] = await tx.query<{ version: number }>(sql`
    INSERT INTO config_connectors AS c (org, id, kind, external_org, settings, sealed_credentials, version, created_at,
      updated_at, updated_by)
    VALUES (${org}, ${row.id}, ${row.kind}, ${row.externalOrg}, ${JSON.stringify(row.settings)}, ${row.sealedCredentials},
      ${by.seen + 1}, ${by.now}, ${by.now}, ${by.author})
    ON CONFLICT (org, id) DO UPDATE SET kind = excluded.kind, external_org = excluded.external_org,
      settings = excluded.settings, sealed_credentials = excluded.sealed_credentials, version = excluded.version,
      updated_at = greatest(excluded.updated_at, c.updated_at + interval '1 millisecond'), updated_by = excluded.updated_by
     WHERE c.org = ${org} AND c.version = ${by.seen}
    RETURNING version`)
  return written?.version
}

export async function deleteConnector(tx: Queryable, org: string, id: string): Promise<void> {
  await tx.query(sql`DELETE FROM config_connectors WHERE org = ${org} AND id = ${id}`)
}
