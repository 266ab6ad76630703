import { z } from 'zod'
import { record } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { deliverNow } from './deliver.ts'
import { type Delivery, findDelivery, restartDelivery } from './deliveries-store.ts'
import { requireDelivery, requireSubscription } from './requirements.ts'
import { DeliveryId, DeliverySchema, SubscriptionId } from './schema.ts'
import { presentDelivery } from './view.ts'

export const deliveriesRedeliver = record({
  id: 'workflow-triggers.deliveries.redeliver',
  tool: 'agent_workflow_trigger_delivery_redeliver',
  surface: 'workflow-triggers',
  summary: 'Send a delivery again that has ended: the same webhook-id and payload, a new round of attempts.',
  boundaries: [
    'A receiver that processed it skips it by its webhook-id.',
    'One that is still pending is refused.',
  ],
  http: {
    method: 'POST',
    path: '/api/agent/workflow-triggers/subscriptions/{subscriptionId}/deliveries/{deliveryId}/redeliver',
  },
  access: { auth: 'scoped-agent-grant' },
  input: z.strictObject({ subscriptionId: SubscriptionId, deliveryId: DeliveryId }),
  output: z.object({ ok: z.literal(true), delivery: DeliverySchema }),
  errors: ['unauthenticated', 'not-found', 'conflict', 'idempotency-mismatch'],
  status: 202,
  audit: {
    event: 'workflow_trigger_redeliver',
    target: ({ deliveryId }) => ({ kind: 'trigger-delivery', id: deliveryId }),
  },
  async run(ctx, { subscriptionId, deliveryId }) {
    const { db, org, now } = ctx
    const subscription = await requireSubscription(ctx, subscriptionId, { lock: true })
    const delivery = await requireDelivery(ctx, subscription, deliveryId)
    if (subscription.status !== 'active')
      return fail('conflict', `The subscription is ${subscription.status}; activate it first.`)
    if (delivery.status === 'pending') return fail('conflict', 'The delivery is under way.')
    await restartDelivery(db, org, delivery.id, now)
    await deliverNow(db, delivery, now)
    const again = (await findDelivery(db, org, delivery.id)) as Delivery
    return { ok: true as const, delivery: presentDelivery(again) }
  },
})
