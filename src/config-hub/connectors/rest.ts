import { mergePatch } from '../../config-store/rules.ts'
import type { Document } from '../index/entry.ts'
import { at } from '../references/path.ts'
import type { ConfigType } from '../types/definition.ts'
import { type Capability, type Connector, ConnectorError, type Item } from './connector.ts'
import { refused } from './countersign.ts'
import type { Paging, RestMapping, RestResource } from './mapping.ts'
import { type Place, type Reply, send } from './request.ts'

/** Any REST API that a mapping describes. */
export function restConnector(id: string, mapping: RestMapping, place: Place): Connector {
  const resourceOf = ({ type }: Pick<ConfigType, 'type'>): RestResource => {
    const resource = mapping.types[type]
    if (resource) return resource
    throw new ConnectorError('invalid', `The mapping has no type ${type}.`)
  }
  const ask = (
    method: string,
    path: string,
    more: { body?: unknown; headers?: Record<string, string>; signal?: AbortSignal | undefined },
  ) => {
    const { signal, ...rest } = more
    const repeatable = method === 'GET' || (method === 'PUT' && rest.headers === undefined)
    return send(place, { method, path, repeatable, ...rest, ...(signal ? { signal } : {}) })
  }
  const get: Connector['get'] = async (type, of, signal) => {
    const resource = resourceOf(type)
    if (!resource.get) return undefined
    const reply = await ask('GET', withId(resource.get.path, of), { signal })
    return reply.status === 404 || reply.status === 410
      ? undefined
      : itemIn(resource, refused(reply), resource.get.item_path)
  }
  /** Many APIs answer a write with nothing, or with a part of what it wrote. */
  const written = async (
    type: ConfigType,
    of: string | undefined,
    reply: Reply,
    itemPath: string,
  ): Promise<Item> => {
    const resource = resourceOf(type)
    refused(reply)
    const answered = of ?? idIn(resource, at(reply.body, itemPath))
    if (answered === undefined)
      throw new ConnectorError('invalid', 'The place does not say which id it made.', { unknown: true })
    const item = resource.get ? await get(type, answered) : itemIn(resource, reply, itemPath)
    return item ?? itemIn(resource, reply, itemPath)
  }
  return {
    id,
    capabilities: (type) => capabilitiesOf(mapping.types[type]),
    limits: {
      concurrency: mapping.limits.concurrency,
      pageSize: 100,
      ...(mapping.limits.requests_per_second === undefined
        ? {}
        : { requestsPerSecond: mapping.limits.requests_per_second }),
    },
    async list(type, { cursor, signal }) {
      const { list, ...resource } = resourceOf(type)
      const path = cursor === null ? firstPage(list) : nextPage(list, cursor, mapping.base_url)
      const reply = refused(await ask('GET', path, { signal }))
      const found = at(reply.body, list.items_path)
      if (!Array.isArray(found)) throw new ConnectorError('invalid', 'The place does not answer a list.')
      const items = found.map((each) => itemOf({ list, ...resource }, each, undefined))
      return { items, cursor: cursorAfter(list, reply, cursor, items.length) }
    },
    get,
    async create(type, document, { id: given, signal }) {
      const { create } = resourceOf(type)
      if (!create) throw new ConnectorError('invalid', `The mapping cannot create ${type.type}.`)
      const atId = create.path.includes('{id}') ? (given ?? crypto.randomUUID()) : undefined
      const path = atId === undefined ? create.path : withId(create.path, atId)
      const reply = await ask(create.method, path, { body: document, headers: {}, signal })
      return written(type, atId, reply, create.item_path)
    },
    async patch(type, of, patch, { ifRevision, signal }) {
      const resource = resourceOf(type)
      if (!resource.patch) throw new ConnectorError('invalid', `The mapping cannot change ${type.type}.`)
      const { method, path, item_path } = resource.patch
      const headers = await guard(resource, type, of, ifRevision, get)
      const body = method === 'PATCH' ? patch : mergePatch((await require(get, type, of)).document, patch)
      const reply = await ask(method, withId(path, of), { body, ...(headers ? { headers } : {}), signal })
      return written(type, of, reply, item_path)
    },
    async remove(type, of, { ifRevision, signal }) {
      const resource = resourceOf(type)
      if (!resource.delete) throw new ConnectorError('invalid', `The mapping cannot delete ${type.type}.`)
      const headers = await guard(resource, type, of, ifRevision, get)
      refused(await ask('DELETE', withId(resource.delete.path, of), { headers: headers ?? {}, signal }))
    },
    async whoami(signal) {
      if (!mapping.whoami)
        throw new ConnectorError('invalid', 'The mapping does not say how to ask whose credential it is.')
      const { body } = refused(await ask('GET', mapping.whoami.path, { signal }))
      const org = at(body, mapping.whoami.org_path)
      if (typeof org !== 'string')
        throw new ConnectorError('invalid', 'The place does not say whose credential it is.')
      return { org }
    },
  }
}

const withId = (path: string, id: string): string => path.replaceAll('{id}', () => encodeURIComponent(id))

