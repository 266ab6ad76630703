import { z } from 'zod'
import { enqueue } from '../jobs/send.ts'
import { record } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { newId } from '../sessions/rules.ts'
import { DELIVER } from './deliver.ts'
import { type Delivery, findDelivery, insertDelivery } from './deliveries-store.ts'
import { FAMILIES, PRODUCED } from './families.ts'
import { payloadOf } from './payload.ts'
import { requireSubscription } from './requirements.ts'
import { DeliverySchema, SubscriptionId } from './schema.ts'
import { presentDelivery } from './view.ts'

export const subscriptionsTest = record({
  id: 'workflow-triggers.subscriptions.test',
  tool: 'agent_workflow_trigger_subscription_test',
  surface: 'workflow-triggers',
  summary: 'Send a signed test delivery to a subscription’s receiver: one attempt.',
  boundaries: [
    'The payload is the family’s sample with test: true. Nothing happened, and no session is opened.',
  ],
  http: { method: 'POST', path: '/api/agent/workflow-triggers/subscriptions/{subscriptionId}/test' },
  access: { auth: 'scoped-agent-grant' },
  input: z.strictObject({ subscriptionId: SubscriptionId, family: z.enum(PRODUCED).optional() }),
  output: z.object({ ok: z.literal(true), delivery: DeliverySchema }),
  errors: ['validation-failed', 'unauthenticated', 'not-found', 'conflict', 'idempotency-mismatch'],
  status: 202,
  audit: {
    event: 'workflow_trigger_test',
    target: ({ subscriptionId }) => ({ kind: 'trigger-subscription', id: subscriptionId }),
  },
  async run(ctx, { subscriptionId, family: asked }) {
    const { db, org, now, call } = ctx
    const { id, status, families } = await requireSubscription(ctx, subscriptionId, { lock: true })
    if (status !== 'active') return fail('conflict', `The subscription is ${status}; activate it first.`)
    const family = asked ?? families[0] ?? 'live.readiness.changed'
    if (!families.includes(family))
      return fail('validation-failed', {
        detail: `The subscription does not ask for ${family}.`,
        errors: [{ pointer: '/family', message: 'must be a family of the subscription' }],
      })
    const deliveryId = newId('delivery')
    const body = payloadOf({
      ...{ org, origin: call.origin, id: newId('trigger-test'), deliveryId, family, at: now },
      ...{ session: null, test: true, ...FAMILIES[family].sample },
    })
    await insertDelivery(db, {
      ...{ org, id: deliveryId, subscriptionId: id, eventId: null, family },
      ...{ body: JSON.stringify(body), sessionId: null, createdAt: now },
    })
    await enqueue(db, DELIVER, { org, id: deliveryId, attempt: 0 })
    const delivery = (await findDelivery(db, org, deliveryId)) as Delivery
    return { ok: true as const, delivery: presentDelivery(delivery) }
  },
})
