import type { FastifyReply, FastifyRequest } from 'fastify'
import { fail } from '../operation/errors.ts'
import type { Access } from './auth.ts'
import { AUTH_PATH } from './origins.ts'

/** Set here from the connection's address; whatever a client sends under this name is dropped. */
export const CLIENT_ADDRESS_HEADER = 'x-countersign-client-address'

/**
 * What of better-auth is served. A closed list, so that a plugin's other endpoints (its key and consent management,
 * which know nothing of our keys and grants) stay closed, also those that a new release brings.
 */
const SERVED: Readonly<Record<string, readonly string[]>> = {
  '/ok': ['GET'],
  '/sign-in/email': ['POST'],
  '/sign-out': ['POST'],
  '/get-session': ['GET'],
  '/revoke-other-sessions': ['POST'],
  '/change-password': ['POST'],
  '/organization/list': ['GET'],
  '/organization/set-active': ['POST'],
  '/oauth2/authorize': ['GET'],
  '/oauth2/register': ['POST'],
  '/oauth2/token': ['POST'],
  '/oauth2/revoke': ['POST'],
  '/.well-known/oauth-authorization-server': ['GET', 'HEAD'],
}

/** The path below better-auth's mount. Errors: not-found, method-not-allowed. */
export function servedPath(request: FastifyRequest): string {
  const [pathname = ''] = request.url.split('?')
  const path = pathname.slice(AUTH_PATH.length)
  const methods = Object.hasOwn(SERVED, path) ? SERVED[path] : undefined
  if (!methods) return fail('not-found', 'There is no such endpoint.')
  if (!methods.includes(request.method))
    fail('method-not-allowed', {
      detail: `${path} does not take ${request.method}.`,
      headers: { allow: methods.join(', ') },
    })
  return path
}

export type Forwarded = {
  url?: string
  method?: string
  headers?: Record<string, string>
  body?: string | Buffer
}

/** Hands a request to better-auth, changed where told, and answers its response. */
export async function forward(
  access: Access,
  request: FastifyRequest,
  changes: Forwarded = {},
): Promise<Response> {
  const method = changes.method ?? request.method
  const body = changes.body ?? (request.body as Buffer | undefined)
  const auth = await access.auth()
  return auth.handler(
    new Request(new URL(changes.url ?? request.url, access.origin()), {
      method,
      headers: headersFor(request, changes.headers),
      ...(method === 'GET' || method === 'HEAD' || !body?.length
        ? {}
        : { body: typeof body === 'string' ? body : new Uint8Array(body) }),
    }),
  )
}

function headersFor(request: FastifyRequest, changed: Record<string, string> = {}): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(request.headers)) {
    if (value === undefined || name === 'content-length' || name === 'transfer-encoding') continue
    headers.set(name, Array.isArray(value) ? value.join(', ') : value)
  }
  for (const [name, value] of Object.entries(changed)) headers.set(name, value)
  headers.set(CLIENT_ADDRESS_HEADER, request.ip)
  return headers
}

/** better-auth repeats in JSON what its cookie says; scripts of a page need not see it. */
const CARRY_TOKEN = ['/sign-in/email', '/get-session']

/** The body without the session's token, where better-auth puts it. */
async function bodyOf(response: Response, path?: string): Promise<Buffer> {
  const body = Buffer.from(await response.arrayBuffer())
  if (!response.ok || path === undefined || !CARRY_TOKEN.includes(path)) return body
  const shown = JSON.stringify(JSON.parse(body.toString('utf8')), (name, value: unknown) =>
    name === 'token' ? undefined : value,
  )
  return Buffer.from(shown)
}

/**
 * Sends better-auth's response to the request for `path` on; its failures become ours, which say nothing of their
 * cause.
 */
export async function sendResponse(
  reply: FastifyReply,
  response: Response,
  path?: string,
): Promise<FastifyReply> {
  if (response.status >= 500) throw new Error(`better-auth answered ${response.status}`)
  reply.code(response.status)
  for (const [name, value] of response.headers)
    if (name !== 'set-cookie' && name !== 'content-length') reply.header(name, value)
  passCookies(reply, response)
  const retryAfter = response.headers.get('x-retry-after')
  if (retryAfter) reply.header('retry-after', retryAfter)
  return reply.send(await bodyOf(response, path))
}

export function passCookies(reply: FastifyReply, response: Response): void {
  const cookies = response.headers.getSetCookie()
  if (cookies.length > 0) reply.header('set-cookie', cookies)
}
