import { z } from 'zod'
import { findAccount } from '../access/users.ts'
import { record } from '../operation/define.ts'
import { secret } from '../operation/redact.ts'
import { readConfirmToken, refuseLink, unsubscribeToken, unsubscribeUrl } from './links.ts'
import { LinkToken, SubscriptionSchema } from './schema.ts'
import { confirmSubscriber, findSubscriber } from './store.ts'

export const subscriptionsConfirm = record({
  id: 'notifications.subscriptions.confirm',
  tool: 'notifications_subscription_confirm',
  surface: 'notifications',
  summary: 'Confirm a subscription by the token of its signed link.',
  boundaries: [
    'A link is good for seven days, and void once the subscription has ended.',
    'The same link again answers the same.',
  ],
  http: { method: 'POST', path: '/api/notifications/subscriptions/confirm' },
  access: { auth: 'guest' },
  input: z.strictObject({ token: secret(LinkToken) }),
  output: z.object({ ok: z.literal(true), subscription: SubscriptionSchema, unsubscribeUrl: z.string() }),
  errors: ['not-found', 'idempotency-mismatch'],
  audit: { event: 'subscription_confirmed', target: () => ({ kind: 'subscription', id: 'by-link' }) },
  async run(ctx, { token }) {
    const { sealing } = ctx.deps
    const link = readConfirmToken(sealing, token, ctx.now)
    if (link?.org !== ctx.org) return refuseLink()
    const row = await findSubscriber(ctx.db, ctx.org, { id: link.id }, true)
    if (!row || row.version !== link.version || row.status === 'unsubscribed') return refuseLink()
    if (row.status === 'pending') {
      const account = await findAccount(ctx.db, ctx.org, { email: row.email })
      await confirmSubscriber(ctx.db, row, { userId: account?.id ?? null, now: ctx.now })
    }
    return {
      ok: true as const,
      subscription: { status: 'confirmed' as const, timeZone: row.timeZone },
      unsubscribeUrl: unsubscribeUrl(ctx.call.origin, unsubscribeToken(sealing, row)),
    }
  },
})
