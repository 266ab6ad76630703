import { EventEmitter } from 'node:events'
import { z } from 'zod'
import { type Operation, read } from '../../src/operation/define.ts'
import { fail } from '../../src/operation/errors.ts'

// A few operations with a memory of their own, enough to see every way in which a call can end.

export type Notes = {
  operations: Operation[]
  write(noteId: string, text: string): void
  follow(noteId: string, listener: () => void): () => void
  followers(): number
}

/** What a defect's message must never show to a caller. */
export const INTERNAL = 'postgres://admin:hunter2@10.0.0.7/countersign'

export function createNotes(): Notes {
  const notes = new Map([['n1', 'first']])
  const changes = new EventEmitter()
  const common = {
    surface: 'notes',
    boundaries: ['Only for tests.'],
    audit: { none: 'A read changes nothing.' },
  }

  const noteRead = read({
    ...common,
    id: 'notes.read',
    tool: 'note_read',
    summary: 'Read a note.',
    http: { method: 'GET', path: '/notes/{noteId}' },
    access: { auth: 'guest' },
    input: z.strictObject({ noteId: z.string().min(1).max(40), limit: z.int().min(1).max(9).optional() }),
    output: z.object({ ok: z.literal(true), noteId: z.string(), text: z.string() }),
    errors: ['not-found'],
    resource: { uri: 'fanful://agent/notes/{noteId}', title: 'Note' },
    async run(_ctx, { noteId, limit }) {
      const text = notes.get(noteId) ?? fail('not-found', `There is no note ${noteId}.`)
      return { ok: true as const, noteId, text: text.slice(0, limit) }
    },
    // What can be followed has a stream; nobody opens this one.
    async *stream() {},
  })
  const privateRead = read({
    ...common,
    id: 'notes.private.read',
    tool: 'note_private_read',
    summary: 'Read the private note.',
    http: { method: 'GET', path: '/private' },
    access: { auth: 'scoped-agent-grant', scope: 'notes:read' },
    input: z.strictObject({}),
    output: z.object({ ok: z.literal(true), text: z.string() }),
    errors: [],
    resource: { uri: 'fanful://agent/private', title: 'Private note' },
    run: async () => ({ ok: true as const, text: 'private' }),
  })
  const defectRead = read({
    ...common,
    id: 'notes.defect.read',
    tool: 'note_defect_read',
    summary: 'Fails as a defect does.',
    http: { method: 'GET', path: '/defect' },
    access: { auth: 'guest' },
    input: z.strictObject({}),
    output: z.object({ ok: z.literal(true) }),
    errors: [],
    run: async () => {
      throw new Error(`could not connect to ${INTERNAL}`)
    },
  })
  const contextRead = read({
    ...common,
    id: 'notes.context.read',
    tool: 'note_context_read',
    summary: 'Tells what reached the operation beside its arguments.',
    http: { method: 'GET', path: '/context' },
    access: { auth: 'guest' },
    input: z.strictObject({
      action: z.literal('tell'),
      envelope: z.object({ idempotencyKey: z.string() }).optional(),
    }),
    output: z.object({
      ok: z.literal(true),
      principal: z.string(),
      org: z.string(),
      sessionId: z.string().nullable(),
      idempotencyKey: z.string().nullable(),
    }),
    errors: [],
    // Its session is told, not recorded in: no database is behind these operations.
    ownEvents: true,
    run: async ({ principal, call }) => ({
      ok: true as const,
      principal: principal.id,
      org: principal.org,
      sessionId: call.sessionId ?? null,
      idempotencyKey: call.idempotencyKey ?? null,
    }),
  })
  return {
    operations: [noteRead, privateRead, defectRead, contextRead] as unknown as Operation[],
    write(noteId, text) {
      notes.set(noteId, text)
      changes.emit(noteId)
    },
    follow(noteId, listener) {
      changes.on(noteId, listener)
      return () => changes.off(noteId, listener)
    },
    followers: () => changes.eventNames().reduce((sum, name) => sum + changes.listenerCount(name), 0),
  }
}
