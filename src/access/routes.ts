import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { oauthErrorPage } from '../pages/consent.ts'
import { sendPage } from '../pages/layout.ts'
import { safeNext, signedInPage, signInPage } from '../pages/sign-in.ts'
import type { Access } from './auth.ts'
import { currentPerson, refuseForeignPage } from './authenticate.ts'
import { answerConsent, showConsent } from './consent.ts'
import { forward, passCookies, sendResponse, servedPath } from './forward.ts'
import { bearerHash, REFRESH_TOKEN_PREFIX } from './ids.ts'
import { dropDeadRefreshToken } from './keys-store.ts'
import { CONSENT_PAGE, OAUTH_ERROR_PAGE, SIGN_IN_PAGE } from './oauth.ts'
import { AUTH_PATH, allowsOAuth, MCP_PATH, originFor } from './origins.ts'
import { OAUTH_SCOPES } from './scopes.ts'

/** Far above a sign-in or a client registration. */
const BODY_LIMIT = 65_536

const RESOURCE_METADATA = '/.well-known/oauth-protected-resource'
const SERVER_METADATA = '/.well-known/oauth-authorization-server'

/** Endpoints that clients in browsers of other origins use; none of them looks at a cookie. */
const OPEN_TO_ORIGINS = ['/oauth2/register', '/oauth2/token', '/oauth2/revoke', SERVER_METADATA]

/**
 * Mounts better-auth's endpoints under /api/auth, the OAuth metadata, and the pages for signing in and for consent,
 * in a scope of their own: bodies are passed on as they come.
 */
export async function registerAccessRoutes(app: FastifyInstance, access: Access): Promise<void> {
  app.addHook('onListen', async () => {
    const address = app.server.address()
    if (address && typeof address === 'object') access.listensOn(address.port)
  })
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    const limit = { parseAs: 'buffer' as const, bodyLimit: BODY_LIMIT }
    scope.addContentTypeParser('*', limit, (_request, body, done) => done(null, body))
    mountBetterAuth(scope, access)
    mountMetadata(scope, access)
    mountPages(scope, access)
  })
}

