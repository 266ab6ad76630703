import { z } from 'zod'
import { read } from '../operation/define.ts'
import { seesEverything } from '../sessions/log.ts'
import { SubscriptionSchema } from './schema.ts'
import { listSubscriptions } from './store.ts'
import { presentSubscription, SUBSCRIPTIONS } from './view.ts'

export const subscriptionsList = read({
  id: 'workflow-triggers.subscriptions.list',
  tool: 'agent_workflow_trigger_subscription_list',
  surface: 'workflow-triggers',
  summary: 'List subscriptions to triggers: one’s own, or for who administers all of the organisation.',
  boundaries: ['Secrets are never shown again.'],
  http: { method: 'GET', path: '/api/agent/workflow-triggers/subscriptions' },
  access: { auth: 'scoped-agent-grant' },
  input: z.strictObject({}),
  output: z.object({
    ok: z.literal(true),
    version: z.literal(SUBSCRIPTIONS),
    subscriptions: z.array(SubscriptionSchema),
  }),
  errors: ['unauthenticated'],
  audit: { none: 'A read changes nothing.' },
  async run({ db, org, principal }) {
    const principalId = seesEverything(principal) ? undefined : principal.id
    const rows = await listSubscriptions(db, org, { principalId })
    return {
      ok: true as const,
      version: SUBSCRIPTIONS,
      subscriptions: rows.map((row) => presentSubscription(row, principal)),
    }
  },
})
