import http from 'node:http'
import https from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { guardedLookup, PrivateAddressError, refuseLiteral } from './addresses.ts'
import type { Bucket } from './bucket.ts'
import { ConnectorError } from './connector.ts'

export type Reply = { status: number; headers: http.IncomingHttpHeaders; body: unknown }

export type Place = {
  /** Requests go below it and nowhere else. */
  baseUrl: string
  headers: Record<string, string>
  bucket: Bucket
  /** How often a request is made in all; reads and guarded or repeatable writes only are repeated. */
  attempts: number
  timeoutMs: number
  maxBytes: number
  allowPrivate: boolean
  /** Between 0 and 1. */
  random: () => number
}

export type Asked = {
  method: string
  /** Below the base URL, with its query; or a whole URL of the same origin, as next links are. */
  path: string
  body?: unknown
  headers?: Record<string, string>
  /** False for a request that must not happen twice. */
  repeatable: boolean
  signal?: AbortSignal
}

export const PLACE_DEFAULTS = {
  attempts: 5,
  timeoutMs: 30_000,
  maxBytes: 16 * 1_048_576,
  random: Math.random,
} as const

/** Longer pauses than this are the caller's to decide on. */
const LONGEST_PAUSE_MS = 120_000
const BACKOFF_MS = { first: 250, most: 8_000 }

/**
 * One request to a place, repeated while that is safe: 429 and 503 as Retry-After says, other failures of the server
 * and of the connection after growing, jittered pauses. Answers any status below 500 but 401, 403 and 429. Errors:
 * ConnectorError, which never repeats what the place answered.
 */
export async function send(place: Place, asked: Asked): Promise<Reply> {
  for (let attempt = 1; ; attempt++) {
    await place.bucket.take(asked.signal)
    try {
      return accepted(await once(place, asked))
    } catch (error) {
      const failure = asConnectorError(error, asked)
      const limited = failure.kind === 'limited'
      const mayRepeat = limited || (failure.kind === 'unavailable' && (asked.repeatable || !failure.unknown))
      if (!mayRepeat || attempt >= place.attempts) throw failure
      const pause = failure.retryAfterMs ?? backoff(attempt, place.random)
      if (pause > LONGEST_PAUSE_MS) throw failure
      if (failure.retryAfterMs !== undefined) place.bucket.pause(pause)
      await sleep(pause, undefined, asked.signal ? { signal: asked.signal } : {})
    }
  }
}

/** Full jitter (Brooker 2015): anything up to a bound that doubles. */
const backoff = (attempt: number, random: () => number): number =>
  random() * Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** attempt)

function accepted(reply: Reply): Reply {
  const { status, headers } = reply
  if (status < 300 || [304, 404, 409, 410, 412, 422, 400].includes(status)) return reply
  const options = { status, ...retryAfter(headers) }
  if (status === 401 || status === 403)
    throw new ConnectorError('unauthorized', 'The place refuses the credential.', options)
  if (status === 429) throw new ConnectorError('limited', 'The place asks for a pause.', options)
  if (status === 503 && options.retryAfterMs !== undefined)
    throw new ConnectorError('limited', 'The place asks for a pause.', options)
  if (status >= 500)
    throw new ConnectorError('unavailable', 'The place failed.', { ...options, unknown: true })
  if (status < 400) throw new ConnectorError('invalid', 'The place redirects elsewhere.', options)
  throw new ConnectorError('invalid', `The place answers ${status}.`, options)
}

/** Seconds or a date (RFC 9110, 10.2.3). */
function retryAfter(headers: http.IncomingHttpHeaders): { retryAfterMs?: number } {
  const text = headers['retry-after']
  if (text === undefined) return {}
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now()
  return Number.isFinite(ms) ? { retryAfterMs: Math.max(0, ms) } : {}
}

function asConnectorError(error: unknown, { signal }: Asked): ConnectorError {
  if (signal?.aborted) throw signal.reason
  if (error instanceof ConnectorError) return error
  if (error instanceof PrivateAddressError)
    return new ConnectorError(
      'invalid',
      'The place has a private address, which this deployment does not allow.',
    )
  // refused connections and unknown names never reached anybody; anything else may have
  const { code } = error as NodeJS.ErrnoException
  const unknown = !['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'].includes(
    code ?? '',
  )
  return new ConnectorError('unavailable', 'The place cannot be reached.', { unknown })
}

/** The URL of a path below the base; a whole URL must be of the same origin. */
function urlOf(place: Place, path: string): URL {
  const base = new URL(place.baseUrl)
  const url = /^https?:\/\//.test(path)
    ? new URL(path)
    : new URL(`${base.href.replace(/\/$/, '')}${path.startsWith('/') ? '' : '/'}${path}`)
  if (url.origin !== base.origin) throw new ConnectorError('invalid', 'The place points to another origin.')
  return url
}

function once(place: Place, asked: Asked): Promise<Reply> {
  const url = urlOf(place, asked.path)
  refuseLiteral(url, place.allowPrivate)
  const body = asked.body === undefined ? undefined : JSON.stringify(asked.body)
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? https : http).request(url, {
      method: asked.method,
      headers: {
        accept: 'application/json',
        'accept-encoding': 'identity',
        'user-agent': 'countersign',
        ...place.headers,
        ...(body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
        ...asked.headers,
      },
      lookup: guardedLookup(place.allowPrivate),
      signal: asked.signal
        ? AbortSignal.any([asked.signal, AbortSignal.timeout(place.timeoutMs)])
        : AbortSignal.timeout(place.timeoutMs),
    })
    request.on('error', reject)
    request.on('response', (response) => {
      readBody(response, place.maxBytes).then(
        (text) =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: parsed(text) }),
        reject,
      )
    })
    request.end(body)
  })
}

async function readBody(response: http.IncomingMessage, most: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > most) {
      response.destroy()
      throw new ConnectorError('invalid', `The place answers more than ${most} bytes.`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** What is no JSON is nothing: error pages of proxies, empty answers. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
