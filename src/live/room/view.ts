import type { Queryable } from '../../db/pool.ts'
import { type Entry, EntrySchema, type Message, type Snapshot } from './schema.ts'
import { type EntryRow, listMessages, listPinned, type MessageRow, type RoomState } from './store.ts'

/** What may be shown of a note: whoever does not moderate learns of a hidden one only that it is hidden. */
export function presentMessage(row: MessageRow, moderates = false): Message {
  const shown = moderates || row.status !== 'hidden'
  return {
    id: row.id,
    eventId: row.eventId,
    seq: row.seq,
    displayName: shown ? row.displayName : null,
    body: shown ? row.body : null,
    status: row.status,
    pinned: row.pinned,
    createdAt: row.createdAt.toISOString(),
  }
}

/** An entry as it is served: its own fields and nothing else, with its notes as they are now. */
export function presentEntry({ seq, kind, at, detail, messages }: EntryRow): Entry {
  const shown = messages.map((row) => presentMessage(row))
  const own =
    kind === 'message' ? { message: shown[0] } : kind === 'moderation' ? { messages: shown } : detail
  return EntrySchema.parse({ ...own, seq, kind, at: at.toISOString() })
}

/** 50 notes fill several screens; whoever wants more pages back. */
const SNAPSHOT_MESSAGES = 50

/** The room at its position, for who starts anew: what was hidden since is left out, what came since follows. */
export async function snapshotOf(db: Queryable, org: string, room: RoomState): Promise<Snapshot> {
  const { eventId, title, status, chatEnabled, subscriberOnly, slowModeSeconds } = room
  const [messages, pinned] = await Promise.all([
    listMessages(db, org, eventId, { statuses: ['visible', 'flagged'], limit: SNAPSHOT_MESSAGES }),
    listPinned(db, org, eventId),
  ])
  return {
    room: { eventId, title, status, chatEnabled, subscriberOnly, slowModeSeconds },
    // what came after the position is sent as entries
    messages: messages.filter(({ seq }) => seq <= room.seq).map((row) => presentMessage(row)),
    pinned: pinned.map((row) => presentMessage(row)),
  }
}
