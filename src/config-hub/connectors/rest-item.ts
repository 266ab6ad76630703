import { withoutSecrets } from '../../config-store/secrets.ts'
import { canonical, sha256 } from '../../operation/plan.ts'
import { naturalKeyOf } from '../index/derive.ts'
import type { Document } from '../index/entry.ts'
import { at, without } from '../references/path.ts'
import type { ConfigType } from '../types/definition.ts'
import { ConnectorError, type Item } from './connector.ts'
import type { RestResource } from './mapping-resource.ts'

/** A JSON object, which every item is. */
export const isObject = (value: unknown): value is Document =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export function idIn(resource: RestResource, value: unknown): string | undefined {
  const id = at(value, resource.id_path)
  return typeof id === 'string' || typeof id === 'number' ? String(id) : undefined
}

/** An item as a place answers it, in a list or alone. Errors: `invalid` for what is none. */
export function itemOf(
  type: Pick<ConfigType, 'secret_paths'>,
  resource: RestResource,
  value: unknown,
  etag: string | undefined,
): Item {
  const id = idIn(resource, value)
  if (id === undefined || !isObject(value))
    throw new ConnectorError('invalid', `The place answers something without an id at ${resource.id_path}.`)
  const text = (path: string | undefined) => {
    const found = path === undefined ? undefined : at(value, path)
    return typeof found === 'string' || typeof found === 'number' ? found : undefined
  }
  const { title_path, natural_key, marker } = resource
  // what is shown and compared is no secret, whatever path a mapping names
  const visible = withoutSecrets(type, value)
  const title = title_path === undefined ? undefined : at(visible, title_path)
  const updatedAt = new Date(text(resource.updated_at_path) ?? Number.NaN)
  const document = marker ? without(value, [marker.path]) : value
  return {
    id,
    document,
    revision: revisionOf(resource, document, text, etag),
    // a place that keeps no times: what it answers has no age
    updatedAt: Number.isNaN(updatedAt.getTime()) ? new Date(0) : updatedAt,
    updatedBy: text(resource.updated_by_path)?.toString() ?? null,
    version: 0,
    ...(typeof title === 'string' || typeof title === 'number' ? { title: String(title) } : {}),
    ...(natural_key ? { naturalKey: naturalKeyOf(paths(natural_key), visible) } : {}),
  }
}

const paths = (members: readonly { path: string }[]): string[] => members.map(({ path }) => path)

/** What changes with every change: what the place says of it, else a hash of the whole document. */
const revisionOf = (
  { revision }: RestResource,
  document: Document,
  text: (path: string | undefined) => string | number | undefined,
  etag: string | undefined,
): string => String((revision === 'etag' ? etag : text(revision)) ?? hashOf(document))

const HASH = 'sha256:'
const hashOf = (document: Document): string => `${HASH}${sha256(canonical(document))}`

/** Whether a revision is the place's own, which it can compare. */
export const isOwn = (revision: string): boolean => !revision.startsWith(HASH)

/** Whether an item still is what had this revision, be that the item's own or a hash (lists tell no ETags). */
export const isStill = ({ revision, document }: Item, expected: string): boolean =>
  revision === expected || (expected.startsWith(HASH) && hashOf(document) === expected)

/** The document with a member set at a pointer; a copy as far as it differs. */
export function withMember(document: Document, pointer: string, value: unknown): Document {
  const [name = '', ...rest] = pointer
    .slice(1)
    .split('/')
    .map((each) => each.replaceAll('~1', '/').replaceAll('~0', '~'))
  if (rest.length === 0) return { ...document, [name]: value }
  const inner = isObject(document[name]) ? (document[name] as Document) : {}
  return {
    ...document,
    [name]: withMember(
      inner,
      `/${rest.map((each) => each.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`,
      value,
    ),
  }
}

export const changed = ({ type }: ConfigType, id: string) =>
  new ConnectorError('stale', `${type} ${id} changed meanwhile.`)
