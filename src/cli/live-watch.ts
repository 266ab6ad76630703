import { setTimeout as sleep } from 'node:timers/promises'
import type { Entry, Message } from '../live/room/schema.ts'
import { Refused, Unreachable } from './exit.ts'
import type { Output } from './output.ts'
import type { Call } from './remote.ts'
import { plain } from './sync-text.ts'

/** Twice a second: a talk is read, not measured. */
const LOOK_MS = 500
const PAGE = 500

type Watched = { eventId: string; last: number; once: boolean }

/**
 * Shows the newest notes of a room and then its log as it grows, until `signal` ends it. A server that starts again is
 * waited for, and what was said meanwhile is shown.
 */
export async function watchRoom(
  call: Call,
  { eventId, last, once }: Watched,
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  type Read = { messages: Message[]; position: { epoch: string; seq: number } }
  const { messages, position } = await call<Read>('live.chat.messages.read', { eventId, limit: last })
  for (const message of messages) output.data(message, noteLine(message.createdAt, message))
  let cursor = `${eventId}:${position.epoch}:${position.seq}`
  while (!once && !signal.aborted) {
    try {
      const page = await call<{ entries: Entry[]; nextCursor: string }>('live.log.read', {
        ...{ eventId, cursor, limit: PAGE },
      })
      for (const entry of page.entries) output.data(entry, entryLine(entry))
      cursor = page.nextCursor
      if (page.entries.length === PAGE) continue
    } catch (error) {
      if (!isPassing(error)) throw error
      output.say('No answer; trying again.')
    }
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {})
  }
}

/** What a server says that starts, stops or has too much to do. */
const isPassing = (error: unknown): boolean =>
  error instanceof Unreachable || (error instanceof Refused && error.body.retryable === true)

const clock = (at: string): string => at.slice(11, 19)

function noteLine(at: string, { displayName, body, status, pinned, id }: Message): string {
  const marks = `${status === 'flagged' ? ' (flagged)' : ''}${pinned ? ' (pinned)' : ''}`
  return status === 'hidden'
    ? `${clock(at)}  ${id} is hidden`
    : `${clock(at)}  ${plain(displayName ?? '')}: ${plain(body ?? '')}${marks}`
}

/** One line, or several where one act changed several notes. Names and words do not control the terminal. */
export function entryLine(entry: Entry): string {
  const at = clock(entry.at)
  switch (entry.kind) {
    case 'message':
      return noteLine(entry.at, entry.message)
    case 'moderation':
      return entry.messages.map((message) => `${at}  · ${noteLine(entry.at, message).slice(10)}`).join('\n')
    case 'status':
      return `${at}  · from ${entry.previous} to ${entry.status}`
    case 'settings': {
      const { seq: _seq, at: _at, kind: _kind, ...settings } = entry
      const told = Object.entries(settings).map(([name, value]) => `${name} ${plain(String(value))}`)
      return `${at}  · ${told.join(', ')}`
    }
    case 'roster':
      return `${at}  · ${plain(entry.displayName)} is ${entry.status}${entry.role ? ` (${entry.role})` : ''}`
  }
}
