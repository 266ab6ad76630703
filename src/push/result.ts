/** What goes to one device. The collapse id makes a repeated send replace the first one on the device. */
export type PushMessage = { title: string; body: string; collapseId: string }

/** What a provider made of one send; `drop-token` means that the device will never be reached by it again. */
export type PushResult =
  | { status: 'sent' }
  | { status: 'provider-not-configured' }
  | { status: 'drop-token'; reason: string }
  | { status: 'retry'; reason: string; afterMs: number }
  | { status: 'refused'; reason: string }

/** Longest wait between two attempts, in milliseconds. */
const LONGEST_WAIT_MS = 300_000

/**
 * How long to wait before the next attempt, in milliseconds: what the provider asks for (seconds or an HTTP date),
 * otherwise doubling from one second up to five minutes. `attempt` counts from 0.
 */
export function waitBefore(attempt: number, retryAfter: string | undefined, now: Date): number {
  const asked = retryAfter === undefined ? Number.NaN : askedFor(retryAfter.trim(), now)
  return Number.isNaN(asked) ? Math.min(1000 * 2 ** attempt, LONGEST_WAIT_MS) : asked
}

const askedFor = (text: string, now: Date): number =>
  /^\d+$/.test(text) ? Number(text) * 1000 : Math.max(0, Date.parse(text) - now.getTime())

/** Answers that mean "later": too many requests, and failures of the provider itself. */
export const isLater = (status: number): boolean => status === 429 || status >= 500
