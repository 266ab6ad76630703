import { STATUS_CODES } from 'node:http'

type ErrorKind = { status: number; retryable: boolean; nextAction: string }

/**
 * Every error a caller can meet, with what to do next. The list is closed: a code that is not here does not
 * type-check, and each operation names the ones it may answer with.
 */
export const ERRORS = {
  'malformed-request': {
    status: 400,
    retryable: false,
    nextAction: 'Send well-formed JSON (UTF-8, application/json) within the size and depth limits.',
  },
  'validation-failed': {
    status: 400,
    retryable: false,
    nextAction: 'Correct the fields named in errors and send the request again.',
  },
  'idempotency-key-required': {
    status: 400,
    retryable: false,
    nextAction: 'Send an Idempotency-Key header or envelope.idempotencyKey that is new for this intent.',
  },
  'cursor-invalid': {
    status: 400,
    retryable: false,
    nextAction:
      'Use a cursor exactly as this endpoint returned it, or leave it out to start from the beginning.',
  },
  unauthenticated: {
    status: 401,
    retryable: false,
    nextAction: 'Sign in, or send a valid bearer credential.',
  },
  forbidden: {
    status: 403,
    retryable: false,
    nextAction: 'Use a principal that the operation admits; the manifest names it.',
  },
  'scope-missing': {
    status: 403,
    retryable: false,
    nextAction: 'Ask an owner of the organisation for a credential with the scope named in detail.',
  },
  'approval-required': {
    status: 403,
    retryable: false,
    nextAction:
      'Preview the change, request an approval with its planDigest in an agent session, and confirm with envelope.approval once a person approved it.',
  },
  'subscribers-only': {
    status: 403,
    retryable: false,
    nextAction: 'Subscribe and confirm the subscription, or use a principal that moderates the room.',
  },
  'removed-from-room': {
    status: 403,
    retryable: false,
    nextAction: 'Ask the people who run the room to let you in again.',
  },
  'not-found': {
    status: 404,
    retryable: false,
    nextAction: 'Check the id and the organisation of your credential.',
  },
  'method-not-allowed': {
    status: 405,
    retryable: false,
    nextAction: 'Use one of the methods in the Allow header.',
  },
  'request-timeout': {
    status: 408,
    retryable: true,
    nextAction: 'The request did not arrive in full in time. Send it again.',
  },
  'chat-closed': {
    status: 409,
    retryable: false,
    nextAction:
      'Wait until the event is scheduled or live and its chat is open; the manifest says which it is.',
  },
  conflict: {
    status: 409,
    retryable: false,
    nextAction: 'Read the current state and decide again.',
  },
  'plan-mismatch': {
    status: 409,
    retryable: false,
    nextAction:
      'Send exactly the arguments that were approved, or preview and request an approval for the new ones.',
  },
  'approval-not-approved': {
    status: 409,
    retryable: false,
    nextAction:
      'Follow the session until the approval is approved; a refused, expired or voided one needs a new request.',
  },
  'approval-consumed': {
    status: 409,
    retryable: false,
    nextAction:
      'The approved plan was already applied once. Read the session log; request a new approval for another change.',
  },
  'approval-resolved': {
    status: 409,
    retryable: false,
    nextAction: 'The approval already has its outcome. Read it; request a new one if needed.',
  },
  'session-ended': {
    status: 409,
    retryable: false,
    nextAction: 'The session has its final event. Open a new one to go on.',
  },
  'plan-blocked': {
    status: 409,
    retryable: false,
    nextAction: 'Resolve the blockers listed in the plan, then preview again.',
  },
  'status-redundant': {
    status: 409,
    retryable: false,
    nextAction: 'The event already has this status. Nothing is to be done.',
  },
  'status-forbidden': {
    status: 409,
    retryable: false,
    nextAction: 'Choose one of the allowed next statuses.',
  },
  'status-not-ready': {
    status: 409,
    retryable: false,
    nextAction: 'Make the failing required readiness checks pass, then preview again.',
  },
  'cursor-ahead': {
    status: 409,
    retryable: false,
    nextAction:
      'Your cursor is beyond the head of the log. Read the session again and go on from latestEventCursor.',
  },
  'idempotency-in-flight': {
    status: 409,
    retryable: true,
    nextAction:
      'The same request is still running. Wait as Retry-After says and send it again with the same key.',
  },
  'cursor-expired': {
    status: 410,
    retryable: false,
    nextAction: 'Events below the retention floor are gone. Restart from earliestCursor.',
  },
  stale: {
    status: 412,
    retryable: false,
    nextAction:
      'The target changed since your preview. Review the fresh plan in this answer and confirm that one.',
  },
  'plan-changed': {
    status: 412,
    retryable: false,
    nextAction:
      'The plan is not the one you named. Review the fresh plan in this answer and use its planDigest.',
  },
  'too-large': {
    status: 413,
    retryable: false,
    nextAction: 'Send a smaller body.',
  },
  'unsupported-media-type': {
    status: 415,
    retryable: false,
    nextAction: 'Send application/json.',
  },
  'idempotency-mismatch': {
    status: 422,
    retryable: false,
    nextAction: 'This key was used for a different request. Use a new key for a new intent.',
  },
  'confirmation-mismatch': {
    status: 422,
    retryable: false,
    nextAction: 'Repeat the confirmation text of the plan exactly.',
  },
  'policy-unsatisfiable': {
    status: 422,
    retryable: false,
    nextAction: 'Lower the number of approvers or add people who can approve.',
  },
  'headers-too-large': {
    status: 431,
    retryable: false,
    nextAction: 'Send shorter headers; all of them together have 16 KiB.',
  },
  'rate-limited': {
    status: 429,
    retryable: true,
    nextAction: 'Wait as Retry-After says.',
  },
  internal: {
    status: 500,
    retryable: true,
    nextAction: 'Try again; if it persists, give the operator the request id.',
  },
  unavailable: {
    status: 503,
    retryable: true,
    nextAction: 'The server is starting, draining or without its database. Try again shortly.',
  },
} as const satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof ERRORS

