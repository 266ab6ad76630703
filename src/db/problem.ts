import { Problem } from '../operation/errors.ts'

/** SQLSTATEs (and socket errors) that say something of the moment rather than of a defect. */
const MEANINGS: Record<string, () => Problem> = {
  // lock_not_available: waited lock_timeout for a row or a key that another request holds
  '55P03': () =>
    new Problem('idempotency-in-flight', {
      detail: 'Another request holds what this one needs.',
      headers: { 'retry-after': '1' },
    }),
  // character_not_in_repertoire: U+0000 in a text that no schema of ours checked
  '22021': () =>
    new Problem('malformed-request', { detail: 'The request contains characters that cannot be stored.' }),
  // deadlock_detected, serialization_failure: nothing was written
  '40P01': () => unavailable('The request met another one; nothing was written.'),
  '40001': () => unavailable('The request met another one; nothing was written.'),
  // admin_shutdown, crash_shutdown, cannot_connect_now, too_many_connections
  '57P01': () => unavailable('The database is restarting.'),
  '57P02': () => unavailable('The database is restarting.'),
  '57P03': () => unavailable('The database is starting.'),
  '53300': () => unavailable('The database has no free connection.'),
  ECONNREFUSED: () => unavailable('The database is not reachable.'),
  ECONNRESET: () => unavailable('The connection to the database broke.'),
  ENOENT: () => unavailable('The database is not reachable.'),
}

const unavailable = (detail: string): Problem =>
  new Problem('unavailable', { detail, headers: { 'retry-after': '1' } })

/** The problem that a database error stands for, or undefined when it is a defect. */
export function databaseProblem(error: unknown): Problem | undefined {
  const code = (error as { code?: unknown } | null)?.code
  if (typeof code !== 'string' || error instanceof Problem) return undefined
  return MEANINGS[code]?.()
}
