import { z } from 'zod'
import { read } from '../operation/define.ts'
import { OWN, SubscriptionSchema } from './schema.ts'
import { findSubscriber } from './store.ts'

export const subscriptionsRead = read({
  id: 'notifications.subscriptions.read',
  tool: 'notifications_subscription_read',
  surface: 'notifications',
  summary: 'Read the own subscription: whether it is confirmed, and the zone that times are told in.',
  boundaries: ['Shows the caller’s own alone.'],
  http: { method: 'GET', path: '/api/notifications/subscriptions' },
  access: OWN,
  input: z.strictObject({}),
  output: z.object({ ok: z.literal(true), subscription: SubscriptionSchema.nullable() }),
  errors: ['unauthenticated', 'forbidden'],
  audit: { none: 'A read changes nothing.' },
  async run({ db, org, principal }) {
    const { userId } = principal
    const row = userId === null ? undefined : await findSubscriber(db, org, { userId })
    const subscription = row ? { status: row.status, timeZone: row.timeZone } : null
    return { ok: true as const, subscription }
  },
})
