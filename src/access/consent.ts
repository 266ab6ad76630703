import type { FastifyReply, FastifyRequest } from 'fastify'
import { fail } from '../operation/errors.ts'
import { consentPage, oauthErrorPage } from '../pages/consent.ts'
import { sendPage } from '../pages/layout.ts'
import { signInUrl } from '../pages/sign-in.ts'
import type { Access } from './auth.ts'
import { currentPerson, refuseForeignPage } from './authenticate.ts'
import { forward } from './forward.ts'
import { newAccessId } from './ids.ts'
import { findConsentGrant, findOAuthClient, upsertConsentGrant } from './keys-store.ts'
import { CONSENT_PAGE, CONSENT_SECONDS, grantInConsent } from './oauth.ts'
import { AUTH_PATH } from './origins.ts'
import { clientId, type Membership, memberScopes } from './principal.ts'
import { coveredBy, OAUTH_SCOPES, scopeOfOAuth } from './scopes.ts'
import type { SessionLookup } from './store.ts'

const MAX_CLIENT_NAME_LENGTH = 80

/** What an authorization request asks for. Its signature is checked by better-auth when the answer is given. */
type Asked = {
  oauthQuery: string
  clientId: string
  clientName: string
  redirectTo: string
  scopes: string[]
}

/** The page on which a person sees which client asks for what, and in which organisation. */
export async function showConsent(
  access: Access,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const session = await currentPerson(access, request)
  if (!session) return reply.redirect(signInUrl(request.url), 303)
  const asked = await readAsked(access, request.url.slice(request.url.indexOf('?') + 1))
  return typeof asked === 'string'
    ? sendPage(reply, oauthErrorPage(asked))
    : sendPage(reply, view(asked, session))
}

/** The person's answer: Allow stores a grant and sends the client its code, Refuse sends it the refusal. */
export async function answerConsent(
  access: Access,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  refuseForeignPage(access, request.headers)
  const form = new URLSearchParams(String(request.body ?? ''))
  const oauthQuery = form.get('oauth_query') ?? ''
  const session = await currentPerson(access, request)
  if (!session) return reply.redirect(signInUrl(`${CONSENT_PAGE}?${oauthQuery}`), 303)
  const asked = await readAsked(access, oauthQuery)
  if (typeof asked === 'string') return sendPage(reply, oauthErrorPage(asked))
  if (form.get('decision') !== 'allow')
    return finish(reply, await tellBetterAuth(access, request, asked, undefined))
  const allowed = allowedBy(session, form.get('org'), asked.scopes, form.getAll('scope'))
  if (typeof allowed === 'string') return sendPage(reply, view(asked, session, allowed))
  return finish(reply, await allow(access, request, asked, session, allowed))
}

type Allowed = { org: string; oauthScopes: string[] }

async function allow(
  access: Access,
  request: FastifyRequest,
  asked: Asked,
  session: SessionLookup,
  { org, oauthScopes }: Allowed,
): Promise<string | undefined> {
  const delegatorUserId = session.person.id
  const known = await findConsentGrant(access.db, { org, delegatorUserId, oauthClientId: asked.clientId })
  const id = known ?? newAccessId('grant')
  const url = await grantInConsent.run(id, () => tellBetterAuth(access, request, asked, oauthScopes))
  if (!url || !new URL(url).searchParams.has('code')) return url
  const now = access.clock()
  const stored = await upsertConsentGrant(access.db, {
    org,
    id,
    delegatorUserId,
    oauthClientId: asked.clientId,
    client: { id: clientId(asked.clientName), name: asked.clientName, kind: 'mcp' },
    scopes: oauthScopes.flatMap((scope) => scopeOfOAuth(org, scope) ?? []),
    createdAt: now,
    expiresAt: new Date(now.getTime() + CONSENT_SECONDS * 1000),
  })
  // the code refers to an id that another consent of the same moment won
  if (stored !== id)
    fail('conflict', 'This client was allowed twice at once. Start again from the application.')
  return url
}

async function readAsked(access: Access, oauthQuery: string): Promise<Asked | string> {
  const query = new URLSearchParams(oauthQuery)
  const redirectTo = query.get('redirect_uri') ?? ''
  const client = await findOAuthClient(access.db, query.get('client_id') ?? '')
  if (!client || client.disabled || !URL.canParse(redirectTo)) return 'invalid_client'
  if (!(Number(query.get('exp')) * 1000 > access.clock().getTime())) return 'expired'
  const scopes = (query.get('scope') ?? '').split(' ').filter((scope) => scope !== '')
  if (!scopes.some((scope) => Object.hasOwn(OAUTH_SCOPES, scope))) return 'invalid_scope'
  const clientName = (client.name?.trim() || 'An application').slice(0, MAX_CLIENT_NAME_LENGTH)
  return { oauthQuery, clientId: client.clientId, clientName, redirectTo, scopes }
}

/** What the person lets the client have, or a sentence on why that is not possible. */
function allowedBy(
  session: SessionLookup,
  org: string | null,
  asked: readonly string[],
  ticked: readonly string[],
): Allowed | string {
  const membership = session.memberships.find((each) => each.org === org)
  if (!membership) return 'Choose one of your organisations.'
  const wanted = asked.filter((scope) => Object.hasOwn(OAUTH_SCOPES, scope) && ticked.includes(scope))
  if (wanted.length === 0) return 'Tick at least one thing that the application may do, or refuse.'
  const beyond = wanted.filter((scope) => !mayGive(membership, scope))
  if (beyond.length > 0) return `In ${membership.org} you may not do this yourself: ${beyond.join(', ')}.`
  return {
    org: membership.org,
    oauthScopes: [...wanted, ...asked.filter((scope) => scope === 'offline_access')],
  }
}

function mayGive(membership: Membership, oauthScope: string): boolean {
  const scope = scopeOfOAuth(membership.org, oauthScope)
  return scope !== undefined && coveredBy(memberScopes(membership), scope)
}

/** Passes the answer on; undefined scopes refuse. Answers where the browser goes next, or undefined. */
async function tellBetterAuth(
  access: Access,
  request: FastifyRequest,
  asked: Asked,
  scopes: string[] | undefined,
): Promise<string | undefined> {
  const response = await forward(access, request, {
    url: `${AUTH_PATH}/oauth2/consent`,
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', origin: access.origin() },
    body: JSON.stringify({
      accept: scopes !== undefined,
      oauth_query: asked.oauthQuery,
      ...(scopes ? { scope: scopes.join(' ') } : {}),
    }),
  })
  if (response.status >= 500) throw new Error(`better-auth answered a consent with ${response.status}`)
  const body = response.ok ? ((await response.json()) as { url?: unknown }) : {}
  return typeof body.url === 'string' && URL.canParse(body.url) ? body.url : undefined
}

const finish = (reply: FastifyReply, url: string | undefined): FastifyReply =>
  url === undefined ? sendPage(reply, oauthErrorPage('invalid_request')) : reply.redirect(url, 303)

function view(asked: Asked, session: SessionLookup, mistake?: string) {
  const { person, memberships, activeOrg } = session
  const organisations = memberships.toSorted(
    (a, b) => Number(b.org === activeOrg) - Number(a.org === activeOrg),
  )
  const scopes = asked.scopes.flatMap((scope) => {
    const meaning = OAUTH_SCOPES[scope]
    return meaning === undefined ? [] : [{ scope, meaning }]
  })
  const days = CONSENT_SECONDS / 86_400
  const { oauthQuery, clientName, redirectTo } = asked
  return consentPage({ oauthQuery, clientName, redirectTo, person, organisations, scopes, days, mistake })
}
