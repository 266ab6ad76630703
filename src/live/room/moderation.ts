import type { Context } from '../../operation/define.ts'
import { fail } from '../../operation/errors.ts'
import { canonical, type Plan, type PlanBlocker, type PlanDraft, sha256 } from '../../operation/plan.ts'
import { findRoom } from '../store.ts'
import { tellReadiness } from '../tell-readiness.ts'
import type { MessageStatus } from './rules.ts'
import { appendEntries, type MessageRow, type Moderation, moderateNotes } from './store.ts'

/** What notes are to be; what is absent stays. */
export type NextState = { status?: MessageStatus | undefined; pinned?: boolean | undefined }

/** What a planner of moderation hands to apply. */
export type ModerationSubject = { eventId: string; changes: readonly Moderation[] }

/** A note's change, or undefined where it is as wanted already. A hidden note is not pinned: nobody would see it. */
export function moderationOf(note: MessageRow, next: NextState): Moderation | undefined {
  const status = next.status ?? note.status
  const wanted = { status, pinned: (next.pinned ?? note.pinned) && status !== 'hidden' }
  if (wanted.status === note.status && wanted.pinned === note.pinned) return undefined
  const { id, version, pinned } = note
  return { id, version, before: { status: note.status, pinned }, next: wanted }
}

export const observedNote = ({ id, version, updatedAt }: MessageRow): PlanDraft['observed'][number] => ({
  kind: 'live-note',
  id,
  version,
  updatedAt: updatedAt.toISOString(),
})

/** Plan of changing notes of one room, whatever chose them. The digest is over every note and its version. */
export function planModeration(options: {
  eventId: string
  title: string
  /** How the choice is told and confirmed. */
  doing: string
  changes: readonly Moderation[]
  notes: readonly MessageRow[]
  blockers: PlanBlocker[]
  warnings?: string[]
  arguments: PlanDraft['arguments']
}): PlanDraft & { subject: ModerationSubject } {
  const { eventId, title, doing, changes, notes } = options
  const byId = new Map(notes.map((note) => [note.id, note]))
  const nothing: PlanBlocker[] =
    changes.length === 0 ? [{ code: 'plan-blocked', message: 'No note would change.' }] : []
  const count = changes.length === 1 ? 'one note' : `${changes.length} notes`
  return {
    subject: { eventId, changes },
    target: { kind: 'live-room', id: eventId, title },
    targetSummary: `${capitalised(doing)}: ${count} of ${title}.`,
    observed: [],
    arguments: {
      ...options.arguments,
      count: changes.length,
      notes: sha256(
        canonical(changes.map(({ id, version, next }) => [id, version, next.status, next.pinned])),
      ),
    },
    changes: changes.slice(0, SHOWN).map(({ id, before, next }) => ({
      op: 'update' as const,
      pointer: `/messages/${id}`,
      label: `${byId.get(id)?.displayName}: ${excerpt(byId.get(id)?.body ?? '')}`,
      before: stateText(before),
      after: stateText(next),
    })),
    affectedSurfaces: ['live chat', 'live-controls manifest'],
    blockers: [...options.blockers, ...nothing],
    warnings: [
      ...(options.warnings ?? []),
      ...(changes.length > SHOWN ? [`The first ${SHOWN} of ${changes.length} notes are shown.`] : []),
    ],
    confirmationText: `I confirm ${doing} for ${count} of ${title}.`,
  }
}

/** 100 rows are what a person reads through before deciding. */
const SHOWN = 100

const stateText = ({ status, pinned }: Moderation['next']): string => (pinned ? `${status}, pinned` : status)
const excerpt = (body: string): string => (body.length > 120 ? `${body.slice(0, 119)}…` : body)
const capitalised = (text: string): string => `${text[0]?.toUpperCase()}${text.slice(1)}`

/**
 * Writes planned changes of notes and their one entry in the room's log. `undoes` names the entries that it takes back.
 * Errors: stale, when a note changed since the plan read it.
 */
export async function applyModeration(
  ctx: Context,
  plan: Plan,
  { eventId, changes }: ModerationSubject,
): Promise<number> {
  const changed = await moderateNotes(ctx.db, ctx.org, eventId, changes, ctx.now)
  if (changed !== changes.length) fail('stale', { detail: 'A note changed meanwhile.', extra: { plan } })
  const seq = await appendEntries(
    ctx.db,
    ctx.org,
    eventId,
    [{ kind: 'moderation', messages: changes.map(({ id }) => id), detail: { changes } }],
    ctx.now,
  )
  await tellFlagged(ctx, eventId, changes)
  ctx.touched.add(`room/${eventId}`)
  return seq
}

/** Flagged notes that wait are one of the checks of readiness. */
async function tellFlagged(ctx: Context, eventId: string, changes: readonly Moderation[]): Promise<void> {
  const flagged = (side: 'before' | 'next') =>
    changes.filter((each) => each[side].status === 'flagged').length
  const more = flagged('next') - flagged('before')
  if (more === 0) return
  const room = await findRoom(ctx.db, ctx.org, eventId)
  if (!room) return
  const stats = { ...room.stats, flaggedMessages: room.stats.flaggedMessages - more }
  await tellReadiness(ctx, { ...room, stats }, room)
}

/** What notes were before the entries of a range, oldest first, and what those made of them. */
export function reversalOf(
  entries: readonly { changes: readonly Moderation[] }[],
): Map<string, { was: Moderation['before']; became: Moderation['next'] }> {
  const result = new Map<string, { was: Moderation['before']; became: Moderation['next'] }>()
  for (const { changes } of entries)
    for (const { id, before, next } of changes)
      result.set(id, { was: result.get(id)?.was ?? before, became: next })
  return result
}