/** One offending field: a JSON pointer into the input and what is wrong with it. */
export type FieldError = { pointer: string; message: string }

type ProblemOptions = {
  detail: string
  errors?: FieldError[]
  /** Replaces the code's general advice where something more exact is known. */
  nextAction?: string
  /** Additional members (RFC 9457 extensions), already redacted. */
  extra?: Record<string, unknown>
  headers?: Record<string, string>
}

/** RFC 9457 problem details with the members that the agent contracts expect. */
export type ProblemBody = {
  type: string
  title: string
  status: number
  detail: string
  error: string
  code: ErrorCode
  retryable: boolean
  nextAction: string
  errors?: FieldError[]
  [extension: string]: unknown
}

/** A refusal that is part of the interface. Anything else thrown is a defect and answers `internal`. */
export class Problem extends Error {
  readonly code: ErrorCode
  readonly options: ProblemOptions

  constructor(code: ErrorCode, options: ProblemOptions) {
    super(options.detail)
    this.name = 'Problem'
    this.code = code
    this.options = options
  }

  get status(): number {
    return ERRORS[this.code].status
  }

  toBody(): ProblemBody {
    const kind = ERRORS[this.code]
    return {
      ...this.options.extra,
      type: `/problems/${this.code}`,
      title: STATUS_CODES[kind.status] ?? 'Error',
      status: kind.status,
      detail: this.options.detail,
      error: this.options.detail,
      code: this.code,
      retryable: kind.retryable,
      nextAction: this.options.nextAction ?? kind.nextAction,
      ...(this.options.errors ? { errors: this.options.errors } : {}),
    }
  }
}

/** Refuse: throws the problem of `code`. A string is the detail. */
export function fail(code: ErrorCode, options: string | ProblemOptions): never {
  throw new Problem(code, typeof options === 'string' ? { detail: options } : options)
}

/** Any thrown value as a Problem; what is not one already becomes `internal` and says nothing of its cause. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  return new Problem('internal', { detail: 'The server could not complete the request.' })
}
