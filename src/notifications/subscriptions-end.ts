import { z } from 'zod'
import { record } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { secret } from '../operation/redact.ts'
import { readUnsubscribeToken, refuseLink } from './links.ts'
import { LinkToken, SubscriptionSchema } from './schema.ts'
import { endSubscriber, findSubscriber } from './store.ts'
import { accountOf } from './subscriptions-create.ts'

export const subscriptionsEnd = record({
  id: 'notifications.subscriptions.end',
  tool: 'notifications_unsubscribe',
  surface: 'notifications',
  summary: 'End a subscription: the one of a signed link, or the signed-in person’s own.',
  boundaries: ['Whoever unsubscribed is told nothing more, also of what is being sent out at the moment.'],
  http: { method: 'POST', path: '/api/notifications/subscriptions/end' },
  access: { auth: 'optional-session' },
  input: z.strictObject({
    token: secret(LinkToken).optional().describe('Of a link; without it the own subscription ends'),
  }),
  output: z.object({ ok: z.literal(true), subscription: SubscriptionSchema }),
  errors: ['unauthenticated', 'not-found', 'idempotency-mismatch'],
  audit: { event: 'subscription_ended', target: () => ({ kind: 'subscription', id: 'own-or-by-link' }) },
  async run(ctx, { token }) {
    const row = token === undefined ? await ownRow() : await rowOfLink(token)
    if (row.status !== 'unsubscribed') await endSubscriber(ctx.db, row, ctx.now)
    const subscription = { status: 'unsubscribed' as const, timeZone: row.timeZone }
    return { ok: true as const, subscription }

    async function ownRow() {
      const account = await accountOf(ctx)
      if (!account) return fail('unauthenticated', 'Without a link this is for whoever signed in.')
      const own = await findSubscriber(ctx.db, ctx.org, { userId: account.id }, true)
      return own ?? fail('not-found', 'You have no subscription here.')
    }

    async function rowOfLink(text: string) {
      const link = readUnsubscribeToken(ctx.deps.sealing, text)
      if (link?.org !== ctx.org) return refuseLink()
      return (await findSubscriber(ctx.db, ctx.org, { id: link.id }, true)) ?? refuseLink()
    }
  },
})
