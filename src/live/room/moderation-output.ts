import { z } from 'zod'
import { type Plan, PlanSchema } from '../../operation/plan.ts'
import type { ModerationSubject } from './moderation.ts'

/** Answer of moderation by rule: the plan that was applied, and its one place in the room’s log. */
export const ModerationOutput = z.object({
  ok: z.literal(true),
  mode: z.enum(['applied', 'preview']),
  plan: PlanSchema,
  seq: z.number().int().optional().describe('The entry; what to name as fromSeq and toSeq to take it back'),
  changed: z.number().int().optional(),
})

/** The answer, and the states for the audit: notes by id, without their words. */
export function moderationApplied(plan: Plan, { eventId, changes }: ModerationSubject, seq: number) {
  const of = (side: 'before' | 'next') =>
    Object.fromEntries(changes.map((change) => [change.id, change[side]]))
  return {
    output: { ok: true as const, mode: 'applied' as const, plan, seq, changed: changes.length },
    previous: { eventId, notes: of('before') },
    next: { id: eventId, eventId, seq, notes: of('next') },
  }
}
