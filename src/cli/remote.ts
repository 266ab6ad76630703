import type { Command } from 'commander'
import { callOperation, type Target } from '../operation/cli.ts'
import type { Operation } from '../operation/define.ts'
import { Problem } from '../operation/errors.ts'
import { serverUrl } from './call.ts'

/** What every command that asks a running server may be given. */
export type Given = { key?: string; url?: string }
export type Call = <T = Record<string, unknown>>(id: string, input: Record<string, unknown>) => Promise<T>

/** Commands of one group that are answered by a running server. */
export type Remote = {
  command(line: string, description: string): Command
  target(given: Given): Target
  /** Calls operations by id. Errors: `Refused`, `Unreachable`, not-found for an operation of another release. */
  calling(given: Given, more?: Pick<Target, 'session' | 'approval' | 'idempotencyKey'>): Call
}

export function remoteCommands(
  group: Command,
  operations: readonly Operation[],
  env: NodeJS.ProcessEnv,
): Remote {
  const target = ({ key, url }: Given): Target => ({
    url: (url ?? serverUrl(env)).replace(/\/$/, ''),
    key: key ?? env.COUNTERSIGN_KEY,
  })
  return {
    target,
    command: (line, description) =>
      group
        .command(line)
        .description(description)
        .option('--key <bearer>', 'the credential (or COUNTERSIGN_KEY)')
        .option('--url <origin>', 'the server (or COUNTERSIGN_URL)'),
    calling:
      (given, more = {}) =>
      (id, input) =>
        callOperation(named(operations, id), input, { ...target(given), ...more }) as Promise<never>,
  }
}

export function named(operations: readonly Operation[], id: string): Operation {
  const operation = operations.find((each) => each.id === id)
  if (operation) return operation
  throw new Problem('not-found', { detail: `This release has no operation ${id}.` })
}

/** Asks every page of a list, as far as a limit. */
export async function pages<T>(
  call: Call,
  id: string,
  input: Record<string, unknown>,
  limit = Number.POSITIVE_INFINITY,
): Promise<T[]> {
  const results: T[] = []
  let cursor: string | undefined
  do {
    const size = Math.min(limit - results.length, 100)
    const page = await call<{ results: T[]; next_cursor?: string }>(id, {
      ...input,
      size,
      ...(cursor === undefined ? {} : { cursor }),
    })
    results.push(...page.results)
    cursor = page.next_cursor
  } while (cursor !== undefined && results.length < limit)
  return results
}

/** A whole number above 0, as an option gives it. */
export function count(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new Problem('validation-failed', { detail: `${text} is not a number above 0.` })
}

/** `type:id`, the id as it is, further colons too. */
export function resource(text: string): { type: string; id: string } {
  const at = text.indexOf(':')
  if (at > 0 && at < text.length - 1) return { type: text.slice(0, at), id: text.slice(at + 1) }
  throw new Problem('validation-failed', { detail: `${text} is not of the form type:id.` })
}
