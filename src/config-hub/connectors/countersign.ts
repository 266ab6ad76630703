import type { Document } from '../index/entry.ts'
import { type Capability, type Connector, ConnectorError, type Item } from './connector.ts'
import { type Place, type Reply, send } from './request.ts'

const CAPABILITIES: ReadonlySet<Capability> = new Set([
  'list',
  'get',
  'create',
  'create-with-id',
  'patch',
  'delete',
  'guarded-write',
])

type Listed = { id: string; version: number; updated_at: string; updated_by: string; document?: Document }

/** Another Countersign, through its store routes. The credential is in the place's headers and nowhere else. */
export function countersignConnector(id: string, place: Place): Connector {
  const at = (type: string, of: string) => `/v1/store/${encodeURIComponent(type)}/${encodeURIComponent(of)}`
  const get: Connector['get'] = async (type, of, signal) => {
    const reply = await send(place, {
      method: 'GET',
      path: at(type.type, of),
      repeatable: true,
      ...abort(signal),
    })
    if (reply.status === 404) return undefined
    const { headers, body } = refused(reply)
    const version = Number(String(headers.etag).replaceAll('"', ''))
    return {
      id: of,
      document: body as Document,
      revision: String(version),
      updatedAt: new Date(headers['last-modified'] ?? 0),
      updatedBy: decodeURIComponent(String(headers['x-updated-by'] ?? '')) || null,
      version: 0,
    }
  }
  const written = async (type: Parameters<Connector['get']>[0], of: string, reply: Reply): Promise<Item> => {
    refused(reply)
    const item = await get(type, of)
    if (!item) throw new ConnectorError('conflict', 'What was written is gone already.')
    return item
  }
  return {
    id,
    capabilities: () => CAPABILITIES,
    limits: { concurrency: 8, pageSize: 100 },
    async list(type, { cursor, size = 100, signal }) {
      const query = new URLSearchParams({
        size: String(size),
        include: 'document',
        ...(cursor ? { cursor } : {}),
      })
      const path = `/v1/store/${encodeURIComponent(type.type)}?${query}`
      const { body } = refused(await send(place, { method: 'GET', path, repeatable: true, ...abort(signal) }))
      const { results, next_cursor } = body as { results: Listed[]; next_cursor?: string }
      return { items: results.map(itemOf), cursor: next_cursor ?? null }
    },
    get,
    async create(type, document, { id: of = crypto.randomUUID(), signal }) {
      const reply = await send(place, {
        method: 'PUT',
        path: at(type.type, of),
        body: document,
        headers: { 'if-none-match': '*' },
        // a second one finds what the first one made, and is told so
        repeatable: false,
        ...abort(signal),
      })
      return written(type, of, reply)
    },
    async patch(type, of, patch, { ifRevision, signal }) {
      const reply = await send(place, {
        method: 'PATCH',
        path: at(type.type, of),
        body: patch,
        headers: ifMatch(ifRevision),
        repeatable: ifRevision === undefined,
        ...abort(signal),
      })
      return written(type, of, reply)
    },
    async remove(type, of, { ifRevision, signal }) {
      refused(
        await send(place, {
          method: 'DELETE',
          path: at(type.type, of),
          headers: ifMatch(ifRevision),
          repeatable: false,
          ...abort(signal),
        }),
      )
    },
    async whoami(signal) {
      const { body } = refused(
        await send(place, { method: 'GET', path: '/v1/configs/index', repeatable: true, ...abort(signal) }),
      )
      const { org_id } = (body ?? {}) as { org_id?: unknown }
      if (typeof org_id !== 'string')
        throw new ConnectorError('invalid', 'The place does not say whose credential it is.')
      return { org: org_id }
    },
  }
}

const abort = (signal: AbortSignal | undefined) => (signal ? { signal } : {})
const ifMatch = (revision: string | undefined): Record<string, string> =>
  revision === undefined ? {} : { 'if-match': `"${revision}"` }

const itemOf = ({ id, document = {}, version, updated_at, updated_by }: Listed): Item => ({
  id,
  document,
  revision: String(version),
  updatedAt: new Date(updated_at),
  updatedBy: updated_by,
  version: 0,
})

const KINDS: Record<number, ConnectorError['kind']> = {
  404: 'not-found',
  409: 'conflict',
  410: 'not-found',
  412: 'stale',
}

/** The reply if it is good. */
export function refused(reply: Reply): Reply {
  if (reply.status < 300) return reply
  throw new ConnectorError(KINDS[reply.status] ?? 'invalid', `The place answers ${reply.status}.`, {
    status: reply.status,
  })
}
