import type { LogName } from '../db/log-feed.ts'
import type { Transaction } from '../db/pool.ts'
import type { Deps } from '../deps.ts'
import type { Call, Context, Operation } from './define.ts'

export type Reply = { status: number; body: Record<string, unknown>; headers: Record<string, string> }

/** What happened in a call, for the session's log. */
export type Outcome = { reply: Reply; summary: string; planDigest?: string; recorded?: boolean }

export function context(deps: Deps, call: Call, now: Date): Context {
  const { principal } = call
  return { deps, call, principal, org: principal.org, now, db: deps.db, lock: false, touched: new Set() }
}

export type TransactionContext = Context & { db: Transaction }

/** Runs work in one transaction and wakes the readers of the logs it touched once that is committed. */
export async function inTransaction<T>(
  ctx: Context,
  work: (ctx: TransactionContext) => Promise<T>,
): Promise<T> {
  const touched = new Set<LogName>()
  const result = await ctx.deps.db.transaction((tx) => work({ ...ctx, db: tx, lock: true, touched }))
  wake(ctx, touched)
  return result
}

/**
 * The same for work whose only write is one statement: PostgreSQL commits that by itself, in one round trip
 * instead of two.
 */
export async function inStatement<T>(ctx: Context, work: (ctx: Context) => Promise<T>): Promise<T> {
  const touched = new Set<LogName>()
  const result = await work({ ...ctx, db: ctx.deps.db, lock: false, touched })
  wake(ctx, touched)
  return result
}

function wake(ctx: Context, touched: ReadonlySet<LogName>): void {
  for (const log of touched) ctx.deps.feed.poke(ctx.org, log)
}

/** What every audit row of a call says alike: who, with what, in which session, under which key. */
export const auditBase = (ctx: Context, operation: Operation) => {
  const { source, role, displayName, client } = ctx.principal
  return {
    org: ctx.org,
    occurredAt: ctx.now,
    operationId: operation.id,
    tool: operation.tool,
    principal: { source, role, displayName },
    client,
    requestId: ctx.call.requestId,
    sessionId: ctx.call.sessionId,
    idempotencyKey: ctx.call.idempotencyKey,
  }
}
