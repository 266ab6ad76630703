import { randomUUID } from 'node:crypto'
import sql from 'sql-template-tag'
import { TypeDefinition } from '../../src/config-hub/types/definition.ts'
import type { Caller, Reply, TestApp } from './app.ts'

export const AGENT_SCOPES = ['creator:laurel:config:read', 'creator:laurel:config:write']

/** Gives an organisation a type of its own. */
export async function addType(
  app: { deps: Pick<TestApp['deps'], 'db'> },
  org: string,
  definition: Record<string, unknown>,
): Promise<void> {
  const whole = TypeDefinition.parse({
    label: 'Things',
    icon: 'Box',
    source_api: 'https://example.org',
    sdk_client: 'none',
    ...definition,
  })
  await app.deps.db.query(sql`
    INSERT INTO config_types (org, type, definition, version, created_at, updated_at, updated_by)
    VALUES (${org}, ${whole.type}, ${JSON.stringify(whole)}, 1, now(), now(), 'test')`)
}

/** Requests for documents of one type. */
export const documentsAs = (caller: Caller, type: string) => {
  const at = (id: string) => `/v1/store/${type}/${encodeURIComponent(id)}`
  return {
    at,
    get: (id: string): Promise<Reply> => caller.call('GET', at(id)),
    put: (id: string, document: unknown, headers?: Record<string, string>): Promise<Reply> =>
      caller.call('PUT', at(id), document, headers),
    patch: (id: string, patch: unknown, headers?: Record<string, string>): Promise<Reply> =>
      caller.call('PATCH', at(id), patch, headers),
    remove: (id: string, headers?: Record<string, string>): Promise<Reply> =>
      caller.call('DELETE', at(id), undefined, headers),
    history: (id: string, query = ''): Promise<Reply> => caller.call('GET', `${at(id)}/versions${query}`),
    version: (id: string, version: number): Promise<Reply> =>
      caller.call('GET', `${at(id)}/versions/${version}`),
  }
}

export const ifMatch = (version: number) => ({ 'if-match': `"${version}"` })

export const newKey = () => ({ 'idempotency-key': randomUUID() })
