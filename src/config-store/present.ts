import type { z } from 'zod'
import type { Registry } from '../config-hub/types/definition.ts'
import type { Resolved } from './resolve.ts'
import type { Line, ListedDocument, ReadDocument, Written } from './schema.ts'
import { type Hashes, withoutSecrets } from './secrets.ts'
import type { DocumentRow } from './store.ts'

const places = (hashes: Hashes | null | undefined): string[] => Object.keys(hashes ?? {}).sort()

/** A row's document as it may be shown: members that are secret by now are left out, also where they were stored before. */
function shown(registry: Registry, { type, document }: Pick<DocumentRow, 'type' | 'document'>) {
  const of = registry.get(type)
  return of && document ? withoutSecrets(of, document) : (document ?? {})
}

export const presentWritten = ({
  type,
  id,
  version,
  updatedAt,
  outcome,
  after,
}: Resolved): z.input<typeof Written> => ({
  type,
  id,
  version,
  updated_at: updatedAt.toISOString(),
  created: outcome === 'created',
  unchanged: outcome === 'unchanged',
  secrets: places(after?.hashes),
})

export const presentListed = (
  registry: Registry,
  row: DocumentRow,
  withDocument: boolean,
): z.input<typeof ListedDocument> => ({
  type: row.type,
  id: row.id,
  version: row.version,
  created_at: row.createdAt.toISOString(),
  updated_at: row.updatedAt.toISOString(),
  updated_by: row.updatedBy,
  ...(row.document ? {} : { deleted: true }),
  secrets: places(row.secretHashes),
  ...(withDocument && row.document ? { document: shown(registry, row) } : {}),
})

export const presentLine = (registry: Registry, row: DocumentRow): z.input<typeof Line> => ({
  type: row.type,
  id: row.id,
  version: row.version,
  updated_at: row.updatedAt.toISOString(),
  document: shown(registry, row),
})

export const presentDocument = (
  registry: Registry,
  row: Pick<DocumentRow, 'type' | 'id' | 'version' | 'updatedAt' | 'updatedBy' | 'document'>,
): z.input<typeof ReadDocument> => ({
  type: row.type,
  id: row.id,
  version: row.version,
  updated_at: row.updatedAt.toISOString(),
  updated_by: row.updatedBy,
  document: shown(registry, row),
})

/** Of a version row, which belongs to a known document. */
export const presentVersion = (row: {
  version: number
  updatedAt: Date
  updatedBy: string
  deleted: boolean
  secretHashes: Hashes | null
}) => ({
  version: row.version,
  updated_at: row.updatedAt.toISOString(),
  updated_by: row.updatedBy,
  ...(row.deleted ? { deleted: true as const } : {}),
  secrets: places(row.secretHashes),
})
