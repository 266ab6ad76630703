import Stripe from 'stripe'

/**
 * What a caller can act upon.
 * - `unauthorized`: Stripe does not know the key (any more).
 * - `forbidden`: the key lacks a right; it is a restricted one.
 * - `not-found`: what was asked for is not there.
 * - `invalid`: Stripe will never accept this.
 * - `mismatch`: the idempotency key was used for another request before.
 * - `unavailable`: try again; a write under the same key then happens once, whether or not it did already.
 */
export type StripeFailureKind =
  | 'unauthorized'
  | 'forbidden'
  | 'not-found'
  | 'invalid'
  | 'mismatch'
  | 'unavailable'

const MESSAGES: Record<StripeFailureKind, string> = {
  unauthorized: 'Stripe refuses the key of this organisation.',
  forbidden: 'The key of this organisation lacks a right at Stripe that this needs.',
  'not-found': 'Stripe has no such object.',
  invalid: 'Stripe does not accept the request.',
  mismatch: 'The idempotency key was used at Stripe for another request.',
  unavailable: 'Stripe cannot be reached, or fails.',
}

/** A refusal or failure of Stripe. The message is safe to show: it repeats nothing that Stripe answered. */
export class StripeFailure extends Error {
  readonly kind: StripeFailureKind
  /** For Stripe's support; nothing follows from it for anybody else. */
  readonly requestId: string | undefined
  /** Stripe's own short code, as `resource_missing`. */
  readonly code: string | undefined

  constructor(kind: StripeFailureKind, { requestId, code }: { requestId?: string; code?: string } = {}) {
    super(MESSAGES[kind])
    this.name = 'StripeFailure'
    this.kind = kind
    this.requestId = requestId
    this.code = code
  }
}

/** Stripe asks for a pause that is longer than anybody waits; nothing was done. */
export class StripeLimited extends Error {
  readonly resumeAt: Date
  constructor(resumeAt: Date) {
    super('Stripe asks for a pause.')
    this.name = 'StripeLimited'
    this.resumeAt = resumeAt
  }
}

/** Milliseconds of a pause that Stripe asks for; `undefined` where it does not say how long. */
export type Limited = { limited: true; pauseMs: number | undefined }

/** What an error of the official client means. What is not one of its errors is a defect, and thrown on. */
export function meaningOf(error: unknown): StripeFailure | Limited {
  const { errors } = Stripe
  if (!(error instanceof errors.StripeError)) throw error
  if (error instanceof errors.StripeRateLimitError)
    return { limited: true, pauseMs: retryAfter(error.headers?.['retry-after']) }
  return new StripeFailure(kindOf(error), {
    ...(/^req_\w{1,64}$/.test(error.requestId ?? '') ? { requestId: error.requestId } : {}),
    ...(/^[a-z_]{1,64}$/.test(error.code ?? '') ? { code: error.code as string } : {}),
  })
}

function kindOf(error: InstanceType<typeof Stripe.errors.StripeError>): StripeFailureKind {
  if (error instanceof Stripe.errors.StripeIdempotencyError) return 'mismatch'
  const { statusCode } = error
  if (statusCode === 401) return 'unauthorized'
  if (statusCode === 403) return 'forbidden'
  if (statusCode === 404 || error.code === 'resource_missing') return 'not-found'
  if (statusCode === undefined || statusCode === 409 || statusCode >= 500 || statusCode < 400)
    return 'unavailable'
  return 'invalid'
}

/** Seconds or a date (RFC 9110, 10.2.3). */
function retryAfter(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now()
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}
