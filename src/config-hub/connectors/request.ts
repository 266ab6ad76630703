import type { IncomingHttpHeaders } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { PrivateAddressError } from '../../outgoing/addresses.ts'
import { type Bucket, LONGEST_PAUSE_MS, Paused } from '../../outgoing/bucket.ts'
import { ConnectorError, type ConnectorErrorKind } from './connector.ts'
import { exchange, TooLarge, urlOf } from './exchange.ts'

export type Reply = {
  status: number
  headers: IncomingHttpHeaders
  /** Undefined where the answer is no JSON. */
  body: unknown
  /** An earlier attempt of the same request may have happened already. */
  uncertain: boolean
}

export type Place = {
  /** Requests go below it and nowhere else. */
  baseUrl: string
  headers: Record<string, string>
  bucket: Bucket
  /** What the bucket lets through. */
  requestsPerSecond?: number | undefined
  concurrency: number
  /** How often a request is made in all. */
  attempts: number
  /** Of one attempt, from its turn to the end of its answer. */
  timeoutMs: number
  maxBytes: number
  allowPrivate: boolean
  /** Between 0 and 1. */
  random: () => number
}

export type Asked = {
  method: string
  /** Below the base URL, with its query; or a whole URL below it, as next links are. */
  path: string
  body?: unknown
  headers?: Record<string, string>
  /** Happens once however often it is sent: reads, idempotent writes, writes under a key. */
  repeatable: boolean
  /** The place answers a repetition like the first one (an idempotency key). */
  keyed?: boolean
  signal?: AbortSignal | undefined
}

export const PLACE_DEFAULTS = {
  attempts: 5,
  timeoutMs: 30_000,
  maxBytes: 16 * 1_048_576,
  concurrency: 8,
  random: Math.random,
} as const

const BACKOFF_MS = { first: 250, most: 8_000 }

/**
 * One request to a place. What did not happen is sent again, what may have happened only if it is `repeatable`: after
 * Retry-After where the place said so, which pauses everybody who asks it, else after growing, jittered pauses; no new
 * attempt begins after 60 s. Answers 2xx, 400, 404, 409, 410, 412 and 422. Errors: ConnectorError, which repeats nothing
 * that the place answered; the signal's reason where that aborts before anything was sent.
 */
export async function send(place: Place, asked: Asked): Promise<Reply> {
  const sending = { mayHaveHappened: false }
  try {
    const reply = await repeated(place, asked, sending)
    return { ...reply, uncertain: sending.mayHaveHappened && asked.keyed !== true }
  } catch (error) {
    // whatever stopped the last attempt, an earlier one may have happened
    if (sending.mayHaveHappened) throw unknown()
    throw error
  }
}

const unknown = () =>
  new ConnectorError('unavailable', 'The place may have done it: its answer did not arrive.', {
    unknown: true,
  })

export type Answer = Omit<Reply, 'uncertain'>

async function repeated(place: Place, asked: Asked, sending: { mayHaveHappened: boolean }): Promise<Answer> {
  const ends = performance.now() + LONGEST_PAUSE_MS
  for (let attempt = 1; ; attempt++) {
    const failure = await attempted(place, asked)
    if (!(failure instanceof ConnectorError)) return failure
    sending.mayHaveHappened ||= failure.unknown
    // an instant that is over by now is no pause
    const pause = failure.retryAt
      ? Math.max(0, failure.retryAt.getTime() - Date.now())
      : backoff(attempt, place.random)
    if (failure.kind === 'limited' && failure.retryAt) place.bucket.pause(pause)
    const repeats = REPEATED.has(failure.kind) && (!failure.unknown || asked.repeatable)
    if (!repeats || attempt >= place.attempts || performance.now() + pause > ends) throw failure
    await sleep(Math.max(0, pause), undefined, asked.signal ? { signal: asked.signal } : {})
  }
}

/** It may go better another time. */
const REPEATED: ReadonlySet<ConnectorErrorKind> = new Set(['limited', 'unavailable'])

/** Full jitter (Brooker 2015): anything up to a bound that doubles. */
const backoff = (attempt: number, random: () => number): number =>
  random() * Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** attempt)

async function attempted(place: Place, asked: Asked): Promise<Answer | ConnectorError> {
  const release = await place.bucket.take(asked.signal).catch((error) => {
    throw error instanceof Paused
      ? new ConnectorError('limited', error.message, { retryAt: error.retryAt })
      : error
  })
  try {
    const reply = await once(place, asked)
    return failureOf(reply, asked) ?? reply
  } catch (error) {
    if (error instanceof ConnectorError) return error
    throw error
  } finally {
    release()
  }
}

