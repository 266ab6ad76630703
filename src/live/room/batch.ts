import { z } from 'zod'
import type { Context } from '../../operation/define.ts'
import { fail } from '../../operation/errors.ts'
import type { PlanBlocker, PlanDraft } from '../../operation/plan.ts'
import { type ModerationSubject, moderationOf, planModeration, reversalOf } from './moderation.ts'
import { MESSAGE_STATUSES } from './rules.ts'
import { findRoomState, listModerations, lockNotes, matchNotes, type RoomState } from './store.ts'

/** 1,000 notes are written and told in some tens of milliseconds under the room's lock. */
export const MOST_NOTES = 1_000

const Seq = z.int().min(1)

/** Which notes of a room a rule is about; each part that is given must hold. */
export const RuleSchema = z.strictObject({
  contains: z.string().trim().min(2).max(200).optional().describe('Part of the note, in any case'),
  words: z
    .array(z.string().trim().min(1).max(60))
    .min(1)
    .max(50)
    .optional()
    .describe('Any of these as whole words, in any case'),
  displayName: z.string().min(1).max(200).optional().describe('The author as shown'),
  status: z.enum(MESSAGE_STATUSES).optional().describe('Notes that are this now; visible unless told'),
  fromSeq: Seq.optional(),
  toSeq: Seq.optional().describe(
    'The last place looked at; a plan that is to wait for people should name it',
  ),
})
export type Rule = z.output<typeof RuleSchema>

export const RangeSchema = { fromSeq: Seq, toSeq: Seq }

async function requireRoom(ctx: Context, eventId: string): Promise<RoomState> {
  const room = await findRoomState(ctx.db, ctx.org, eventId)
  return (
    room ??
    fail('not-found', {
      detail: `There is no event ${eventId}.`,
      errors: [{ pointer: '/eventId', message: 'unknown event' }],
    })
  )
}

type Drafted = PlanDraft & { subject: ModerationSubject }

/** Plan of giving every note that a rule matches a status. */
export async function planBatch(
  ctx: Context,
  eventId: string,
  rule: Rule,
  next: (typeof MESSAGE_STATUSES)[number],
): Promise<Drafted> {
  const room = await requireRoom(ctx, eventId)
  const found = await matchNotes(ctx.db, ctx.org, eventId, { ...rule, limit: MOST_NOTES + 1, lock: ctx.lock })
  const notes = found.slice(0, MOST_NOTES)
  const changes = notes.flatMap((note) => moderationOf(note, { status: next }) ?? [])
  return planModeration({
    ...{ eventId, title: room.title, doing: `marking as ${next}`, changes, notes },
    blockers: found.length > MOST_NOTES ? [tooMany] : [],
    warnings: rule.toSeq === undefined ? [OPEN_ENDED] : [],
    arguments: { status: next, rule: JSON.parse(JSON.stringify(rule)) },
  })
}

const OPEN_ENDED =
  'No toSeq is named: a note that comes and matches before this is confirmed makes another plan of it.'
const tooMany: PlanBlocker = {
  code: 'plan-blocked',
  message: `More than ${MOST_NOTES} notes match; narrow the rule with fromSeq and toSeq.`,
}

/**
 * Plan of taking back the moderation between two places of the log: each note becomes what it was before the first
 * entry, unless somebody changed it again after the last one.
 */
export async function planUndo(
  ctx: Context,
  eventId: string,
  { fromSeq, toSeq }: { fromSeq: number; toSeq: number },
): Promise<Drafted> {
  const room = await requireRoom(ctx, eventId)
  const reversal = reversalOf(await listModerations(ctx.db, ctx.org, eventId, fromSeq, toSeq))
  const ids = [...reversal.keys()].slice(0, MOST_NOTES)
  const notes = await lockNotes(ctx.db, ctx.org, ids, ctx.lock)
  const unchanged = notes.filter(({ id, status, pinned }) => {
    const became = reversal.get(id)?.became
    return became?.status === status && became.pinned === pinned
  })
  const changes = unchanged.flatMap((note) => moderationOf(note, reversal.get(note.id)?.was ?? {}) ?? [])
  const left = notes.length - unchanged.length
  return planModeration({
    ...{ eventId, title: room.title, doing: 'taking moderation back', changes, notes: unchanged },
    blockers: reversal.size > MOST_NOTES ? [tooMany] : [],
    warnings: left > 0 ? [`${left} notes were changed again since and stay as they are.`] : [],
    arguments: { fromSeq, toSeq },
  })
}
