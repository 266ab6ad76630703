import { randomBytes } from 'node:crypto'
import type { Db, Queryable } from '../../db/pool.ts'
import type { Context } from '../../operation/define.ts'
import { fail } from '../../operation/errors.ts'
import { PACE } from './rules.ts'
import { type NewNote, type PostedNote, postNotes } from './store.ts'

export type Room = { org: string; eventId: string }

/**
 * Notes on their way into the rooms of this process. Those that come while a room's statement is under way are written
 * together by the next one: the room's row is locked once for all of them, and one commit carries them.
 */
export type Postbox = {
  /** Resolves when the note is committed, or refused by the room. */
  post(room: Room, note: NewNote, now: Date): Promise<PostedNote>
}

/** 100 notes are 1 to 2 ms of work under the room's lock. */
const MOST_AT_ONCE = 100
/**
 * 10 ms between a room's statements, unless many wait: unnoticed by who posts, and at 200 notes a second it makes two
 * or three of them share what a statement costs the process, which is several times what a note in it costs.
 */
const APART_MS = 10
const MANY = 3

type Waiting = { note: NewNote; now: Date; resolve(posted: PostedNote): void; reject(error: unknown): void }

export function createPostbox(db: Db): Postbox {
  const rooms = new Map<string, { waiting: Waiting[]; go(): void }>()

  async function deliver(key: string, room: Room): Promise<void> {
    const { waiting } = rooms.get(key) as { waiting: Waiting[] }
    for (let began = 0; ; ) {
      if (waiting.length < MANY) await gather(key, began + APART_MS - performance.now())
      if (waiting.length === 0) break
      began = performance.now()
      const batch = waiting.splice(0, MOST_AT_ONCE)
      const notes = batch.map(({ note }) => note)
      const { now } = batch.at(-1) as Waiting
      try {
        const posted = await postNotes(db, room, notes, { now, ...PACE })
        for (const [index, each] of batch.entries()) each.resolve(posted[index] as PostedNote)
      } catch (error) {
        for (const each of batch) each.reject(error)
      }
    }
    rooms.delete(key)
  }

  /** Waits for so many milliseconds, or until many wait. */
  async function gather(key: string, ms: number): Promise<void> {
    if (ms <= 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, ms)
    const box = rooms.get(key) as { go(): void }
    box.go = resolve
    await promise
    clearTimeout(timer)
    box.go = () => {}
  }

  return {
    post(room, note, now) {
      const key = `${room.org}/${room.eventId}`
      return new Promise((resolve, reject) => {
        const box = rooms.get(key)
        if (box) {
          box.waiting.push({ note, now, resolve, reject })
          if (box.waiting.length >= MANY) box.go()
          return
        }
        rooms.set(key, { waiting: [{ note, now, resolve, reject }], go: () => {} })
        void deliver(key, room)
      })
    },
  }
}

export const newNoteId = (): string => `note_${randomBytes(9).toString('base64url')}`

/**
 * Posts a note as the caller: with others of its moment, or within the caller's transaction where there is one.
 * Errors: not-found, chat-closed, subscribers-only, removed-from-room, rate-limited.
 */
export async function postNote(
  ctx: Context,
  eventId: string,
  note: Omit<NewNote, 'id'>,
): Promise<PostedNote & { id: string }> {
  const whole = { id: newNoteId(), ...note }
  const room = { org: ctx.org, eventId }
  const posted = ctx.lock
    ? ((await postNotes(ctx.db as Queryable, room, [whole], { now: ctx.now, ...PACE }))[0] as PostedNote)
    : await ctx.deps.postbox.post(room, whole, ctx.now)
  requirePosted(posted, eventId)
  ctx.touched.add(`room/${eventId}`)
  return { ...posted, id: whole.id }
}

function requirePosted({ outcome, waitMs }: PostedNote, eventId: string): void {
  if (outcome === 'closed') fail('chat-closed', `The chat of ${eventId} is closed.`)
  if (outcome === 'subscribers-only')
    fail('subscribers-only', `The room ${eventId} is for confirmed subscribers.`)
  if (outcome === 'removed') fail('removed-from-room', `You were removed from the room ${eventId}.`)
  if (outcome === 'paced')
    fail('rate-limited', {
      detail: `You may write in ${eventId} again in ${waitMs} ms.`,
      extra: { retryAfterMs: waitMs },
      headers: { 'retry-after': String(Math.ceil((waitMs ?? 0) / 1000)) },
    })
}