const isRead = ({ method }: Asked): boolean => method === 'GET'
const ANSWERED = new Set([400, 404, 409, 410, 412, 422])
/** The server says that it did not take the request on (RFC 9110, RFC 8470). */
const NOT_TAKEN = new Set([408, 425])
const NEVER_TAKEN = new Set([501, 505])

function failureOf({ status, headers }: Answer, asked: Asked): ConnectorError | undefined {
  const retryAt = retryAfter(headers)
  if (status === 429 || (retryAt && (status === 503 || status === 409)))
    return new ConnectorError('limited', 'The place asked for a pause.', { retryAt })
  if ((status >= 200 && status < 300) || ANSWERED.has(status)) return undefined
  if (status === 401 || status === 403)
    return new ConnectorError('unauthorized', 'The place refuses the credential.')
  if (NOT_TAKEN.has(status)) return new ConnectorError('unavailable', `The place answers ${status}.`)
  if (status >= 500 && !NEVER_TAKEN.has(status))
    return isRead(asked) ? new ConnectorError('unavailable', `The place answers ${status}.`) : unknown()
  // 303 is the answer to a write that was done
  if (status === 303 && !isRead(asked)) return unknown()
  if (status < 400) return new ConnectorError('invalid', 'The place redirects elsewhere.')
  return new ConnectorError('invalid', `The place answers ${status}.`)
}

/** Seconds or a date (RFC 9110, 10.2.3). */
function retryAfter(headers: IncomingHttpHeaders): Date | undefined {
  const text = headers['retry-after']
  if (text === undefined) return undefined
  const at = new Date(/^\d+$/.test(text) ? Date.now() + Number(text) * 1000 : Date.parse(text))
  return Number.isNaN(at.getTime()) ? undefined : at
}

async function once(place: Place, asked: Asked): Promise<Answer> {
  const url = urlOf(place, asked.path)
  const timeout = AbortSignal.timeout(place.timeoutMs)
  const signal = asked.signal ? AbortSignal.any([asked.signal, timeout]) : timeout
  const sent = { whole: false }
  try {
    return await exchange(place, asked, url, signal, sent)
  } catch (error) {
    throw asConnectorError(error, asked, sent.whole)
  }
}

function asConnectorError(error: unknown, asked: Asked, sent: boolean): unknown {
  const mayHaveHappened = sent && !isRead(asked)
  if (error instanceof TooLarge && !mayHaveHappened) return new ConnectorError('invalid', error.message)
  if (error instanceof PrivateAddressError)
    return new ConnectorError(
      'invalid',
      'The place has a private address, which this deployment does not allow.',
    )
  if (mayHaveHappened) return unknown()
  if (asked.signal?.aborted) return asked.signal.reason
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ERR_INVALID_CHAR')
    return new ConnectorError('unauthorized', 'The credential has characters that no header can carry.')
  return new ConnectorError('unavailable', 'The place cannot be reached.')
}

const KINDS: Record<number, ConnectorErrorKind> = {
  404: 'not-found',
  409: 'conflict',
  410: 'not-found',
  412: 'stale',
}

/** The reply if it is good. `missing` is what 404 and 410 mean, `conflict` what 409; `more` is told with the status. */
export function refused(
  reply: Reply,
  {
    missing = 'not-found' as ConnectorErrorKind,
    conflict = 'conflict' as ConnectorErrorKind,
    more = '',
  } = {},
): Reply {
  const { status, uncertain } = reply
  if (status < 300) return reply
  if (uncertain) throw unknown()
  const kind = KINDS[status] ?? 'invalid'
  const means = kind === 'not-found' ? missing : kind === 'conflict' ? conflict : kind
  throw new ConnectorError(means, `The place answers ${status}${more}.`)
}

/** What follows a write that was done: whatever fails there, the write may not be sent again. */
export async function afterWrite<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof ConnectorError && error.kind !== 'unfinished' ? unknown() : error
  }
}

/** What belongs to a write that has begun: a refusal that stays one is told as such, with what was done before. */
export async function completing(work: () => Promise<Reply>, done = 'It was written'): Promise<Reply> {
  try {
    const reply = await work()
    if (reply.status < 300) return reply
    if (reply.uncertain) throw unknown()
    throw new ConnectorError('unfinished', `${done}, and the place answers ${reply.status} after that.`)
  } catch (error) {
    if (!(error instanceof ConnectorError) || !FINAL.has(error.kind)) throw error
    throw new ConnectorError('unfinished', `${done}, and then: ${error.message}`)
  }
}
const FINAL: ReadonlySet<ConnectorErrorKind> = new Set(['invalid', 'unauthorized', 'conflict', 'stale'])
