import { z } from 'zod'
import { write } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { PlanSchema } from '../operation/plan.ts'
import { applyModeration, moderationOf, observedNote, planModeration } from './room/moderation.ts'
import { MESSAGE_STATUSES } from './room/rules.ts'
import { MessageSchema } from './room/schema.ts'
import { findMessage, findRoomState, type RoomState } from './room/store.ts'
import { presentMessage } from './room/view.ts'

export const chatModerationManage = write({
  id: 'live.chat.moderation.manage',
  tool: 'live_chat_moderation_manage',
  surface: 'live-controls',
  summary: 'Hide, flag, restore, pin or unpin a note; everybody in the room gets the change.',
  boundaries: [
    'For artist admins, owners and approved automation.',
    'What is hidden is sent to nobody again; hiding also unpins.',
  ],
  http: { method: 'PATCH', path: '/api/admin/live-events/messages' },
  access: { auth: 'artist-admin-or-approved-automation', scope: 'live:write' },
  input: z.strictObject({
    id: z.string().min(1).max(120).describe('The note'),
    status: z.enum(MESSAGE_STATUSES).optional(),
    pinned: z.boolean().optional(),
    expectedVersion: z.int().min(1).optional().describe('Refuse with 412 when the note changed since'),
    dryRun: z.boolean().optional().describe('Answer the plan and change nothing'),
  }),
  output: z.object({
    ok: z.literal(true),
    mode: z.literal('applied'),
    plan: PlanSchema,
    message: MessageSchema,
  }),
  errors: ['not-found', 'stale', 'plan-blocked', 'approval-required'],
  confirmation: {
    kind: 'moderation',
    reason: 'Moderation changes what viewers see and what stays pinned.',
    contractId: 'creator.live.moderation',
    action: 'creator.live.note.moderate',
    envelope: false,
  },
  audit: {
    event: 'live_note_moderate',
    record: 'live_chat_messages + live_event_admin_actions',
    attribution: 'The note’s status before and after, with the moderator’s identity; never its words.',
  },
  async preview(ctx, { id, status, pinned }) {
    const note = await findMessage(ctx.db, ctx.org, id, ctx.lock)
    if (!note)
      return fail('not-found', {
        detail: `There is no note ${id}.`,
        errors: [{ pointer: '/id', message: 'unknown note' }],
      })
    const room = (await findRoomState(ctx.db, ctx.org, note.eventId)) as RoomState
    const change = moderationOf(note, { status, pinned })
    const draft = planModeration({
      eventId: note.eventId,
      title: room.title,
      doing: doing(status, pinned),
      ...{ changes: change ? [change] : [], notes: [note], blockers: [], arguments: { id } },
    })
    return {
      ...draft,
      target: { kind: 'live-note', id, title: `the note of ${note.displayName}` },
      observed: [observedNote(note)],
    }
  },
  async apply(ctx, plan, { id }, subject) {
    await applyModeration(ctx, plan, subject)
    const note = await findMessage(ctx.db, ctx.org, id, false)
    const message = presentMessage(note as NonNullable<typeof note>, true)
    const [change] = subject.changes
    const named = { messageId: id, eventId: subject.eventId }
    return {
      output: { ok: true as const, mode: 'applied' as const, plan, message },
      previous: { ...named, ...change?.before },
      next: { id, ...named, ...change?.next },
    }
  },
})

const VERBS = { hidden: 'hiding', visible: 'showing', flagged: 'flagging' }

function doing(status: keyof typeof VERBS | undefined, pinned: boolean | undefined): string {
  const pin = pinned === undefined ? [] : [pinned ? 'pinning' : 'unpinning']
  return [...(status ? [VERBS[status]] : []), ...pin].join(' and ') || 'changing nothing'
}
