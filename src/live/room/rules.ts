export const MESSAGE_STATUSES = ['visible', 'hidden', 'flagged'] as const
export type MessageStatus = (typeof MESSAGE_STATUSES)[number]

export const ENTRY_KINDS = ['message', 'moderation', 'status', 'settings', 'roster'] as const
export type EntryKind = (typeof ENTRY_KINDS)[number]

export const POST_OUTCOMES = ['posted', 'closed', 'subscribers-only', 'removed', 'paced'] as const
export type PostOutcome = (typeof POST_OUTCOMES)[number]

/** A listener writes five notes at once and then one every two seconds: a lively talk, and no flood. */
export const PACE = { burst: 5, refillMs: 2_000 }

/** Statuses of an event whose room everybody sees; drafts and cancelled ones are for those who administer. */
export const PUBLIC_STATUSES: readonly string[] = ['scheduled', 'live', 'ended']

/** Who asks to be let into a room. */
export type Visitor = {
  moderates: boolean
  subscriber: boolean
  removed: boolean
}

export type EntryRefusal = 'not-found' | 'removed-from-room' | 'subscribers-only'

/** Why somebody may not see what is said in a room, or undefined. Removal is stronger than every way in. */
export function entryRefusal(
  room: { status: string; subscriberOnly: boolean },
  visitor: Visitor,
): EntryRefusal | undefined {
  if (visitor.removed) return 'removed-from-room'
  if (visitor.moderates) return undefined
  if (!PUBLIC_STATUSES.includes(room.status)) return 'not-found'
  if (room.subscriberOnly && !visitor.subscriber) return 'subscribers-only'
  return undefined
}

export type Position = { epoch: string; seq: number }

/** How far a reader may be behind and still get what it missed rather than a snapshot: a second of a loud room, 50 pages. */
export const MAX_MISSED = 5_000

export const RESET_REASONS = ['start', 'other-epoch', 'ahead', 'too-far-behind'] as const
export type ResetReason = (typeof RESET_REASONS)[number]

/** Whether what was missed since a position can be sent, or the reason to start from a snapshot. */
export function resumption(given: Position | undefined, head: Position): ResetReason | undefined {
  if (given === undefined) return 'start'
  if (given.epoch !== head.epoch) return 'other-epoch'
  if (given.seq > head.seq) return 'ahead'
  if (head.seq - given.seq > MAX_MISSED) return 'too-far-behind'
  return undefined
}

/** Cursor of a room's log for agents: `<eventId>:<epoch>:<seq>`. */
export const formatPosition = (eventId: string, { epoch, seq }: Position): string =>
  `${eventId}:${epoch}:${seq}`

export function parsePosition(cursor: string): (Position & { eventId: string }) | undefined {
  const match = /^(.{1,180}):([0-9a-f]{16}):(\d{1,15})$/.exec(cursor)
  return match ? { eventId: match[1] as string, epoch: match[2] as string, seq: Number(match[3]) } : undefined
}
