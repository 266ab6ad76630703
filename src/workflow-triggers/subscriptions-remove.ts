import { z } from 'zod'
import { record } from '../operation/define.ts'
import { requireSubscription } from './requirements.ts'
import { SubscriptionId } from './schema.ts'
import { endSubscription } from './store.ts'

export const subscriptionsRemove = record({
  id: 'workflow-triggers.subscriptions.remove',
  tool: 'agent_workflow_trigger_subscription_remove',
  surface: 'workflow-triggers',
  summary: 'Remove a subscription; what it still waits for is given up.',
  boundaries: ['One’s own, or for who administers any of the organisation.'],
  http: { method: 'DELETE', path: '/api/agent/workflow-triggers/subscriptions/{subscriptionId}' },
  access: { auth: 'scoped-agent-grant' },
  input: z.strictObject({ subscriptionId: SubscriptionId }),
  output: z.object({ ok: z.literal(true), removed: z.literal(true) }),
  errors: ['unauthenticated', 'not-found', 'idempotency-mismatch'],
  audit: {
    event: 'workflow_trigger_subscription_remove',
    target: ({ subscriptionId }) => ({ kind: 'trigger-subscription', id: subscriptionId }),
  },
  async run(ctx, { subscriptionId }) {
    const { id } = await requireSubscription(ctx, subscriptionId, { lock: true })
    await endSubscription(ctx.db, ctx.org, id, { status: 'removed', reason: 'asked-for', now: ctx.now })
    return { ok: true as const, removed: true as const }
  },
})
