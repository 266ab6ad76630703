import { randomBytes } from 'node:crypto'

/** How an attempt or a delivery ended. */
export const OUTCOMES = [
  'delivered',
  'refused',
  'gone',
  'redirected',
  'timeout',
  'unreachable',
  'private-address',
  'not-permitted',
  'subscription-ended',
] as const
export type Outcome = (typeof OUTCOMES)[number]

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** Before each attempt, from the end of the one before it: the table of Standard Webhooks, about 75 hours in all. */
export const PAUSES_MS = [
  0,
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
] as const

/** Receivers that failed together are not asked together: up to a tenth is added. */
const JITTER = 0.1
/** A receiver may ask for a longer pause than planned, and for no longer than the longest. */
const LONGEST_PAUSE_MS = 24 * HOUR

/** When the next attempt is due after so many tries; undefined when they are used up. */
export function nextAttempt(
  tries: number,
  now: Date,
  { random, retryAfterMs = 0 }: { random: () => number; retryAfterMs?: number | undefined },
): Date | undefined {
  const pause = PAUSES_MS[tries]
  if (pause === undefined) return undefined
  const asked = Math.min(Math.max(0, retryAfterMs), LONGEST_PAUSE_MS)
  return new Date(now.getTime() + Math.max(Math.round(pause * (1 + JITTER * random())), asked))
}

/** Milliseconds that a Retry-After header asks for: seconds, or an HTTP date; undefined for anything else. */
export function retryAfter(header: string | undefined, now: Date): number | undefined {
  if (header === undefined) return undefined
  if (/^\d{1,9}$/.test(header)) return Number(header) * SECOND
  // an HTTP date begins with the name of a day
  const at = /^[A-Z][a-z]{2}/.test(header) ? Date.parse(header) : Number.NaN
  return Number.isNaN(at) ? undefined : Math.max(0, at - now.getTime())
}

/** What a status code means. 410 ends the subscription. */
export function outcomeOf(status: number): Outcome {
  if (status >= 200 && status < 300) return 'delivered'
  if (status === 410) return 'gone'
  return status >= 300 && status < 400 ? 'redirected' : 'refused'
}

/** Both secrets sign so long after a rotation. */
export const OVERLAP_MS = 24 * HOUR

/** 32 random bytes: Standard Webhooks asks for 24 to 64. */
export const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`

/** Why a URL cannot be a receiver; undefined when it can. Names are looked up at each delivery. */
export function urlMistake(text: string, allowPrivate: boolean): string | undefined {
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol)) return 'must be an https URL'
  if (url.protocol !== 'https:' && !allowPrivate) return 'must be an https URL'
  if (url.username || url.password) return 'must carry no name and password'
  if (url.hash) return 'must have no fragment'
  return undefined
}
