import { z } from 'zod'
import { Envelope } from '../live/schema.ts'
import { write } from '../operation/define.ts'
import { planEntitlement } from './roster-plan.ts'
import { EntitlementWriteOutput, entitlementFields } from './schema.ts'
import { putEntitlement } from './store.ts'
import { presentEntitlement } from './view.ts'

export const roomEntitlementManage = write({
  id: 'embedded.room.entitlement.manage',
  tool: 'fanful_creator_embedded_room_entitlement_update',
  surface: 'embedded-rooms',
  summary: 'Record that somebody bought, or as a member holds, entry to an embedded room, or no longer does.',
  boundaries: [
    'Nothing is sold or charged here: what was sold elsewhere is recorded by administrators and automation.',
    'An entitlement never lets in somebody whom the roster removed.',
    'An envelope in preview mode gets the plan; nothing is stored then.',
  ],
  http: { method: 'POST', path: '/api/agent/embedded-rooms' },
  access: { auth: 'artist-admin-or-approved-automation', scope: 'live:write' },
  input: z.strictObject({
    action: z.literal('confirm_embedded_room_entitlement_change'),
    ...entitlementFields,
    envelope: Envelope,
  }),
  output: EntitlementWriteOutput,
  errors: ['not-found', 'plan-blocked', 'approval-required'],
  confirmation: {
    kind: 'stage-access',
    reason: 'An entitlement decides who may enter a room.',
    contractId: 'creator.embedded-rooms.roster',
    action: 'creator.embedded-rooms.entitlement.update',
    envelope: true,
  },
  audit: {
    event: (plan) => (plan.arguments.status === 'granted' ? 'entitlement_grant' : 'entitlement_revoke'),
    record: 'embedded_room_entitlements + embedded_room_admin_actions + agent_write_idempotency_keys',
    attribution: 'The entitlement before and after, with identity, client and correlation id.',
  },
  preview: planEntitlement,
  async apply(ctx, plan, _input, { before, next }) {
    await putEntitlement(ctx.db, ctx.org, next, ctx.now)
    const entitlement = presentEntitlement(next)
    return {
      output: { ok: true as const, mode: 'applied' as const, plan, entitlement },
      previous: before ? presentEntitlement(before) : null,
      next: entitlement,
    }
  },
})
