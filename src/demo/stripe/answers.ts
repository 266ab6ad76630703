/** What the server answers with: a status, a JSON body and headers of its own. */
export type Answer = { status: number; body: unknown; headers?: Record<string, string> }

/** An error of Stripe's kind; thrown by whatever refuses a request. */
export class Refusal extends Error {
  readonly answer: Answer
  constructor(status: number, error: { type: string; code?: string; param?: string; message: string }) {
    super(error.message)
    this.answer = { status, body: { error } }
  }
}

export const invalid = (message: string, param?: string, code?: string): Refusal =>
  new Refusal(400, {
    type: 'invalid_request_error',
    ...(code ? { code } : {}),
    ...(param ? { param } : {}),
    message,
  })

export const missing = (kind: string, id: string, status = 404): Refusal =>
  new Refusal(status, {
    type: 'invalid_request_error',
    code: 'resource_missing',
    param: status === 404 ? 'id' : kind,
    message: `No such ${kind}: '${id}'`,
  })

export const rateLimited = (retryAfter?: number): Answer => ({
  status: 429,
  body: {
    error: { type: 'invalid_request_error', code: 'rate_limit', message: 'Request rate limit exceeded.' },
  },
  headers: {
    'stripe-should-retry': 'false',
    'stripe-rate-limited-reason': 'endpoint-rate',
    ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
  },
})

export const broken = (status = 500): Answer => ({
  status,
  body: { error: { type: 'api_error', message: 'An unexpected error occurred.' } },
})
