import { z } from 'zod'
import { readCursor, signCursor } from '../operation/cursor.ts'
import { read } from '../operation/define.ts'
import { listAttempts, listDeliveries } from './deliveries-store.ts'
import { requireSubscription } from './requirements.ts'
import { DeliverySchema, SubscriptionId } from './schema.ts'
import { presentDelivery } from './view.ts'

export const deliveriesList = read({
  id: 'workflow-triggers.deliveries.list',
  tool: 'agent_workflow_trigger_delivery_list',
  surface: 'workflow-triggers',
  summary: 'Read what became of a subscription’s deliveries, newest first, with every attempt.',
  boundaries: [
    'Answers of receivers are not kept, but their status code. Ended deliveries are kept for 30 days.',
  ],
  http: { method: 'GET', path: '/api/agent/workflow-triggers/subscriptions/{subscriptionId}/deliveries' },
  access: { auth: 'scoped-agent-grant' },
  input: z.strictObject({
    subscriptionId: SubscriptionId,
    limit: z.int().min(1).max(100).optional(),
    cursor: z.string().max(400).optional(),
  }),
  output: z.object({
    ok: z.literal(true),
    deliveries: z.array(DeliverySchema),
    nextCursor: z.string().nullable(),
  }),
  errors: ['unauthenticated', 'not-found', 'cursor-invalid'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, { subscriptionId, limit = 50, cursor }) {
    const { db, org } = ctx
    const { id } = await requireSubscription(ctx, subscriptionId)
    const listing = { list: 'workflow-triggers.deliveries', filters: { id } }
    const position = readCursor(ctx, listing, cursor, z.tuple([z.iso.datetime(), z.string()]))
    const before = position && { at: new Date(position[0]), id: position[1] }
    const rows = await listDeliveries(db, org, id, { before, limit: limit + 1 })
    const shown = rows.slice(0, limit)
    const attempts = await listAttempts(
      db,
      org,
      shown.map((each) => each.id),
    )
    const last = shown.at(-1)
    const more = rows.length > limit && last
    return {
      ok: true as const,
      deliveries: shown.map((row) => presentDelivery(row, attempts)),
      nextCursor: more ? signCursor(ctx, listing, [last.createdAt.toISOString(), last.id]) : null,
    }
  },
})
