import { createHash, randomUUID } from 'node:crypto'
import { z } from 'zod'
import { withoutSecrets } from '../../config-store/secrets.ts'
import { IdempotencyKey } from '../../operation/envelope.ts'
import { ERRORS } from '../../operation/errors.ts'
import type { Document } from '../index/entry.ts'
import { at as valueAt } from '../references/path.ts'
import type { ConfigType } from '../types/definition.ts'
import { type Capability, type Connector, ConnectorError, type Item, type WriteOptions } from './connector.ts'
import { withNaturalKey } from './pages.ts'
import { type Asked, afterWrite, type Place, type Reply, refused, send } from './request.ts'

const CAPABILITIES: ReadonlySet<Capability> = new Set([
  'list',
  'get',
  'create',
  'create-with-id',
  'patch',
  'put',
  'delete',
  'guarded-write',
  'keyed-write',
])

/** As many as the other server gives at once. */
const PAGE = 100

const Doc = z.custom<Document>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
)
const Listed = z.object({
  results: z.array(
    z.object({
      id: z.string(),
      version: z.int(),
      updated_at: z.iso.datetime({ offset: true }),
      updated_by: z.string(),
      document: Doc,
    }),
  ),
  next_cursor: z.string().optional(),
})
const Read = z.object({ etag: z.string().regex(/^"\d+"$/), document: Doc })
const Written = z.object({ version: z.int(), updated_at: z.iso.datetime({ offset: true }) })
const Index = z.object({ org_id: z.string() })

/** Another Countersign, through its store routes. The credential is in the place's headers and nowhere else. */
export function countersignConnector(id: string, place: Place): Connector {
  const read = (path: string, signal: AbortSignal | undefined) =>
    send(place, { method: 'GET', path, repeatable: true, signal })
  /** Under a key of its own unless told: sent again after a lost answer, it gets what the first one got. */
  const write = async (
    asked: Pick<Asked, 'method' | 'path' | 'body' | 'headers'>,
    { key = randomUUID(), signal }: Pick<WriteOptions, 'key' | 'signal'>,
    missing: 'not-found' | 'invalid' = 'not-found',
  ): Promise<Reply> => {
    const headers = { ...asked.headers, 'idempotency-key': keyOf(key) }
    const reply = await send(place, { ...asked, headers, repeatable: true, keyed: true, signal })
    return refused(reply, { missing, more: codeOf(reply, asked.body) })
  }
  const get: Connector['get'] = async (type, of, signal) => {
    const reply = await read(at(type, of), signal)
    if (reply.status === 404) return undefined
    const { headers, body } = refused(reply, { missing: 'invalid', more: codeOf(reply) })
    const { etag, document } = understood(Read, { etag: headers.etag, document: body })
    return {
      id: of,
      document,
      revision: etag.slice(1, -1),
      updatedAt: new Date(headers['last-modified'] ?? 0),
      updatedBy: decoded(headers['x-updated-by']),
      version: 0,
    }
  }
  const list: Connector['list'] = async (type, { cursor, size = PAGE, signal }) => {
    const query = new URLSearchParams({
      size: String(Math.min(size, PAGE)),
      include: 'document',
      ...(cursor ? { cursor } : {}),
    })
    const reply = await read(`/v1/store/${encodeURIComponent(type.type)}?${query}`, signal)
    const { body } = refused(reply, { missing: 'invalid', more: codeOf(reply) })
    const { results, next_cursor } = understood(Listed, body)
    const items = results.map(({ id, document, version, updated_at, updated_by }) => ({
      id,
      document,
      revision: String(version),
      updatedAt: new Date(updated_at),
      updatedBy: updated_by,
      version: 0,
    }))
    return { items, cursor: next_cursor ?? null }
  }
  return {
    id,
    capabilities: () => CAPABILITIES,
    limits: { concurrency: place.concurrency, pageSize: PAGE, ...rateOf(place) },
    list,
    get,
    async find(type, by, signal) {
      if ('key' in by) throw new ConnectorError('invalid', 'The place finds nothing by a key.')
      return withNaturalKey({ list }, type, by.naturalKey, signal)
    },
    async create(type, document, { id: of = randomUUID(), ...options }) {
      const headers = { 'if-none-match': '*' }
      const reply = await write(
        { method: 'PUT', path: at(type, of), body: document, headers },
        options,
        'invalid',
      )
      return sentItem(type, of, document, reply)
    },
    async patch(type, of, patch, { ifRevision, ...options }) {
      const headers = ifMatch(ifRevision)
      const reply = await write({ method: 'PATCH', path: at(type, of), body: patch, headers }, options)
      return afterWrite(async () => {
        const { version } = understood(Written, reply.body)
        const item = await get(type, of)
        if (!item) throw new ConnectorError('not-found', 'What was written is gone already.')
        // of what others did since, the next guarded write is told
        return { ...item, revision: String(version) }
      })
    },
    async put(type, of, document, { ifRevision, ...options }) {
      const headers = ifMatch(ifRevision ?? (await present(get, type, of, options.signal)).revision)
      return sentItem(
        type,
        of,
        document,
        await write({ method: 'PUT', path: at(type, of), body: document, headers }, options),
      )
    },
    async remove(type, of, { ifRevision, ...options }) {
      await write({ method: 'DELETE', path: at(type, of), headers: ifMatch(ifRevision) }, options)
    },
    async whoami(signal) {
      const { body } = refused(await read('/v1/configs/index', signal), { missing: 'invalid' })
      return { org: understood(Index, body).org_id }
    },
  }
}

