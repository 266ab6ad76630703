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
  ]
  return new Set(able.flatMap(([capability, is]) => (is ? [capability] : [])))
}

/** RFC 9110, 8.8.3; no other revision of ours has this form. */
export const isEtag = (revision: string): boolean => /^(?:W\/)?"[^"]*"$/.test(revision)
