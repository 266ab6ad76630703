import { z } from 'zod'
import { DateTime, Envelope } from '../live/schema.ts'
import { write } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { planRoster } from './roster-plan.ts'
import { RosterWriteOutput, rosterFields } from './schema.ts'
import { putParticipant } from './store.ts'
import { tellEvent } from './tell.ts'
import { presentParticipant } from './view.ts'

export const roomStageManage = write({
  id: 'embedded.room.stage.manage',
  tool: 'fanful_creator_embedded_room_roster_update',
  surface: 'embedded-rooms',
  summary: 'Invite, promote, move, remove or restore one participant of an embedded room, as previewed.',
  boundaries: [
    'Removed people stay out: neither purchase, membership, invitation nor public access lets them in.',
    'Of an existing participant it needs the observed updated_at; a stale one gets a fresh preview back.',
    'A write that changes nothing is refused; the same request again gets its first answer.',
  ],
  http: { method: 'POST', path: '/api/agent/embedded-rooms' },
  access: { auth: 'artist-admin-or-approved-automation', scope: 'live:write' },
  input: z.strictObject({
    action: z.literal('confirm_embedded_room_roster_change'),
    ...rosterFields,
    observedParticipantUpdatedAt: DateTime.optional().describe(
      'Required when updating an existing participant; omit only for a new invite.',
    ),
    envelope: Envelope,
  }),
  output: RosterWriteOutput,
  errors: ['not-found', 'stale', 'plan-blocked', 'approval-required'],
  confirmation: {
    kind: 'stage-access',
    reason: 'Roster changes decide who may enter and who is on stage.',
    contractId: 'creator.embedded-rooms.roster',
    action: 'creator.embedded-rooms.roster.update',
    envelope: true,
  },
  audit: {
    event: (plan) => String(plan.details.change),
    record: 'embedded_room_admin_actions + agent_write_idempotency_keys',
    attribution:
      'The participant before and after, with identity, client, tool, idempotency key, correlation id and reason.',
  },
  observes: 'observedParticipantUpdatedAt',
  preview: planRoster,
  async apply(ctx, plan, _input, { room, before, next }) {
    const moved = await putParticipant(ctx.db, ctx.org, next, ctx.now)
    if (!moved) fail('stale', { detail: `The roster of ${room.title} changed meanwhile.`, extra: { plan } })
    await tellEvent(ctx, room, before, next)
    const participant = presentParticipant({ ...next, ...moved }, true)
    return {
      output: { ok: true as const, mode: 'applied' as const, plan, participant },
      previous: before ? presentParticipant(before, true) : null,
      next: participant,
    }
  },
})
