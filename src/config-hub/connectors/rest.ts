import { mergePatch } from '../../config-store/rules.ts'
import type { Document } from '../index/entry.ts'
import { at } from '../references/path.ts'
import type { ConfigType } from '../types/definition.ts'
import { type Connector, ConnectorError, type Item } from './connector.ts'
import { present } from './countersign.ts'
import type { RestMapping } from './mapping.ts'
import type { RestResource } from './mapping-resource.ts'
import { withNaturalKey } from './pages.ts'
import { type Asked, afterWrite, completing, type Place, type Reply, refused, send } from './request.ts'
import { aroundWrites } from './rest-around.ts'
import { changed, idIn, isObject, isStill, itemOf, withMember } from './rest-item.ts'
import { notMapped, restReader, withId } from './rest-read.ts'
import {
  capabilitiesOf,
  comparesRevisions,
  guardOf,
  isWhole,
  naturalFilter,
  refusedChange,
  shallow,
} from './rest-rules.ts'

/** `sent` is the whole item as it was sent; undefined where that was a part of it. */
type Written = { id: string | undefined; sent?: Document; itemPath: string }

/** Any REST API that a mapping describes. */
export function restConnector(id: string, mapping: RestMapping, place: Place): Connector {
  const reader = restReader(mapping, place)
  const { resourceOf, read, get, list, byKey } = reader
  const { finish, released } = aroundWrites(reader, place)
  /** PUT and DELETE may be repeated when nothing guards them: a guard would refuse what the first one did. */
  const write = (
    { key_header, headers: own, revision_header, create }: RestResource,
    asked: Omit<Asked, 'repeatable' | 'keyed'>,
    key: string | undefined,
    creates = false,
  ): Promise<Reply> => {
    const keyed = key_header !== undefined && key !== undefined
    const guarded =
      (creates && create?.refuses_existing) ||
      Object.keys(asked.headers ?? {}).some((name) => name.startsWith('if-') || name === revision_header)
    const idempotent = !guarded && (asked.method === 'PUT' || asked.method === 'DELETE')
    const headers = {
      ...(asked.body === undefined ? {} : { 'content-type': mapping.media_type }),
      ...{ ...own, ...asked.headers },
      ...(keyed ? { [key_header]: key } : {}),
    }
    return send(place, { ...asked, headers, repeatable: keyed || idempotent, keyed })
  }
  /** The item as it is after a write. Many APIs answer one with nothing, or with a part of what there is. */
  const after = (type: ConfigType, { id: of, sent, itemPath }: Written, reply: Reply): Promise<Item> =>
    afterWrite(async () => {
      const resource = resourceOf(type)
      const answered = at(reply.body, itemPath)
      const made = of ?? idIn(resource, answered)
      if (made === undefined) throw new ConnectorError('invalid', 'The place does not say which id it made.')
      const whole = sent && isObject(answered) && isWhole(sent, answered)
      const revised = resource.revision !== 'etag' || reply.headers.etag !== undefined
      if (!resource.get || (whole && revised && idIn(resource, answered) === made))
        return finish(type, itemOf(type, resource, answered, reply.headers.etag))
      if (resource.after_write) return finish(type, await present(get, type, made, undefined))
      const item = await present(get, type, made, undefined)
      // of what others did since, the next guarded write is told
      return resource.revision === 'etag' && reply.headers.etag
        ? { ...item, revision: reply.headers.etag }
        : item
    })
  return {
    id,
    capabilities: (type) => capabilitiesOf(mapping.types[type]),
    limits: {
      concurrency: place.concurrency,
      pageSize: 100,
      ...(place.requestsPerSecond === undefined ? {} : { requestsPerSecond: place.requestsPerSecond }),
    },
    async list(type, { cursor, signal }) {
      const { items, cursor: next } = await list(type, { cursor, signal })
      return { items, cursor: next }
    },
    get,
    async find(type, by, signal) {
      if ('key' in by) return byKey(type, by.key, signal)
      const filter = naturalFilter(resourceOf(type), by.naturalKey)
      const filtered: Pick<Connector, 'list'> = {
        list: (of, { cursor }) => list(of, { cursor, filter, signal }),
      }
      return withNaturalKey(filtered, type, by.naturalKey, signal)
    },
    async create(type, document, { id: given, key, signal }) {
      const resource = resourceOf(type)
      const { create, marker } = resource
      if (!create) throw notMapped('create', type)
      const inPath = create.path.includes('{id}')
      if (given !== undefined && !inPath && !create.id_in_body)
        throw new ConnectorError('invalid', `The place chooses the ids of ${type.type} itself.`)
      const chosen = given ?? (inPath ? crypto.randomUUID() : undefined)
      // under a key the place tells a repetition by itself, and what is there may be ours
      const keyed = resource.key_header !== undefined && key !== undefined
      const refuses = chosen !== undefined && create.refuses_existing
      if (!refuses && chosen !== undefined && resource.get && !keyed && (await get(type, chosen, signal)))
        throw new ConnectorError('stale', `${type.type} ${chosen} is there already.`)
      const named =
        chosen !== undefined && create.id_in_body ? withMember(document, resource.id_path, chosen) : document
      const body = marker && key !== undefined ? withMember(named, marker.path, key) : named
      const path = withId(create.path, chosen ?? '')
      // places that know the header do not replace what came in between
      const headers: Record<string, string> =
        create.method === 'PUT' && !refuses ? { 'if-none-match': '*' } : {}
      try {
        const reply = await write(resource, { method: create.method, path, body, headers, signal }, key, true)
        refused(reply, { missing: 'invalid', ...(refuses ? { conflict: 'stale' } : {}) })
        return await after(type, { id: chosen, sent: body, itemPath: create.item_path }, reply)
      } catch (error) {
        const lost = error instanceof ConnectorError && error.unknown
        if (!lost || !marker || key === undefined || signal?.aborted) throw error
        const [found] = await afterWrite(() => byKey(type, key, signal))
        if (!found) throw error
        return await afterWrite(() => finish(type, found, signal))
      }
    },
    async patch(type, of, patch, { ifRevision, key, known, signal }) {
      const resource = resourceOf(type)
      if (!resource.patch && !resource.put) throw notMapped('change', type)
      const merges = resource.patch?.merge === 'deep'
      const { headers, current } = await guard(resource, type, of, ifRevision, {
        read: !merges,
        known,
        signal,
      })
      if (!resource.patch) return putWhole(type, of, mergePatch(current, patch), { headers, key, signal })
      const { path, media_type, item_path } = resource.patch
      const body = merges ? patch : shallow(current ?? {}, patch)
      const asked = { method: 'PATCH', path: withId(path, of), body, signal }
      const reply = await write(
        resource,
        { ...asked, headers: { ...(media_type ? { 'content-type': media_type } : {}), ...headers } },
        key,
      )
      return after(type, { id: of, itemPath: item_path }, refusedChange(resource, reply))
    },
    async put(type, of, document, { ifRevision, key, signal }) {
      const resource = resourceOf(type)
      if (!resource.put) throw notMapped('replace', type)
      // a PUT creates where nothing is, unless a revision that the place compares says that something is
      const read = ifRevision === undefined || !comparesRevisions(resource)
      const { headers } = await guard(resource, type, of, ifRevision, { read, signal })
      return putWhole(type, of, document, { headers, key, signal })
    },
    async remove(type, of, { ifRevision, key, signal }) {
      const resource = resourceOf(type)
      if (!resource.delete) throw notMapped('delete', type)
      const revision = await released(type, of, ifRevision, signal)
      const { headers } = await guard(resource, type, of, revision, { read: false, signal })
      const asked = { method: 'DELETE', path: withId(resource.delete.path, of), headers, signal }
      const isDone = ({ uncertain, status }: Reply) => uncertain && (status === 404 || status === 410)
      if (resource.before_delete)
        await completing(async () => {
          const reply = await write(resource, asked, key)
          return isDone(reply) ? { ...reply, status: 204 } : refusedChange(resource, reply)
        }, 'What comes before its deletion was done')
      else {
        const reply = await write(resource, asked, key)
        // an attempt whose answer was lost did it
        if (!isDone(reply)) refusedChange(resource, reply)
      }
    },
    ...(Object.values(mapping.types).some(({ after_write }) => after_write) ? { finish } : {}),
    linkPath: ({ type }) => mapping.types[type]?.link_path,
    async whoami(signal) {
      if (!mapping.whoami)
        throw new ConnectorError('invalid', 'The mapping does not say how to ask whose credential it is.')
      const { body } = refused(await read(mapping.whoami.path, signal), { missing: 'invalid' })
      const org = at(body, mapping.whoami.org_path)
      if (typeof org !== 'string')
        throw new ConnectorError('invalid', 'The place does not say whose credential it is.')
      return { org }
    },
  }
  async function putWhole(
    type: ConfigType,
    of: string,
    document: Document,
    { headers, key, signal }: Pick<Asked, 'headers' | 'signal'> & { key: string | undefined },
  ): Promise<Item> {
    const resource = resourceOf(type)
    if (!resource.put) throw notMapped('replace', type)
    const { path, item_path } = resource.put
    const asked = {
      method: 'PUT',
      path: withId(path, of),
      body: document,
      signal,
      ...(headers ? { headers } : {}),
    }
    return after(
      type,
      { id: of, sent: document, itemPath: item_path },
      refusedChange(resource, await write(resource, asked, key)),
    )
  }
  /**
   * The header that guards a write. Without one, the revision is read again just before, which leaves a gap. With `read`
   * the document is read in any case, unless it is known to be the one that the header guards.
   */
  async function guard(
    resource: RestResource,
    type: ConfigType,
    of: string,
    revision: string | undefined,
    { read, known, signal }: { read: boolean; known?: Document | undefined; signal: AbortSignal | undefined },
  ): Promise<{ headers: Record<string, string>; current?: Document }> {
    const header = revision === undefined ? undefined : guardOf(resource, revision)
    if (header && (!read || known)) return { headers: header, ...(known ? { current: known } : {}) }
    if (!read && revision === undefined && resource.revision_header === undefined) return { headers: {} }
    const { document, ...now } = await present(get, type, of, signal)
    if (revision !== undefined && !isStill({ document, ...now }, revision)) throw changed(type, of)
    return { headers: guardOf(resource, now.revision) ?? {}, current: document }
  }
}
