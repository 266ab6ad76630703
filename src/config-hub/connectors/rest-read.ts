import { at } from '../references/path.ts'
import type { ConfigType } from '../types/definition.ts'
import { type Connector, ConnectorError, type Item } from './connector.ts'
import type { RestMapping } from './mapping.ts'
import type { RestResource } from './mapping-resource.ts'
import { cursorAfter, pagePath } from './paging.ts'
import { type Place, refused, send } from './request.ts'
import { idIn, itemOf } from './rest-item.ts'

type Listing = { cursor: string | null; filter?: Record<string, string>; signal?: AbortSignal | undefined }

/** What a mapping says of reading. */
export function restReader(mapping: RestMapping, place: Place) {
  const resourceOf = ({ type }: Pick<ConfigType, 'type'>): RestResource => {
    const resource = mapping.types[type]
    if (resource) return resource
    throw new ConnectorError('invalid', `The mapping has no type ${type}.`)
  }
  const read = (path: string, signal: AbortSignal | undefined, headers: Record<string, string> = {}) =>
    send(place, { method: 'GET', path, headers, repeatable: true, signal })
  const get: Connector['get'] = async (type, of, signal) => {
    const resource = resourceOf(type)
    if (!resource.get) throw notMapped('read one', type)
    const reply = await read(withId(resource.get.path, of), signal, resource.headers)
    if (reply.status === 404 || reply.status === 410) return undefined
    const { headers, body } = refused(reply)
    return itemOf(type, resource, at(body, resource.get.item_path), headers.etag)
  }
  const list = async (type: ConfigType, { cursor, filter = {}, signal }: Listing) => {
    const resource = resourceOf(type)
    const query = { ...resource.list.query, ...filter }
    const path = pagePath({ ...resource.list, query }, cursor, mapping.base_url)
    const reply = refused(await read(path, signal, resource.headers), { missing: 'invalid' })
    const values = at(reply.body, resource.list.items_path)
    if (!Array.isArray(values)) throw new ConnectorError('invalid', 'The place does not answer a list.')
    const ids = values.map((value) => idIn(resource, value) ?? '')
    const items = values.map((value) => itemOf(type, resource, value, undefined))
    return { values, items, cursor: cursorAfter(resource.list, reply, cursor, ids) }
  }
  const byKey = async (type: ConfigType, key: string, signal?: AbortSignal): Promise<Item[]> => {
    const { marker } = resourceOf(type)
    if (!marker) throw new ConnectorError('invalid', 'The place finds nothing by a key.')
    const found: Item[] = []
    const filter = marker.query_param === undefined ? {} : { [marker.query_param]: key }
    let cursor: string | null = null
    do {
      const page = await list(type, { cursor, filter, signal })
      // places that do not know a parameter answer everything
      found.push(...page.items.filter((_, index) => at(page.values[index], marker.path) === key))
      cursor = page.cursor
    } while (cursor !== null)
    return found
  }
  return { resourceOf, read, get, list, byKey }
}

export const notMapped = (what: string, { type }: ConfigType) =>
  new ConnectorError('invalid', `The mapping does not say how to ${what} ${type}.`)

export const withId = (path: string, id: string): string => {
  // half of a pair of surrogates stands in no URL
  if (!id.isWellFormed()) throw new ConnectorError('invalid', 'The id is no text that a URL can carry.')
  return path.replaceAll('{id}', () => encodeURIComponent(id))
}