function mountBetterAuth(scope: FastifyInstance, access: Access): void {
  scope.options(`${AUTH_PATH}/*`, (request, reply) => {
    if (OPEN_TO_ORIGINS.some((path) => request.url === AUTH_PATH + path)) allowAnyOrigin(reply)
    return reply.code(204).send()
  })
  const pass = async (request: FastifyRequest, reply: FastifyReply) => {
    const path = servedPath(request)
    if (OPEN_TO_ORIGINS.includes(path)) allowAnyOrigin(reply)
    if (path === '/oauth2/token') await refuseDeadRefresh(access, request)
    const changes =
      path === '/oauth2/authorize' ? { url: asConsentRequest(request.url), headers: NAVIGATION } : {}
    return sendResponse(reply, await forward(access, request, changes), path)
  }
  scope.route({ method: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'], url: `${AUTH_PATH}/*`, handler: pass })
}

/** better-auth answers scripts with JSON instead of a redirect; an authorization request is a navigation. */
const NAVIGATION = { accept: 'text/html', 'sec-fetch-mode': 'navigate' }

/**
 * Asks the person each time: public clients cannot prove who they are, so an earlier consent does not stand for the
 * next request (RFC 9700 4.13, RFC 8252 8.6). And asks for refresh tokens, which a consent of 30 days means and which
 * many clients do not name.
 */
function asConsentRequest(url: string): string {
  const [path, search] = url.split('?', 2)
  const query = new URLSearchParams(search)
  const prompts = wordsOf(query.get('prompt')).filter((prompt) => prompt !== 'none')
  query.set('prompt', [...new Set([...prompts, 'consent'])].join(' '))
  const scopes = wordsOf(query.get('scope'))
  if (scopes.length > 0) query.set('scope', [...new Set([...scopes, 'offline_access'])].join(' '))
  return `${path}?${query}`
}

const wordsOf = (text: string | null): string[] => (text ?? '').split(' ').filter((word) => word !== '')

async function refuseDeadRefresh(access: Access, request: FastifyRequest): Promise<void> {
  const token = new URLSearchParams(String(request.body ?? '')).get('refresh_token')
  if (!token?.startsWith(REFRESH_TOKEN_PREFIX)) return
  await dropDeadRefreshToken(access.db, bearerHash(token.slice(REFRESH_TOKEN_PREFIX.length)), access.clock())
}

/** RFC 9728 and RFC 8414. The resource answers to the name it was reached by, where that is one of ours. */
function mountMetadata(scope: FastifyInstance, access: Access): void {
  const resource = (request: FastifyRequest, reply: FastifyReply) => {
    if (!allowsOAuth(access.origin())) return reply.callNotFound()
    allowAnyOrigin(reply)
    return reply.send({
      resource: `${originFor(access.origin(), request.host)}${MCP_PATH}`,
      authorization_servers: [`${access.origin()}${AUTH_PATH}`],
      bearer_methods_supported: ['header'],
      scopes_supported: Object.keys(OAUTH_SCOPES),
      resource_name: 'Countersign',
    })
  }
  scope.get(RESOURCE_METADATA, resource)
  scope.get(`${RESOURCE_METADATA}${MCP_PATH}`, resource)
  const server = async (request: FastifyRequest, reply: FastifyReply) => {
    if (!allowsOAuth(access.origin())) return reply.callNotFound()
    allowAnyOrigin(reply)
    return sendResponse(reply, await forward(access, request, { url: `${SERVER_METADATA}${AUTH_PATH}` }))
  }
  // clients of the MCP revision 2025-03-26 look at the root
  scope.get(SERVER_METADATA, server)
  scope.get(`${SERVER_METADATA}${AUTH_PATH}`, server)
}

const allowAnyOrigin = (reply: FastifyReply): FastifyReply =>
  reply.headers({
    'access-control-allow-origin': '*',
    'access-control-allow-methods': 'GET, POST, OPTIONS',
    'access-control-allow-headers': 'authorization, content-type, mcp-protocol-version',
  })

function mountPages(scope: FastifyInstance, access: Access): void {
  scope.get(SIGN_IN_PAGE, async (request, reply) => {
    const session = await currentPerson(access, request)
    return sendPage(reply, signInPage({ next: nextOf(request), signedInAs: session?.person.name }))
  })
  scope.post(SIGN_IN_PAGE, (request, reply) => signIn(access, request, reply))
  scope.get('/signed-in', async (request, reply) => {
    const session = await currentPerson(access, request)
    return session ? sendPage(reply, signedInPage(session.person.name)) : reply.redirect(SIGN_IN_PAGE, 303)
  })
  scope.post('/sign-out', async (request, reply) => {
    refuseForeignPage(access, request.headers)
    const form = formOf(request)
    const url = `${AUTH_PATH}/sign-out`
    const response = await forward(access, request, { url, headers: jsonCall(access), body: '{}' })
    passCookies(reply, response)
    return reply.redirect(safeNext(form.get('next') ?? SIGN_IN_PAGE), 303)
  })
  scope.get(CONSENT_PAGE, (request, reply) => showConsent(access, request, reply))
  scope.post(CONSENT_PAGE, (request, reply) => answerConsent(access, request, reply))
  scope.get(OAUTH_ERROR_PAGE, (request, reply) => {
    const { error } = request.query as { error?: unknown }
    return sendPage(reply, oauthErrorPage(typeof error === 'string' ? error : 'unknown'))
  })
}

const jsonCall = (access: Access) => ({
  'content-type': 'application/json',
  accept: 'application/json',
  origin: access.origin(),
})

const formOf = (request: FastifyRequest): URLSearchParams => new URLSearchParams(String(request.body ?? ''))

async function signIn(access: Access, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  refuseForeignPage(access, request.headers)
  const form = formOf(request)
  const next = safeNext(form.get('next'))
  const email = (form.get('email') ?? '').trim()
  const response = await forward(access, request, {
    url: `${AUTH_PATH}/sign-in/email`,
    headers: jsonCall(access),
    body: JSON.stringify({ email, password: form.get('password') ?? '' }),
  })
  if (response.status >= 500) throw new Error(`better-auth answered a sign-in with ${response.status}`)
  if (response.ok) {
    passCookies(reply, response)
    return reply.redirect(next, 303)
  }
  if (response.status !== 429)
    return sendPage(reply, signInPage({ next, email, mistake: 'E-mail or password is wrong.', status: 401 }))
  reply.header('retry-after', response.headers.get('x-retry-after') ?? '60')
  const mistake = 'Too many attempts. Wait a minute and try again.'
  return sendPage(reply, signInPage({ next, email, mistake, status: 429 }))
}

/** After signing in: the path asked for, or the authorization request that led here, as it was. */
function nextOf(request: FastifyRequest): string {
  const query = new URLSearchParams(request.url.slice(request.url.indexOf('?') + 1))
  if (!query.has('client_id') || !query.has('sig')) return safeNext(query.get('next'))
  for (const name of [...query.keys()])
    if (name === 'sig' || name === 'exp' || name.startsWith('ba_')) query.delete(name)
  // both ask for a sign-in, which is what happens now
  query.delete('max_age')
  query.set('prompt', (query.get('prompt') ?? '').replaceAll(/\b(?:login|create)\b/g, '').trim())
  return `${AUTH_PATH}/oauth2/authorize?${query}`
}
