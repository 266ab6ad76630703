import { fail } from './errors.ts'

/** Deepest nesting of a JSON-RPC body; ours need fewer than ten levels, and validators recurse. */
const MAX_DEPTH = 64
/** Messages in one batch (revision 2025-03-26 only); each is a call of its own. */
const MAX_BATCH = 16

/**
 * The text and the value of a JSON-RPC body. Refuses with `malformed-request` what is not UTF-8, not JSON, nested
 * too deeply or a batch too long.
 */
export function parseBody(body: unknown): { text: string; value: unknown } {
  const text = decode(body)
  const value = parse(text)
  if (depthExceeds(value, MAX_DEPTH)) {
    fail('malformed-request', `The body is nested deeper than ${MAX_DEPTH} levels.`)
  }
  if (Array.isArray(value) && value.length > MAX_BATCH) {
    fail('malformed-request', `A batch holds at most ${MAX_BATCH} messages.`)
  }
  return { text, value }
}

function decode(body: unknown): string {
  if (!Buffer.isBuffer(body) || body.length === 0) fail('malformed-request', 'The body is empty.')
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    fail('malformed-request', 'The body is not valid UTF-8.')
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    fail('malformed-request', 'The body is not valid JSON.')
  }
}

/** Walks level by level, so that a hostile nesting cannot exhaust the stack here. */
function depthExceeds(value: unknown, limit: number): boolean {
  let level = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > limit) return true
    level = level.flatMap((item) => (item !== null && typeof item === 'object' ? Object.values(item) : []))
  }
  return false
}
