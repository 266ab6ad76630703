import { z } from 'zod'
import { findAccount } from '../access/users.ts'
import { type Context, record } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { newId } from '../sessions/rules.ts'
import { Email, SubscriptionSchema, TimeZone } from './schema.ts'
import { askSubscription, countPending } from './store.ts'

/** Guests may ask for so many subscriptions of an organisation that nobody confirmed, in any hour. */
const MOST_PENDING = 1_000
const HOUR_MS = 3_600_000

export const subscriptionsCreate = record({
  id: 'notifications.subscriptions.create',
  tool: 'notifications_subscribe',
  surface: 'notifications',
  summary: 'Ask to be told of this organisation’s live events; the address is confirmed by a link.',
  boundaries: [
    'Nobody is told anything before the address is confirmed by its signed link.',
    'To guests the answer is the same whether the address follows already or not.',
  ],
  http: { method: 'POST', path: '/api/notifications/subscriptions' },
  access: { auth: 'optional-session' },
  input: z.strictObject({
    email: Email.optional(),
    timeZone: TimeZone.describe('IANA zone that times are told in'),
  }),
  output: z.object({ ok: z.literal(true), subscription: SubscriptionSchema, detail: z.string() }),
  errors: ['validation-failed', 'rate-limited', 'idempotency-mismatch'],
  status: 202,
  audit: {
    event: 'subscription_asked',
    target: () => ({ kind: 'subscription', id: 'asked' }),
  },
  async run(ctx, input) {
    const account = await accountOf(ctx)
    const email = input.email ?? account?.email
    if (email === undefined)
      fail('validation-failed', {
        detail: 'Without a signed-in person an address is needed.',
        errors: [{ pointer: '/email', message: 'is required' }],
      })
    const own = account?.email === email ? account.id : null
    const since = new Date(ctx.now.getTime() - HOUR_MS)
    if (own === null && (await countPending(ctx.db, ctx.org, since)) >= MOST_PENDING)
      fail('rate-limited', {
        detail: 'Too many subscriptions wait for their confirmation.',
        headers: { 'retry-after': String(HOUR_MS / 1000) },
      })
    const { timeZone } = input
    const row = await askSubscription(ctx.db, ctx.org, {
      id: newId('subscriber'),
      email,
      userId: own,
      timeZone,
      now: ctx.now,
    })
    // who does not own the address learns nothing of it
    const status = own === null ? 'pending' : row.status
    return { ok: true as const, subscription: { status, timeZone }, detail: DETAIL[status] }
  },
})

const DETAIL = {
  pending: 'The link that confirms the address goes to that address. It is good for seven days.',
  confirmed: 'The address is confirmed.',
  unsubscribed: 'The subscription has ended.',
}

/** The account of whoever signed in, or whose key it is; agents and automation ask as guests do. */
export async function accountOf({ db, org, principal }: Context) {
  if ((principal.kind !== 'person' && principal.kind !== 'key') || principal.userId === null) return undefined
  return findAccount(db, org, { userId: principal.userId })
}
