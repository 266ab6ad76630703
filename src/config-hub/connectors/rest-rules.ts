import { mergePatch } from '../../config-store/rules.ts'
import type { Document } from '../index/entry.ts'
import type { Capability } from './connector.ts'
import type { RestResource } from './mapping-resource.ts'
import { type Reply, refused } from './request.ts'
import { isOwn } from './rest-item.ts'

/** The header by which the place compares a revision; undefined where it has none, or the revision is not its own. */
export function guardOf({ revision: by, revision_header }: RestResource, revision: string) {
  if (revision_header !== undefined) return isOwn(revision) ? { [revision_header]: revision } : undefined
  return by === 'etag' && isEtag(revision) ? { 'if-match': revision } : undefined
}

export const comparesRevisions = ({ revision, revision_header }: RestResource): boolean =>
  revision === 'etag' || revision_header !== undefined

/** Where a header of the place's own carries the revision, 409 is what 412 is elsewhere. */
export const refusedChange = ({ revision_header }: RestResource, reply: Reply): Reply =>
  refused(reply, revision_header === undefined ? {} : { conflict: 'stale' })

export const isWhole = (sent: Document, answered: Document): boolean =>
  Object.keys(sent).every((name) => name in answered)

export function capabilitiesOf(resource: RestResource | undefined): ReadonlySet<Capability> {
  if (!resource) return new Set()
  const { get, create, patch, put, marker, key_header } = resource
  const able: [Capability, boolean][] = [
    ['list', true],
    ['get', get !== undefined],
    ['create', create !== undefined],
    ['create-with-id', create !== undefined && (create.id_in_body || create.path.includes('{id}'))],
    ['patch', patch !== undefined || put !== undefined],
    ['put', put !== undefined],
    ['delete', resource.delete !== undefined],
    ['guarded-write', comparesRevisions(resource)],
    ['keyed-write', key_header !== undefined],
    ['find-by-key', marker !== undefined],
    ['refuses-existing', create?.refuses_existing === true],
    ['checks-references', resource.checks_references],
    ['prepares-delete', resource.before_delete !== undefined],
  ]
  return new Set(able.flatMap(([capability, is]) => (is ? [capability] : [])))
}

/** RFC 9110, 8.8.3; no other revision of ours has this form. */
export const isEtag = (revision: string): boolean => /^(?:W\/)?"[^"]*"$/.test(revision)

/** What a place that replaces members whole is sent, so that the outcome is that of the merge patch. */
export function shallow(current: Document, patch: Document): Document {
  const merged = mergePatch(current, patch)
  const changed = Object.keys(patch).map((name) => [name, merged[name] ?? null] as const)
  return Object.fromEntries(changed)
}

/** The parameters that narrow the list to a natural key; none where that is kept as a hash only. */
export function naturalFilter(
  { natural_key = [] }: RestResource,
  naturalKey: string,
): Record<string, string> {
  const values = JSON.parse(naturalKey) as unknown[]
  if (values.length !== natural_key.length) return {}
  const filters = natural_key.flatMap(({ query_param }, index) => {
    const value = values[index]
    const scalar = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    return query_param !== undefined && scalar ? [[query_param, String(value)] as const] : []
  })
  return Object.fromEntries(filters)
}
