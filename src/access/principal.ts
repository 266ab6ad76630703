import { coveredBy, everything, intersectScopes, LISTENER_SCOPES } from './scopes.ts'

export type PrincipalKind = 'guest' | 'person' | 'key' | 'automation' | 'grant'

/** Who is calling, in which organisation, and what that allows. Never sent anywhere as it is. */
export type Principal = {
  /** `key` is a listener or artist-admin key: it acts for a person and yet never approves. */
  kind: PrincipalKind
  source:
    | 'guest'
    | 'first-party-session'
    | 'listener-key'
    | 'artist-admin-key'
    | 'approved-automation'
    | 'scoped-agent-grant'
  /** A grant has the role of its delegator. */
  role: 'guest' | 'listener' | 'creator' | 'artist-admin' | 'automation'
  /** The organisation's slug. */
  org: string
  /** For idempotency and audit, never shown: `guest`, `user:<id>`, `key:<id>` or `grant:<id>`. */
  id: string
  /** The person, or the delegator of a grant. */
  userId: string | null
  displayName: string
  /** Only ever shown to that very person. */
  email: string | null
  adminRole: 'owner' | 'admin' | null
  scopes: string[]
  grantId: string | null
  /** The agent's client, for a grant. */
  client: Client | null
}

export type Client = { id: string; name: string; kind: string }

/** How sessions name a client, from the name it goes by; never the id it has credentials for. */
export const clientId = (name: string): string =>
  `client-${
    name
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replaceAll(/^-|-$/g, '') || 'agent'
  }`

/** Roles of people in an organisation, as better-auth's organisation plugin names them. */
export type MemberRole = 'owner' | 'admin' | 'member'
export type KeyRole = 'automation' | 'agent' | 'listener' | 'artist-admin'

export type Person = { id: string; name: string; email: string }
export type Membership = { org: string; role: MemberRole }

export const hasScope = (principal: Pick<Principal, 'scopes'>, scope: string): boolean =>
  coveredBy(principal.scopes, scope)

/** Whether the principal is a human being who signed in: the only kind that resolves approvals. */
export const isPerson = (principal: Pick<Principal, 'kind'>): boolean => principal.kind === 'person'

export const communityId = (org: string): string => `community_${org}_public`

/** `north-pier` becomes `North Pier public community`. */
export const communityName = (org: string): string =>
  `${org
    .split('-')
    .filter((word) => word !== '')
    .map((word) => `${word[0]?.toUpperCase()}${word.slice(1)}`)
    .join(' ')} public community`

/** What a member may do; also the most that this member can let an agent do. */
export const memberScopes = ({ org, role }: Membership): string[] =>
  role === 'member' ? [...LISTENER_SCOPES] : [everything(org)]

const principalRole = (role: MemberRole) =>
  (({ owner: 'creator', admin: 'artist-admin', member: 'listener' }) as const)[role]

const adminRole = (role: MemberRole) => (role === 'member' ? null : role)

export const guestPrincipal = (org: string): Principal => ({
  kind: 'guest',
  source: 'guest',
  role: 'guest',
  org,
  id: 'guest',
  userId: null,
  displayName: 'Guest',
  email: null,
  adminRole: null,
  scopes: [],
  grantId: null,
  client: null,
})

export const personPrincipal = (person: Person, membership: Membership): Principal => ({
  kind: 'person',
  source: 'first-party-session',
  role: principalRole(membership.role),
  org: membership.org,
  id: `user:${person.id}`,
  userId: person.id,
  displayName: person.name,
  email: person.email,
  adminRole: adminRole(membership.role),
  scopes: memberScopes(membership),
  grantId: null,
  client: null,
})

export type StoredKey = { id: string; org: string; name: string; scopes: string[] }

export const automationPrincipal = (key: StoredKey): Principal => ({
  kind: 'automation',
  source: 'approved-automation',
  role: 'automation',
  org: key.org,
  id: `key:${key.id}`,
  userId: null,
  displayName: key.name,
  email: null,
  adminRole: null,
  scopes: key.scopes,
  grantId: null,
  client: null,
})

/** A key that acts for a person is no more than its own role and never more than what that person may do now. */
export function personKeyPrincipal(
  key: StoredKey & { role: 'listener' | 'artist-admin' },
  person: Person,
  membership: Membership,
): Principal {
  const administers = key.role === 'artist-admin' && membership.role !== 'member'
  return {
    kind: 'key',
    source: key.role === 'listener' ? 'listener-key' : 'artist-admin-key',
    role: administers ? 'artist-admin' : 'listener',
    org: key.org,
    id: `key:${key.id}`,
    userId: person.id,
    displayName: person.name,
    email: person.email,
    adminRole: administers ? 'admin' : null,
    // everybody is a listener too, so listener scopes are not a matter of the membership's role
    scopes: intersectScopes(key.scopes, [...memberScopes(membership), ...LISTENER_SCOPES]),
    grantId: null,
    client: null,
  }
}

export type StoredGrant = { id: string; org: string; client: Client; scopes: string[] }

/** A grant is what was granted and what its delegator may do now, whichever is less. */
export const grantPrincipal = (grant: StoredGrant, delegator: Person, membership: Membership): Principal => ({
  kind: 'grant',
  source: 'scoped-agent-grant',
  role: principalRole(membership.role),
  org: grant.org,
  id: `grant:${grant.id}`,
  userId: delegator.id,
  displayName: delegator.name,
  email: null,
  adminRole: adminRole(membership.role),
  scopes: intersectScopes(grant.scopes, memberScopes(membership)),
  grantId: grant.id,
  client: grant.client,
})
