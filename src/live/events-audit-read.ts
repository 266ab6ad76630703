import { z } from 'zod'
import { readCursor, signCursor } from '../operation/cursor.ts'
import { read } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { type AuditEntry, listLiveActions } from '../operation/store.ts'
import { AUDIT_ACTIONS } from './rules.ts'
import { EventId } from './schema.ts'
import { findRoom } from './store.ts'

const Action = z.enum(AUDIT_ACTIONS)
const State = z.record(z.string(), z.json()).nullable()

const Entry = z.object({
  id: z.number().int(),
  occurredAt: z.string(),
  action: Action,
  actions: z.array(Action).describe('Everything that this one write was, the foremost first'),
  eventId: z.string().nullable(),
  messageId: z.string().nullable(),
  communityChannelId: z.string().nullable(),
  principal: z.object({ source: z.string(), role: z.string(), displayName: z.string() }),
  client: z.object({ id: z.string(), name: z.string(), kind: z.string() }).nullable(),
  operationId: z.string(),
  toolName: z.string(),
  previous: State,
  next: State,
  idempotencyKey: z.string().nullable(),
  correlationId: z.string().nullable(),
  approvalId: z.string().nullable(),
  reason: z.string().nullable(),
})

export const eventsAuditRead = read({
  id: 'live.events.audit.read',
  tool: 'live_events_audit_read',
  surface: 'live-controls',
  summary: 'Read what was done to live events and their notes, newest first.',
  boundaries: [
    'Stream values appear only as booleans, people by name and never by id.',
    'Only what was done; what was refused is in the audit of the organisation.',
    'A write that was several things at once is one entry, found under each of its actions.',
  ],
  http: { method: 'GET', path: '/api/admin/live-events/audit' },
  access: { auth: 'artist-admin-or-approved-automation', scope: 'live:read' },
  input: z.strictObject({
    eventId: EventId.optional(),
    messageId: z.string().min(1).max(180).optional(),
    communityChannelId: z.string().min(1).max(120).optional(),
    action: Action.optional(),
    limit: z.int().min(1).max(100).optional(),
    cursor: z.string().max(400).optional(),
  }),
  output: z.object({ ok: z.literal(true), actions: z.array(Entry), nextCursor: z.string().nullable() }),
  errors: ['not-found', 'cursor-invalid'],
  audit: { none: 'Reading needs the same identity as writing.', record: 'live_event_admin_actions' },
  async run(ctx, { cursor, limit = 50, action, ...about }) {
    if (about.eventId !== undefined && !(await findRoom(ctx.db, ctx.org, about.eventId)))
      fail('not-found', `There is no event ${about.eventId}.`)
    const listing = { list: 'live.events.audit', filters: { action, ...about } }
    const [before] = readCursor(ctx, listing, cursor, z.tuple([z.number().int()])) ?? []
    const filter = { ...about, actions: action ? [action] : AUDIT_ACTIONS, before, limit: limit + 1 }
    const rows = await listLiveActions(ctx.db, ctx.org, filter)
    const shown = rows.slice(0, limit)
    const nextCursor = rows.length > limit ? signCursor(ctx, listing, [shown.at(-1)?.seq]) : null
    return { ok: true as const, actions: shown.map(present), nextCursor }
  },
})

/** A row as the contract speaks of it. A note's row names its event in its state. */
function present(row: AuditEntry): z.input<typeof Entry> {
  const state = row.next ?? row.previous
  const isNote = row.target?.kind === 'live-note'
  const channel = row.next?.communityChannelId ?? row.previous?.communityChannelId
  const actions = [row.event, ...row.also].map((action) => Action.parse(action))
  return {
    id: row.seq,
    occurredAt: row.occurredAt.toISOString(),
    action: actions[0] as (typeof actions)[number],
    actions,
    eventId: isNote ? textOf(state?.eventId) : (row.target?.id ?? null),
    messageId: isNote ? (row.target?.id ?? null) : null,
    communityChannelId: textOf(channel),
    principal: row.principal,
    client: (row.client as z.input<typeof Entry>['client'] | undefined) ?? null,
    operationId: row.operationId,
    toolName: row.tool,
    previous: row.previous as z.input<typeof State>,
    next: row.next as z.input<typeof State>,
    idempotencyKey: row.idempotencyKey ?? null,
    correlationId: row.correlationId ?? null,
    approvalId: row.approvalId ?? null,
    reason: row.reason ?? null,
  }
}

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null)