function capabilitiesOf(resource: RestResource | undefined): ReadonlySet<Capability> {
  if (!resource) return new Set()
  const able: [Capability, boolean][] = [
    ['list', true],
    ['get', resource.get !== undefined],
    ['create', resource.create !== undefined],
    ['create-with-id', resource.create?.path.includes('{id}') ?? false],
    ['patch', resource.patch !== undefined],
    ['delete', resource.delete !== undefined],
    ['guarded-write', resource.revision === 'etag'],
  ]
  return new Set(able.flatMap(([capability, is]) => (is ? [capability] : [])))
}

async function require(get: Connector['get'], type: ConfigType, id: string): Promise<Item> {
  const item = await get(type, id)
  if (item) return item
  throw new ConnectorError('not-found', `There is no ${type.type} ${id}.`)
}

/** The header that guards a write; without one, the revision is read again just before, which leaves a gap. */
async function guard(
  resource: RestResource,
  type: ConfigType,
  id: string,
  revision: string | undefined,
  get: Connector['get'],
): Promise<Record<string, string> | undefined> {
  if (revision === undefined) return undefined
  if (resource.revision === 'etag') return { 'if-match': revision }
  if ((await require(get, type, id)).revision === revision) return {}
  throw new ConnectorError('stale', `${type.type} ${id} changed meanwhile.`)
}

const idIn = (resource: RestResource, value: unknown): string | undefined => {
  const id = at(value, resource.id_path)
  return typeof id === 'string' || typeof id === 'number' ? String(id) : undefined
}

const itemIn = (resource: RestResource, { body, headers }: Reply, path: string): Item =>
  itemOf(resource, at(body, path), headers.etag)

function itemOf(resource: RestResource, value: unknown, etag: string | undefined): Item {
  const id = idIn(resource, value)
  if (id === undefined || typeof value !== 'object' || value === null)
    throw new ConnectorError(
      'invalid',
      `The place answers something without an id at ${resource.id_path || 'its root'}.`,
    )
  const text = (path: string | undefined) => {
    const found = path === undefined ? undefined : at(value, path)
    return typeof found === 'string' || typeof found === 'number' ? found : undefined
  }
  const updatedAt = new Date(text(resource.updated_at_path) ?? Number.NaN)
  const revision = resource.revision === 'etag' ? etag : text(resource.revision)
  return {
    id,
    document: value as Document,
    revision: String(revision ?? JSON.stringify(value)),
    // a place that keeps no times: what it answers has no age
    updatedAt: Number.isNaN(updatedAt.getTime()) ? new Date(0) : updatedAt,
    updatedBy: text(resource.updated_by_path)?.toString() ?? null,
    version: 0,
  }
}

type List = RestResource['list']

const withQuery = (path: string, query: Record<string, string>): string => {
  const text = new URLSearchParams(query).toString()
  return text === '' ? path : `${path}${path.includes('?') ? '&' : '?'}${text}`
}

const sizeOf = (paging: Paging, size: number): Record<string, string> =>
  'size_param' in paging && paging.size_param !== undefined ? { [paging.size_param]: String(size) } : {}

function firstPage({ path, query, paging, page_size }: List): string {
  const size = sizeOf(paging, page_size)
  if (paging.style === 'page')
    return withQuery(path, { ...query, ...size, [paging.page_param]: String(paging.start) })
  if (paging.style === 'offset') return withQuery(path, { ...query, ...size, [paging.offset_param]: '0' })
  return withQuery(path, { ...query, ...size })
}

/** `cursor` is what cursorAfter made: a page, an offset, the place's own cursor, or the URL of the next page. */
function nextPage(list: List, cursor: string, baseUrl: string): string {
  const { path, query, paging, page_size } = list
  const size = sizeOf(paging, page_size)
  switch (paging.style) {
    case 'page':
      return withQuery(path, { ...query, ...size, [paging.page_param]: cursor })
    case 'offset':
      return withQuery(path, { ...query, ...size, [paging.offset_param]: cursor })
    case 'cursor':
      return withQuery(path, { ...query, ...size, [paging.cursor_param]: cursor })
    default:
      return new URL(cursor, `${baseUrl.replace(/\/$/, '')}/`).href
  }
}

/** Where the next page begins; null after the last. Pages that are counted end with the first that is not full. */
function cursorAfter(
  { paging, page_size }: List,
  reply: Reply,
  cursor: string | null,
  count: number,
): string | null {
  switch (paging.style) {
    case 'none':
      return null
    case 'page':
      return count < page_size ? null : String(Number(cursor ?? paging.start) + 1)
    case 'offset':
      return count < page_size ? null : String(Number(cursor ?? 0) + count)
    case 'link':
      return linked(String(reply.headers.link ?? ''))
    default: {
      const next = at(reply.body, paging.next_path)
      if (typeof next !== 'string' && typeof next !== 'number') return null
      // a place that answers where it stands already would be read for ever
      return String(next) === '' || String(next) === cursor ? null : String(next)
    }
  }
}

/** The link of relation next (RFC 8288). */
function linked(header: string): string | null {
  for (const part of header.split(/,(?=\s*<)/)) {
    const [, url, parameters] = /^\s*<([^>]*)>(.*)$/.exec(part) ?? []
    if (url !== undefined && /;\s*rel="?(?:[^"]*\s)?next(?:\s[^"]*)?"?/i.test(parameters ?? '')) return url
  }
  return null
}
