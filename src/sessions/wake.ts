import { clientId, type Principal } from '../access/principal.ts'
import type { Transaction } from '../db/pool.ts'
import type { Deps } from '../deps.ts'
import { context } from '../operation/context.ts'
import type { Context } from '../operation/define.ts'
import { openSession } from './create.ts'
import { append, canSee, SYSTEM_ACTOR } from './log.ts'
import { isTerminal } from './rules.ts'
import { findSession } from './store.ts'

export type Waking = {
  principal: Principal
  requestId: string
  /** `resume` needs the session's id, `open` the workflow of a new one. */
  session: { mode: 'open'; workflow: string } | { mode: 'resume'; id: string }
  title: string
  /** What happened, for the session's log. */
  summary: string
}

/**
 * Opens a session in somebody's name, or writes into one of theirs, in the open transaction: the reason for which an
 * agent is woken. Answers the session's id; null when the named one has ended or is not the principal's.
 */
export async function wakeSession(deps: Deps, tx: Transaction, waking: Waking): Promise<string | null> {
  const { principal, requestId, session, title, summary } = waking
  const call = { principal, requestId, origin: deps.access.origin(), unattended: true as const }
  const ctx: Context = { ...context(deps, call, deps.clock()), db: tx, lock: true }
  const id =
    session.mode === 'open' ? await opened(ctx, session.workflow, title) : await mine(ctx, session.id)
  if (id !== null) await append(ctx, id, [{ type: 'message.appended', actor: SYSTEM_ACTOR, summary }])
  return id
}

const opened = (ctx: Context, workflow: string, title: string): Promise<string> =>
  openSession(ctx, {
    workflow,
    title: title.slice(0, 180),
    client: ctx.principal.client ?? {
      id: clientId(SYSTEM_ACTOR.displayName),
      name: SYSTEM_ACTOR.displayName,
      kind: 'server',
    },
  })

async function mine(ctx: Context, id: string): Promise<string | null> {
  const row = await findSession(ctx.db, ctx.org, id, true)
  return row && canSee(ctx.principal, row) && !isTerminal(row.status) ? id : null
}

/** Whether a principal sees a session, which looks missing otherwise. */
export async function seesSession(
  { db, org, principal }: Pick<Context, 'db' | 'org' | 'principal'>,
  id: string,
): Promise<boolean> {
  const row = await findSession(db, org, id)
  return row !== undefined && canSee(principal, row)
}