const at = ({ type }: ConfigType, id: string): string =>
  `/v1/store/${encodeURIComponent(type)}/${encodeURIComponent(id)}`

/** What is there; else `not-found`. */
export async function present(
  get: Connector['get'],
  type: ConfigType,
  id: string,
  signal: AbortSignal | undefined,
): Promise<Item> {
  const item = await get(type, id, signal)
  if (item) return item
  throw new ConnectorError('not-found', `There is no ${type.type} ${id}.`)
}

const rateOf = ({ requestsPerSecond }: Place) =>
  requestsPerSecond === undefined ? {} : { requestsPerSecond }

/** Any text may name a write; the header takes some. */
const keyOf = (key: string): string =>
  IdempotencyKey.safeParse(key).success ? key : createHash('sha256').update(key).digest('hex')

const ifMatch = (revision: string | null | undefined): Record<string, string> =>
  revision === undefined || revision === null ? {} : { 'if-match': `"${revision}"` }

/** What was sent is what is there now, its secrets apart. */
const sentItem = (type: ConfigType, id: string, document: Document, reply: Reply): Promise<Item> =>
  afterWrite(() => {
    const { version, updated_at } = understood(Written, reply.body)
    return {
      id,
      document: withoutSecrets(type, document),
      revision: String(version),
      updatedAt: new Date(updated_at),
      updatedBy: null,
      version: 0,
    }
  })

function understood<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new ConnectorError('invalid', 'The place does not answer as a Countersign does.')
}

/** The code of a problem, one of the closed list, and those of its places that were sent: nothing of the place's own. */
const Told = z.object({ code: z.string(), errors: z.array(z.object({ pointer: z.string() })).catch([]) })
function codeOf({ status, body }: Reply, sent?: unknown): string {
  const told = status < 300 ? undefined : Told.safeParse(body).data
  if (!told || !Object.hasOwn(ERRORS, told.code)) return ''
  const places = told.errors.flatMap(({ pointer }) => {
    const place = pointer.replace(/^\/document(?=\/)/, '')
    return valueAt(sent, place) === undefined ? [] : [pointer]
  })
  return ` (${[told.code, ...places.slice(0, 5)].join(' ')})`
}

function decoded(header: string | string[] | undefined): string | null {
  try {
    return decodeURIComponent(String(header ?? '')) || null
  } catch {
    return null
  }
}
