import { z } from 'zod'
import type { Principal } from '../access/principal.ts'
import type { LogName } from '../db/log-feed.ts'
import type { Queryable } from '../db/pool.ts'
import type { Deps } from '../deps.ts'
import type { ErrorCode } from './errors.ts'
import { type Plan, PlanAnswer, type PlanDraft } from './plan.ts'

/** Who an endpoint is for, in the words of the agent contracts. */
export type AuthClass =
  | 'guest'
  | 'optional-session'
  | 'signed-in-listener'
  | 'first-party-session'
  | 'scoped-agent-grant'
  | 'artist-admin-or-approved-automation'

/** `scope` is the part after `creator:<org>:`, for example `live:write`. `owner` narrows to owners. */
export type OperationAccess = { auth: AuthClass; scope?: string; owner?: true }

/** Where an operation is reached, and what of its input and output has a place of its own in HTTP. */
export type HttpRoute = {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  path: string
  /** The input that is the whole body, where the resource itself is sent; the others then travel in the query. */
  body?: string
  /** Media type of the body besides application/json. */
  mediaType?: string
  /** Inputs that travel in request headers, by header. Quotes around a value are dropped, `*` reads as true. */
  headers?: Readonly<Record<string, string>>
  /** The output that is the whole answer, and those that travel in its headers, by header. */
  answer?: { body: string; headers: Readonly<Record<string, string>> }
  /**
   * The input array that may also come as a stream of lines (application/x-ndjson), `batch` of them in each call; the
   * answer is then a line for each batch.
   */
  lines?: { field: string; batch: number }
}

/** How a call reached us: what is true of the request rather than of its arguments. */
export type Call = {
  principal: Principal
  requestId: string
  /** Public origin that links in answers start with; follows the host the request came in on. */
  origin: string
  idempotencyKey?: string
  /** The agent session the call is made in (`Agent-Session-Id`, MCP `_meta["dev.countersign/session"]`). */
  sessionId?: string
  /** The approval that a write executes, where its route carries no envelope. */
  approval?: { id: string; planDigest: string }
  /** Ends a stream when the client goes away. */
  signal?: AbortSignal
  /** The server makes the call by itself, with the principal's authority: an approved write that it executes. */
  unattended?: true
  /** Resolves the caller's credential anew, for streams that outlive a request. */
  reauthenticate?: () => Promise<Principal>
}

/** What an operation's functions get. `db` is the open transaction in records and applies, else the pool. */
export type Context = {
  deps: Deps
  call: Call
  principal: Principal
  org: string
  now: Date
  db: Queryable
  /** True when the plan is about to be applied: planners lock the rows that they read (FOR UPDATE). */
  lock: boolean
  /** Logs that grew in this transaction; their readers are woken after commit. */
  touched: Set<LogName>
}

type AuditTarget = { kind: string; id: string }
/** Why nothing is recorded. `record` names the record that is read, where a contract does. */
export type NoAudit = { none: string; record?: string }
export type WriteAudit = {
  /** What the write is called in the audit; where it was several things at once, all of them, the foremost first. */
  event: string | ((plan: Plan) => string | readonly [string, ...string[]])
  /** Where the contract says that the write is recorded. */
  record: string
  attribution: string
}

export type ConfirmationKind =
  | 'live-schedule'
  | 'go-live'
  | 'moderation'
  | 'public-message'
  | 'stage-access'
  | 'community-channels'
  | 'policy-change'
  | 'config-change'
  | 'config-sync'
  | 'finding-judgement'
  | 'catalog-change'

export type Confirmation = {
  kind: ConfirmationKind
  reason: string
  /** Family named by `envelope.contractId`. */
  contractId: string
  /** The action's own contract, which approvals carry (`creator.live.schedule.update`). */
  action: string
  /** Whether the route takes an `agent-write-envelope.v1`; a grant cannot write over one that does not. */
  envelope: boolean
}

type Base<I extends z.ZodObject, O extends z.ZodType> = {
  /** Dotted id; its file is `src/<first>/<rest, joined by ->.ts`. */
  id: string
  tool: string
  surface: string
  summary: string
  boundaries: readonly string[]
  http: HttpRoute
  access: OperationAccess
  input: I
  output: O
  errors: readonly ErrorCode[]
  /** HTTP status of success; 200 unless told. */
  status?: 200 | 201 | 202
  /** Operations of sessions themselves append their own events; all others are recorded as tool calls. */
  ownEvents?: true
}

export type StreamItem = { id?: string; event?: string; data: unknown } | { comment: string }

export type ReadOperation<I extends z.ZodObject = z.ZodObject, O extends z.ZodType = z.ZodType> = Base<
  I,
  O
> & {
  effect: 'read'
  audit: NoAudit
  run(ctx: Context, input: z.output<I>): Promise<z.input<O>>
  /** The same reading as server-sent events, chosen by `Accept: text/event-stream`. */
  stream?(ctx: Context, input: z.output<I>): AsyncIterable<StreamItem>
  /** The same reading without pages, one JSON value a line, chosen by `Accept: application/x-ndjson`. */
  lines?(ctx: Context, input: z.output<I>): AsyncIterable<unknown>
  /** The log whose growth changes what the resource shows; its subscribers are told. */
  follows?(input: z.output<I>): LogName
  /** Also readable as an MCP resource under this URI or template. */
  resource?: { uri: string; title: string }
}

