import { Refused, Unreachable } from '../cli/exit.ts'
import type { Operation } from './define.ts'
import { actionLiteral, fixedQuery } from './define.ts'
import { fail } from './errors.ts'

export type Target = {
  url: string
  key?: string
  session?: string
  idempotencyKey?: string
  /** `<approval id> <planDigest>`, where the route takes no envelope. */
  approval?: string
  artistId?: string
}

export type CliRequest = { method: string; path: string; headers: Record<string, string>; body?: string }

/**
 * An operation's HTTP request from its input: path parameters and headers by name, query where there is no body or the
 * body is one input, JSON body otherwise. Errors: validation-failed for a path parameter that is missing; the rest is
 * for the server to say.
 */
export function requestOf(
  operation: Operation,
  input: Record<string, unknown>,
  artistId?: string,
): CliRequest {
  const { method, path, body: whole, headers: inHeaders = {} } = operation.http
  const rest = { ...input }
  const take = (name: string): unknown => {
    const value = rest[name]
    delete rest[name]
    return value
  }
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = take(name)
    if (value === undefined || value === null || value === '')
      fail('validation-failed', {
        detail: `${operation.id} takes ${name}.`,
        errors: [{ pointer: `/${name}`, message: 'is required' }],
      })
    return encodeURIComponent(String(value))
  })
  const headers = Object.fromEntries(
    Object.entries(inHeaders).flatMap(([header, field]) => {
      const value = take(field)
      if (value === undefined || value === false) return []
      return [[header, value === true ? '*' : `"${value}"`]]
    }),
  )
  const document = whole === undefined ? undefined : take(whole)
  const inQuery = method === 'GET' || method === 'DELETE' || whole !== undefined
  const query = new URLSearchParams({ ...(artistId ? { artistId } : {}), ...fixedQuery(operation.http) })
  if (inQuery) for (const [name, value] of Object.entries(rest)) query.set(name, String(value))
  const at = `${filled}${query.size > 0 ? `?${query}` : ''}`
  if (whole !== undefined && document !== undefined)
    return { method, path: at, headers, body: JSON.stringify(document) }
  if (inQuery) return { method, path: at, headers }
  const action = actionLiteral(operation)
  return { method, path: at, headers, body: JSON.stringify({ ...(action ? { action } : {}), ...rest }) }
}

/** Calls an operation of a running server. Throws `Refused` with the problem, `Unreachable` when nothing answers. */
export async function callOperation(
  operation: Operation,
  input: Record<string, unknown>,
  target: Target,
): Promise<Record<string, unknown>> {
  const { method, path, body, headers: own } = requestOf(operation, input, target.artistId)
  const headers: Record<string, string> = {
    ...own,
    ...(body ? { 'content-type': 'application/json' } : {}),
    ...(target.key ? { authorization: `Bearer ${target.key}` } : {}),
    ...(target.session ? { 'agent-session-id': target.session } : {}),
    ...(target.idempotencyKey ? { 'idempotency-key': target.idempotencyKey } : {}),
    ...(target.approval ? { 'countersign-approval': target.approval } : {}),
  }
  const signal = AbortSignal.timeout(ANSWER_WITHIN_MS)
  try {
    const response = await fetch(`${target.url}${path}`, {
      method,
      headers,
      signal,
      ...(body ? { body } : {}),
    })
    const answer = (await response.json()) as Record<string, unknown>
    if (response.ok) return answer
    throw new Refused(answer)
  } catch (error) {
    // what is not JSON was answered by something else
    throw error instanceof Refused ? error : new Unreachable(target.url, error)
  }
}

/** 60 s: twice what a proxy waits for an answer by custom. */
const ANSWER_WITHIN_MS = 60_000
