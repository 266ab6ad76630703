import { z } from 'zod'
import type { ConnectorRow } from './store.ts'

export const RegisteredConnector = z.object({
  id: z.string(),
  kind: z.enum(['countersign', 'rest']),
  external_org_id: z.string().nullable(),
  settings: z.record(z.string(), z.unknown()),
  has_credential: z.boolean(),
  version: z.int(),
  updated_at: z.string(),
  updated_by: z.string(),
})

export const presentConnector = (row: ConnectorRow): z.input<typeof RegisteredConnector> => ({
  id: row.id,
  kind: row.kind,
  external_org_id: row.externalOrg,
  settings: row.settings,
  has_credential: row.sealedCredentials !== null,
  version: row.version,
  updated_at: row.updatedAt.toISOString(),
  updated_by: row.updatedBy,
})
