import http from 'node:http'
import https from 'node:https'
import { Webhook } from 'standardwebhooks'
import type { Deps } from '../deps.ts'
import { guardedLookup, PrivateAddressError, refuseLiteral } from '../outgoing/addresses.ts'
import { type Outcome, outcomeOf, retryAfter } from './rules.ts'
import type { Subscription } from './store.ts'

/** From the look-up of the name to the status line of the answer. */
const TIMEOUT_MS = 15_000

export type Sent = { outcome: Outcome; statusCode: number | null; retryAfterMs?: number | undefined }

/** The signatures of a message: one for each secret that is valid, the newest first. */
export function signaturesOf(
  { sealing }: Pick<Deps, 'sealing'>,
  subscription: Pick<Subscription, 'secret' | 'previousSecret' | 'previousUntil'>,
  message: { id: string; at: Date; body: string },
): string {
  const { secret, previousSecret, previousUntil } = subscription
  const overlaps = previousSecret && previousUntil && previousUntil > message.at
  const secrets = overlaps ? [secret, previousSecret] : [secret]
  return secrets
    .map((sealed) => new Webhook(sealing.unseal(sealed)).sign(message.id, message.at, message.body))
    .join(' ')
}

/**
 * One attempt, signed as Standard Webhooks has it. Only the status line and Retry-After of the answer count: redirects
 * are not followed and no body is read. Rejects only with the signal's reason when that aborts.
 */
export async function send(
  deps: Deps,
  subscription: Subscription,
  { id, body }: { id: string; body: string },
  signal: AbortSignal,
): Promise<Sent> {
  const at = deps.clock()
  const timeout = AbortSignal.timeout(deps.triggers?.timeoutMs ?? TIMEOUT_MS)
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'user-agent': 'countersign',
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': signaturesOf(deps, subscription, { id, at, body }),
  }
  try {
    const either = AbortSignal.any([signal, timeout])
    const answer = await statusOf(deps, new URL(subscription.url), headers, body, either)
    return {
      outcome: outcomeOf(answer.statusCode),
      statusCode: answer.statusCode,
      retryAfterMs: retryAfter(answer.retryAfter, at),
    }
  } catch (error) {
    signal.throwIfAborted()
    if (timeout.aborted) return { outcome: 'timeout', statusCode: null }
    const refused = error instanceof PrivateAddressError
    return { outcome: refused ? 'private-address' : 'unreachable', statusCode: null }
  }
}

async function statusOf(
  deps: Deps,
  url: URL,
  headers: http.OutgoingHttpHeaders,
  body: string,
  signal: AbortSignal,
): Promise<{ statusCode: number; retryAfter: string | undefined }> {
  const allowPrivate = deps.config.allowPrivateTriggers ?? false
  refuseLiteral(url, allowPrivate)
  const lookup = guardedLookup(allowPrivate, deps.triggers?.resolver)
  return new Promise((resolve, reject) => {
    const options: http.RequestOptions = {
      method: 'POST',
      headers,
      signal,
      lookup,
      // a connection of its own, so that its address was looked up and checked for this attempt
      agent: false,
    }
    const request = (url.protocol === 'https:' ? https : http).request(url, options, (response) => {
      resolve({ statusCode: response.statusCode ?? 0, retryAfter: response.headers['retry-after'] })
      response.destroy()
    })
    // after the answer too: cutting it off may be told as an error
    request.on('error', reject)
    request.end(body)
  })
}
