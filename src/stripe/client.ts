import { setTimeout as sleep } from 'node:timers/promises'
import Stripe from 'stripe'
import type { Deps } from '../deps.ts'
import { type Bucket, bucket, Paused } from '../outgoing/bucket.ts'
import type { StripeAccount } from './config.ts'
import { meaningOf, StripeFailure, StripeLimited } from './failures.ts'
import { transport } from './transport.ts'

/** The Stripe account of one organisation, as `pages.ts` and `writes.ts` use it. */
export type StripeAccess = {
  org: string
  /** Real money; what else there is is a sandbox. */
  livemode: boolean
  /**
   * One call of the official client within the account's rate; repeated while that may help. Errors: `StripeLimited`,
   * `StripeFailure`, the signal's reason.
   */
  call<T>(work: (stripe: Stripe) => Promise<T>, signal?: AbortSignal): Promise<T>
}

/** Stripe allows 100 and 25 requests a second; the rest is for whatever else the account does. */
export const DEFAULT_RATE = { live: 50, sandbox: 20 } as const

const CONCURRENCY = 4
const ATTEMPTS = 4
const BACKOFF_MS = { first: 250, most: 4_000 }
/** A longer pause is the caller's to decide on. */
const LONGEST_WAIT_MS = 5_000
/** Where Stripe does not say how long and does not let us in after all attempts. */
const PAUSE_MS = 60_000
/** Of one attempt without any sign of life. */
const TIMEOUT_MS = 30_000

const known = new WeakMap<Deps, Map<string, StripeAccess>>()

/** The organisation's Stripe account; undefined when it has none here. All of a process share its rate. */
export function stripeOf(deps: Deps, org: string): StripeAccess | undefined {
  const account = deps.config.stripe?.accounts.find((each) => each.org === org)
  if (!account) return undefined
  const own = known.get(deps) ?? new Map<string, StripeAccess>()
  known.set(deps, own)
  const access = own.get(org) ?? accessTo(account, { now: () => deps.clock() })
  own.set(org, access)
  return access
}

/** Whether the account of this key moves real money. */
export const isLive = (key: string): boolean => /^(sk|rk)_live_/.test(key)

/** Both are given by tests: the clock that `resumeAt` is told by, and what spreads repetitions (between 0 and 1). */
type Given = { now?: () => Date; random?: () => number }

export function accessTo(
  account: StripeAccount,
  { now = () => new Date(), random = Math.random }: Given = {},
): StripeAccess {
  const livemode = isLive(account.key)
  const perSecond = account.requestsPerSecond ?? (livemode ? DEFAULT_RATE.live : DEFAULT_RATE.sandbox)
  const turns = bucket({ perSecond, concurrency: CONCURRENCY })
  const stripe = new Stripe(account.key, {
    ...(account.url === undefined ? {} : addressOf(account.url)),
    // what is repeated and when is decided here: by itself the client does not repeat 429, nor knows of the bucket
    maxNetworkRetries: 0,
    httpClient: transport(),
    timeout: TIMEOUT_MS,
    telemetry: false,
  })
  return {
    org: account.org,
    livemode,
    call: (work, signal) => repeated(() => work(stripe), turns, { now, random }, signal),
  }
}

function addressOf(text: string) {
  const { hostname, port, protocol } = new URL(text)
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port || (protocol === 'https:' ? 443 : 80),
    protocol: protocol === 'https:' ? ('https' as const) : ('http' as const),
  }
}

async function repeated<T>(
  work: () => Promise<T>,
  turns: Bucket,
  { now, random }: Required<Given>,
  signal: AbortSignal | undefined,
): Promise<T> {
  const backoff = (attempt: number) => jittered(attempt, random)
  const resumeIn = (ms: number) => new StripeLimited(new Date(now().getTime() + ms))
  for (let attempt = 1; ; attempt++) {
    const release = await turns.take(signal).catch((error) => {
      throw error instanceof Paused ? resumeIn(error.retryAt.getTime() - Date.now()) : error
    })
    const outcome = await attempted(work, signal).finally(release)
    if ('done' in outcome) return outcome.done
    const { failure } = outcome
    if (failure instanceof StripeFailure) {
      if (failure.kind !== 'unavailable' || attempt >= ATTEMPTS) throw failure
      await sleep(backoff(attempt), undefined, signal ? { signal } : {})
      continue
    }
    const pauseMs = failure.pauseMs ?? (attempt < ATTEMPTS ? backoff(attempt) : PAUSE_MS)
    // everybody who asks this account waits, not only this call
    turns.pause(pauseMs)
    if (attempt >= ATTEMPTS || pauseMs > LONGEST_WAIT_MS) throw resumeIn(pauseMs)
  }
}

type Outcome<T> = { done: T } | { failure: ReturnType<typeof meaningOf> }

async function attempted<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<Outcome<T>> {
  try {
    return { done: await unlessAborted(work(), signal) }
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    return { failure: meaningOf(error) }
  }
}

/** The official client knows no signal: what it still answers after that is dropped. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

/** Full jitter (Brooker 2015): anything up to a bound that doubles. */
const jittered = (attempt: number, random: () => number): number =>
  random() * Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** attempt)
