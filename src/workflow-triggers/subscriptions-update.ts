import { z } from 'zod'
import { standing } from '../access/standing.ts'
import { record } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { requireFamilies, requireSubscription, requireUrl, sessionSettings } from './requirements.ts'
import { Description, FamiliesInput, OneSubscription, SessionInput, SubscriptionId, Url } from './schema.ts'
import { endSubscription, updateSubscription } from './store.ts'
import { presentSubscription, SUBSCRIPTIONS } from './view.ts'

export const subscriptionsUpdate = record({
  id: 'workflow-triggers.subscriptions.update',
  tool: 'agent_workflow_trigger_subscription_update',
  surface: 'workflow-triggers',
  summary: 'Change a subscription: its receiver, families, session, or whether it is active.',
  boundaries: [
    'Paused, it is told of nothing new, and what it waits for comes once it is active again. Disabled, that is given up.',
    'Families are checked against what its subscriber may read now.',
  ],
  http: { method: 'PATCH', path: '/api/agent/workflow-triggers/subscriptions/{subscriptionId}' },
  access: { auth: 'scoped-agent-grant' },
  input: z.strictObject({
    subscriptionId: SubscriptionId,
    url: Url.optional(),
    families: FamiliesInput.optional(),
    description: Description.optional(),
    status: z.enum(['active', 'paused', 'disabled']).optional(),
    session: SessionInput.optional(),
  }),
  output: OneSubscription,
  errors: [
    'validation-failed',
    'unauthenticated',
    'scope-missing',
    'not-found',
    'conflict',
    'idempotency-mismatch',
  ],
  audit: {
    event: 'workflow_trigger_subscription_update',
    target: ({ subscriptionId }) => ({ kind: 'trigger-subscription', id: subscriptionId }),
  },
  async run(ctx, { subscriptionId, session, ...changes }) {
    const { db, org, now, principal } = ctx
    const row = await requireSubscription(ctx, subscriptionId, { lock: true })
    const { principalId, scopes } = row
    const subscriber = await standing(db, org, { id: principalId, scopes }, now)
    if (!subscriber) return fail('conflict', 'Whoever subscribed may do so no more; remove the subscription.')
    if (changes.url !== undefined) requireUrl(ctx, changes.url)
    const next = {
      ...row,
      ...changes,
      ...(session === undefined ? {} : await sessionSettings(ctx, subscriber, session)),
      reason: changes.status === undefined ? row.reason : changes.status === 'disabled' ? 'asked-for' : null,
      failingSince: changes.url === undefined && changes.status === undefined ? row.failingSince : null,
      updatedAt: now,
    }
    requireFamilies(subscriber, next.families)
    await updateSubscription(db, next, now)
    if (changes.status === 'disabled')
      await endSubscription(db, org, row.id, { status: 'disabled', reason: 'asked-for', now })
    return { ok: true as const, version: SUBSCRIPTIONS, subscription: presentSubscription(next, principal) }
  },
})
