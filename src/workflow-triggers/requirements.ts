import type { Principal } from '../access/principal.ts'
import type { Context } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { seesEverything } from '../sessions/log.ts'
import { seesSession } from '../sessions/wake.ts'
import { type Delivery, findDelivery } from './deliveries-store.ts'
import type { FamilyId } from './families.ts'
import { missingScope } from './permitted.ts'
import { urlMistake } from './rules.ts'
import type { SessionInput } from './schema.ts'
import { findSubscription, type Subscription } from './store.ts'

/** The subscription, if it is the principal's own or the principal administers; else it looks missing. */
export async function requireSubscription(
  ctx: Context,
  id: string,
  { lock = false }: { lock?: boolean } = {},
): Promise<Subscription> {
  const row = await findSubscription(ctx.db, ctx.org, id, lock)
  if (row && (row.principalId === ctx.principal.id || seesEverything(ctx.principal))) return row
  return fail('not-found', {
    detail: `There is no subscription ${id}.`,
    errors: [{ pointer: '/subscriptionId', message: 'unknown subscription' }],
  })
}

export async function requireDelivery(
  ctx: Context,
  { id: subscriptionId }: Subscription,
  id: string,
): Promise<Delivery> {
  const row = await findDelivery(ctx.db, ctx.org, id, true)
  if (row?.subscriptionId === subscriptionId) return row
  return fail('not-found', {
    detail: `There is no delivery ${id} of this subscription.`,
    errors: [{ pointer: '/deliveryId', message: 'unknown delivery' }],
  })
}

/** Errors: validation-failed. */
export function requireUrl({ deps }: Context, url: string): void {
  const message = urlMistake(url, deps.config.allowPrivateTriggers ?? false)
  if (message)
    fail('validation-failed', { detail: `The url ${message}.`, errors: [{ pointer: '/url', message }] })
}

/** Errors: scope-missing, for what the subscriber may not read. */
export function requireFamilies(subscriber: Principal, families: readonly FamilyId[]): void {
  for (const family of families) {
    const missing = missingScope(subscriber, family)
    if (missing) fail('scope-missing', `Triggers of ${family} need the scope ${missing}.`)
  }
}

/** What a delivery does with sessions, as it is stored. Errors: validation-failed, not-found. */
export async function sessionSettings(
  ctx: Context,
  subscriber: Principal,
  { mode, workflow, sessionId }: SessionInput,
): Promise<Pick<Subscription, 'sessionMode' | 'sessionWorkflow' | 'sessionId'>> {
  const refuse = (pointer: string, message: string) =>
    fail('validation-failed', { detail: message, errors: [{ pointer, message }] })
  if (workflow !== undefined && mode !== 'open') refuse('/session/workflow', 'goes with mode open only')
  if (sessionId !== undefined && mode !== 'resume') refuse('/session/sessionId', 'goes with mode resume only')
  if (mode === 'resume') {
    if (sessionId === undefined) return refuse('/session/sessionId', 'must name the session to resume')
    if (!(await seesSession({ ...ctx, principal: subscriber }, sessionId)))
      fail('not-found', `There is no session ${sessionId}.`)
  }
  return { sessionMode: mode, sessionWorkflow: workflow ?? null, sessionId: sessionId ?? null }
}
