import { z } from 'zod'
import { record } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { newId } from '../sessions/rules.ts'
import { requireFamilies, requireUrl, sessionSettings } from './requirements.ts'
import { newSecret } from './rules.ts'
import { Description, FamiliesInput, SessionInput, Url, WithSecret } from './schema.ts'
import { insertSubscription, type Subscription } from './store.ts'
import { presentSubscription, SUBSCRIPTIONS } from './view.ts'

/** Every event is fanned out to all of them in one transaction. */
const MOST = { org: 100, principal: 20 }

export const subscriptionsCreate = record({
  id: 'workflow-triggers.subscriptions.create',
  tool: 'agent_workflow_trigger_subscription_create',
  surface: 'workflow-triggers',
  summary: 'Subscribe a receiver of one’s own to families of triggers; the signing secret is shown once.',
  boundaries: [
    'A subscription is a wake-up call of the caller’s own: nothing of the organisation changes, and no trigger permits a write.',
    'It stops as soon as the credential that made it is revoked, expires or loses the family’s scope.',
    'A caller has at most 20 subscriptions, an organisation 100.',
  ],
  http: { method: 'POST', path: '/api/agent/workflow-triggers/subscriptions' },
  access: { auth: 'scoped-agent-grant' },
  input: z.strictObject({
    url: Url,
    families: FamiliesInput,
    description: Description.default(''),
    status: z.enum(['active', 'paused']).default('active'),
    session: SessionInput.default({ mode: 'none' }),
  }),
  output: WithSecret,
  errors: ['validation-failed', 'unauthenticated', 'scope-missing', 'not-found', 'conflict'],
  status: 201,
  unstored: true,
  audit: {
    event: 'workflow_trigger_subscription_create',
    target: (_input, { subscription }) => ({ kind: 'trigger-subscription', id: subscription.id }),
  },
  async run(ctx, { url, families, description, status, session }) {
    const { principal, org, now, deps, db } = ctx
    requireUrl(ctx, url)
    requireFamilies(principal, families)
    const secret = newSecret()
    const row: Subscription = {
      ...{ org, id: newId('trigger-subscription'), principalId: principal.id, scopes: principal.scopes },
      ...{ url, families, description, status, reason: null, failingSince: null },
      ...(await sessionSettings(ctx, principal, session)),
      principalName: principal.client?.name ?? principal.displayName,
      secret: deps.sealing.seal(secret),
      ...{ previousSecret: null, previousUntil: null, createdAt: now, updatedAt: now },
    }
    if (!(await insertSubscription(db, row, MOST)))
      fail('conflict', 'There are as many subscriptions as there may be; remove one first.')
    return {
      ok: true as const,
      version: SUBSCRIPTIONS,
      subscription: presentSubscription(row, principal),
      secret,
    }
  },
})
