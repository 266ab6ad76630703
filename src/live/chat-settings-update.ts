import { z } from 'zod'
import { write } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { PlanSchema } from '../operation/plan.ts'
import { appendEntries, findRoomState, lockRoom, setSlowMode } from './room/store.ts'
import { EventId } from './schema.ts'

export const chatSettingsUpdate = write({
  id: 'live.chat.settings.update',
  tool: 'live_chat_settings_update',
  surface: 'live-controls',
  summary: 'Set a room’s slow mode: how long a listener waits between two notes.',
  boundaries: ['Moderators do not wait.', 'Whether the chat is open at all is part of the event’s schedule.'],
  http: { method: 'PATCH', path: '/api/admin/live-events/chat' },
  access: { auth: 'artist-admin-or-approved-automation', scope: 'live:write' },
  input: z.strictObject({
    id: EventId.describe('The event'),
    slowModeSeconds: z.int().min(0).max(3_600).describe('0 is off'),
    dryRun: z.boolean().optional().describe('Answer the plan and change nothing'),
  }),
  output: z.object({
    ok: z.literal(true),
    mode: z.literal('applied'),
    plan: PlanSchema,
    slowModeSeconds: z.number().int(),
  }),
  errors: ['not-found', 'plan-blocked', 'approval-required'],
  confirmation: {
    kind: 'moderation',
    reason: 'Slow mode changes what every listener may do.',
    contractId: 'creator.live.moderation',
    action: 'creator.live.chat.settings',
    envelope: false,
  },
  audit: {
    event: 'event_update',
    record: 'live_rooms + live_event_admin_actions',
    attribution: 'The setting before and after, with identity.',
  },
  async preview(ctx, { id, slowModeSeconds }) {
    if (ctx.lock) await lockRoom(ctx.db, ctx.org, id)
    const room = await findRoomState(ctx.db, ctx.org, id)
    if (!room)
      return fail('not-found', {
        detail: `There is no event ${id}.`,
        errors: [{ pointer: '/id', message: 'unknown event' }],
      })
    const before = room.slowModeSeconds
    const same = before === slowModeSeconds
    return {
      subject: { before },
      target: { kind: 'live-room', id, title: room.title },
      targetSummary: `Set slow mode of ${room.title} from ${before} to ${slowModeSeconds} seconds.`,
      observed: [],
      arguments: { from: before, slowModeSeconds },
      changes: [
        {
          op: 'update' as const,
          pointer: '/slowModeSeconds',
          label: 'slow mode',
          before,
          after: slowModeSeconds,
        },
      ],
      affectedSurfaces: ['live chat'],
      blockers: same ? [{ code: 'plan-blocked' as const, message: 'Nothing would change.' }] : [],
      confirmationText: `I confirm setting slow mode of ${room.title} to ${slowModeSeconds} seconds.`,
    }
  },
  async apply(ctx, plan, { id, slowModeSeconds }, { before }) {
    await setSlowMode(ctx.db, ctx.org, id, slowModeSeconds)
    await appendEntries(ctx.db, ctx.org, id, [{ kind: 'settings', detail: { slowModeSeconds } }], ctx.now)
    ctx.touched.add(`room/${id}`)
    return {
      output: { ok: true as const, mode: 'applied' as const, plan, slowModeSeconds },
      previous: { slowModeSeconds: before },
      next: { id, slowModeSeconds },
    }
  },
})