/** A preview is the planner of the write it names, so the two cannot drift apart. */
export type PreviewOperation<I extends z.ZodObject = z.ZodObject, O extends z.ZodType = z.ZodType> = Base<
  I,
  O
> & {
  effect: 'preview'
  audit: NoAudit & { attribution: string }
  of(input: z.output<I>): { write: WriteOperation; input: Record<string, unknown> }
  present(ctx: Context, plan: Plan): z.input<O>
}

export type RecordOperation<
  I extends z.ZodObject = z.ZodObject,
  O extends z.ZodType = z.ZodType,
  B = unknown,
> = Base<I, O> & {
  effect: 'record'
  /** What an agent asks its user before it calls, where others see what it does. */
  confirmation?: Pick<Confirmation, 'kind' | 'reason'>
  audit: NoAudit | { event: string; target(input: z.output<I>, output: z.input<O>): AuditTarget }
  /** `run` writes in one statement that checks itself what it depends on, so without a key it is the transaction. */
  oneStatement?: true
  /** What is asked of other systems, before the transaction opens: their answers may take their time. */
  before?(ctx: Context, input: z.output<I>): Promise<B>
  /** Its answer holds a credential, which nothing stores: a key is not claimed, and the same request is done anew. */
  unstored?: true
  /** Runs inside one transaction; what it returns is stored under the idempotency key in the same one. */
  run(ctx: Context, input: z.output<I>, before: B): Promise<z.input<O>>
}

export type WriteOperation<
  I extends z.ZodObject = z.ZodObject,
  O extends z.ZodType = z.ZodType,
  S = unknown,
> = Base<I, O> & {
  effect: 'write'
  confirmation: Confirmation
  audit: WriteAudit
  /**
   * The one planner: computes what would change and stores nothing. With `ctx.lock` it locks what it reads. `subject`
   * is what it read and made of it, for apply; it is no part of the plan.
   */
  preview(ctx: Context, input: z.output<I>): Promise<PlanDraft & { subject?: S }>
  /**
   * The input that carries the `updated_at` of what the plan observes first, `observedUpdatedAt` unless told. Where it
   * is told, a confirm must carry it if the plan observed something, and only then; an approval stands for it.
   */
  observes?: string
  /**
   * Pointers into the input that hold secrets besides those that its schema marks: where it depends on the data which
   * members are secret.
   */
  secrets?(ctx: Context, input: z.output<I>): Promise<readonly string[]>
  /** Writes what the plan says, in the open transaction, on the subject that the planner read in it. */
  apply(ctx: Context, plan: Plan, input: z.output<I>, subject: S): Promise<AppliedWrite<O>>
  /**
   * What waited for an approval that the server was to execute (`askInName`) will not be done. Called once, in the
   * transaction that ends the approval, with the input that was asked for; the principal is whoever ended it.
   */
  unapproved?(ctx: Context, input: z.output<I>, end: UnapprovedEnd): Promise<void>
}

/** How an approval ended without its write: refused by people, overdue, or void (its session or its execution). */
export type UnapprovedEnd = { status: 'rejected' | 'expired' | 'voided'; reason: string | null }

/** `previous` and `next` are the redacted states for the audit row. */
export type AppliedWrite<O extends z.ZodType> = {
  output: z.input<O>
  previous: Record<string, unknown> | null
  next: Record<string, unknown> | null
}

export type Operation = ReadOperation | PreviewOperation | RecordOperation | WriteOperation

export const read = <I extends z.ZodObject, O extends z.ZodType>(
  operation: Omit<ReadOperation<I, O>, 'effect'>,
): ReadOperation<I, O> => ({ effect: 'read', ...operation })

export const preview = <I extends z.ZodObject, O extends z.ZodType>(
  operation: Omit<PreviewOperation<I, O>, 'effect'>,
): PreviewOperation<I, O> => ({ effect: 'preview', ...operation })

export const record = <I extends z.ZodObject, O extends z.ZodType, B = undefined>(
  operation: Omit<RecordOperation<I, O, B>, 'effect'>,
): RecordOperation<I, O, B> => ({ effect: 'record', ...operation })

export const write = <I extends z.ZodObject, O extends z.ZodType, S>(
  operation: Omit<WriteOperation<I, O, S>, 'effect'>,
): WriteOperation<I, O, S> => ({ effect: 'write', ...operation })

/** Everything an operation may answer: a write without an envelope also answers its plan, by `dryRun`. */
export const answerSchema = (operation: Operation): z.ZodType =>
  operation.effect === 'write' && !operation.confirmation.envelope
    ? z.union([PlanAnswer, operation.output])
    : operation.output

/** The value of `action` that tells this operation from others on the same route, if it has one. */
export function actionLiteral(operation: { input: z.ZodObject }): string | undefined {
  const field = operation.input.shape.action
  return field instanceof z.ZodLiteral ? String(field.value) : undefined
}
