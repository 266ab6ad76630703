import type { Queryable } from '../db/pool.ts'
import { fail } from '../operation/errors.ts'
import type { Access } from './auth.ts'
import { bearerHash, KEY_PREFIX, OAUTH_TOKEN_PREFIX } from './ids.ts'
import { isSlug } from './organisations.ts'
import { trustedOrigins } from './origins.ts'
import {
  automationPrincipal,
  type Client,
  grantPrincipal,
  guestPrincipal,
  type MemberRole,
  type Membership,
  type Person,
  type Principal,
  personKeyPrincipal,
  personPrincipal,
} from './principal.ts'
import { scopeOfOAuth } from './scopes.ts'
import { sessionToken } from './session-cookie.ts'
import {
  findKey,
  findSession,
  findToken,
  type KeyLookup,
  organisationExists,
  type SessionLookup,
} from './store.ts'

export type CredentialRequest = {
  headers: Record<string, string | string[] | undefined>
  /** The organisation that the request names (`?artistId=`). */
  artistId?: string | undefined
}

/** Ours have 68 characters at most. */
const MAX_BEARER_LENGTH = 256

/**
 * Who is calling: the bearer if there is an Authorization header, else the person of the session cookie, else a guest.
 * A bearer that does not hold is refused and never becomes a guest. Errors: unauthenticated; not-found for an
 * organisation that does not exist or is not the credential's; forbidden for a cookie sent by a foreign page;
 * validation-failed where a person of several organisations names none.
 */
export async function authenticate(access: Access, request: CredentialRequest): Promise<Principal> {
  const { authorization } = request.headers
  if (authorization !== undefined) {
    const principal = await bearerPrincipal(access, String(authorization))
    if (request.artistId !== undefined && request.artistId !== principal.org) unknownOrganisation()
    return principal
  }
  return (await sessionPrincipal(access, request)) ?? guest(access, request.artistId)
}

/** The signed-in person and all memberships, for pages that are there before an organisation is chosen. */
export async function currentPerson(
  access: Access,
  request: Pick<CredentialRequest, 'headers'>,
): Promise<SessionLookup | undefined> {
  const token = sessionToken(one(request.headers.cookie), access.secret)
  return token === undefined ? undefined : findSession(access.db, token, access.clock())
}

/** Refuses a request that a page of another site made with a person's cookie. */
export function refuseForeignPage(access: Access, headers: CredentialRequest['headers']): void {
  const origin = one(headers.origin)
  if (origin === undefined) return
  if (!trustedOrigins(access.origin(), one(headers.host)).includes(origin))
    fail('forbidden', {
      detail: 'This Origin may not use a session.',
      nextAction: 'Call from a page of this server.',
    })
}

/** Whose bearer an Authorization header has. Errors: unauthenticated. */
export async function bearerPrincipal(
  access: Pick<Access, 'clock'> & { db: Queryable },
  authorization: string,
): Promise<Principal> {
  const bearer = /^Bearer +([\w.~+/-]+=*) *$/i.exec(authorization.slice(0, MAX_BEARER_LENGTH + 1))?.[1]
  if (bearer === undefined || authorization.length > MAX_BEARER_LENGTH) return unauthenticated()
  const now = access.clock()
  if (bearer.startsWith(KEY_PREFIX)) {
    const key = await findKey(access.db, bearerHash(bearer), now)
    return key ? keyPrincipal(key) : unauthenticated()
  }
  if (bearer.startsWith(OAUTH_TOKEN_PREFIX)) {
    const token = await findToken(access.db, bearerHash(bearer.slice(OAUTH_TOKEN_PREFIX.length)), now)
    if (!token) return unauthenticated()
    const { org, grantScopes } = token
    const asked = token.tokenScopes.map((scope) => scopeOfOAuth(org, scope))
    const scopes = grantScopes.filter((scope) => asked.includes(scope))
    return grantPrincipal({ id: token.grantId, org, client: token.client, scopes }, token.person, {
      org,
      role: token.memberRole,
    })
  }
  return unauthenticated()
}

/** What a key's lookup amounts to. */
export function keyPrincipal(key: KeyLookup): Principal {
  const { org, scopes, name } = key
  const stored = { id: key.keyId, org, name, scopes }
  if (key.keyRole === 'automation') return automationPrincipal(stored)
  // the lookup finds the other kinds only together with a person who is a member, and agents with their grant
  const person = key.person as Person
  const membership: Membership = { org, role: key.memberRole as MemberRole }
  if (key.keyRole !== 'agent') return personKeyPrincipal({ ...stored, role: key.keyRole }, person, membership)
  const grant = {
    id: key.grantId as string,
    org,
    client: key.client as Client,
    scopes: key.grantScopes as string[],
  }
  return grantPrincipal(grant, person, membership)
}

async function sessionPrincipal(access: Access, request: CredentialRequest): Promise<Principal | undefined> {
  const session = await currentPerson(access, request)
  if (!session) return undefined
  refuseForeignPage(access, request.headers)
  return personPrincipal(session.person, chooseMembership(access, session, request.artistId))
}

/** The organisation named, else the active one, else the only one, else the default one. */
function chooseMembership(access: Access, session: SessionLookup, artistId: string | undefined): Membership {
  const { memberships, activeOrg } = session
  const of = (org: string | null | undefined) => memberships.find((each) => each.org === org)
  if (artistId !== undefined) return of(artistId) ?? unknownOrganisation()
  if (memberships.length === 0) return fail('forbidden', 'You are not a member of any organisation.')
  const chosen = of(activeOrg) ?? (memberships.length === 1 ? memberships[0] : of(access.defaultOrg))
  return (
    chosen ??
    fail('validation-failed', {
      detail: 'You are a member of several organisations.',
      errors: [{ pointer: '/artistId', message: 'must name one of your organisations' }],
      nextAction: 'Name the organisation with ?artistId=.',
    })
  )
}

async function guest(access: Access, artistId: string | undefined): Promise<Principal> {
  const org = artistId ?? access.defaultOrg
  if (org === undefined || !isSlug(org) || !(await organisationExists(access.db, org)))
    return unknownOrganisation()
  return guestPrincipal(org)
}

const unknownOrganisation = (): never => fail('not-found', 'There is no such organisation.')

const unauthenticated = (): never =>
  fail('unauthenticated', 'The bearer credential is unknown, expired or revoked.')

const one = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header[0] : header
