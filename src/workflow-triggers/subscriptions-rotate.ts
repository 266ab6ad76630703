import { z } from 'zod'
import { record } from '../operation/define.ts'
import { requireSubscription } from './requirements.ts'
import { newSecret, OVERLAP_MS } from './rules.ts'
import { SubscriptionId, WithSecret } from './schema.ts'
import { updateSubscription } from './store.ts'
import { presentSubscription, SUBSCRIPTIONS } from './view.ts'

export const subscriptionsRotate = record({
  id: 'workflow-triggers.subscriptions.rotate',
  tool: 'agent_workflow_trigger_subscription_rotate',
  surface: 'workflow-triggers',
  summary: 'Replace the signing secret; for a day deliveries carry signatures of both.',
  boundaries: [
    'The new secret is shown once. A second rotation within the day ends the oldest secret at once.',
  ],
  http: { method: 'POST', path: '/api/agent/workflow-triggers/subscriptions/{subscriptionId}/secret' },
  access: { auth: 'scoped-agent-grant' },
  input: z.strictObject({ subscriptionId: SubscriptionId }),
  output: WithSecret,
  errors: ['unauthenticated', 'not-found'],
  unstored: true,
  audit: {
    event: 'workflow_trigger_secret_rotate',
    target: ({ subscriptionId }) => ({ kind: 'trigger-subscription', id: subscriptionId }),
  },
  async run(ctx, { subscriptionId }) {
    const { db, now, deps, principal } = ctx
    const row = await requireSubscription(ctx, subscriptionId, { lock: true })
    const secret = newSecret()
    const next = {
      ...row,
      secret: deps.sealing.seal(secret),
      previousSecret: row.secret,
      previousUntil: new Date(now.getTime() + OVERLAP_MS),
      updatedAt: now,
    }
    await updateSubscription(db, next, now)
    return {
      ok: true as const,
      version: SUBSCRIPTIONS,
      subscription: presentSubscription(next, principal),
      secret,
    }
  },
})
