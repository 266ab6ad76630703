import { Refused, Unreachable } from '../cli/exit.ts'
import type { Operation } from './define.ts'
import { actionLiteral } from './define.ts'

export type Target = {
  url: string
  key?: string
  session?: string
  idempotencyKey?: string
  artistId?: string
}

/** An operation's HTTP request from its input: path parameters by name, query for GET, JSON body otherwise. */
export function requestOf(
  operation: Operation,
  input: Record<string, unknown>,
  artistId?: string,
): { method: string; path: string; body?: string } {
  const { method, path } = operation.http
  const rest = { ...input }
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = rest[name]
    delete rest[name]
    return encodeURIComponent(String(value ?? ''))
  })
  const query = new URLSearchParams(artistId ? { artistId } : {})
  if (method === 'GET') for (const [name, value] of Object.entries(rest)) query.set(name, String(value))
  const search = query.size > 0 ? `?${query}` : ''
  if (method === 'GET') return { method, path: `${filled}${search}` }
  const action = actionLiteral(operation)
  return {
    method,
    path: `${filled}${search}`,
    body: JSON.stringify({ ...(action ? { action } : {}), ...rest }),
  }
}

/** Calls an operation of a running server. Throws `Refused` with the problem, `Unreachable` when nothing answers. */
export async function callOperation(
  operation: Operation,
  input: Record<string, unknown>,
  target: Target,
): Promise<Record<string, unknown>> {
  const { method, path, body } = requestOf(operation, input, target.artistId)
  const headers: Record<string, string> = {
    ...(body ? { 'content-type': 'application/json' } : {}),
    ...(target.key ? { authorization: `Bearer ${target.key}` } : {}),
    ...(target.session ? { 'agent-session-id': target.session } : {}),
    ...(target.idempotencyKey ? { 'idempotency-key': target.idempotencyKey } : {}),
  }
  const response = await fetch(`${target.url}${path}`, { method, headers, ...(body ? { body } : {}) }).catch(
    (error: unknown) => {
      throw new Unreachable(target.url, error)
    },
  )
  const answer = (await response.json().catch(() => ({ detail: `HTTP ${response.status}` }))) as Record<
    string,
    unknown
  >
  if (!response.ok) throw new Refused(answer)
  return answer
}
