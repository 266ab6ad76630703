import { z } from 'zod'
import { read as defineRead } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { listAudit } from '../operation/store.ts'

const Redacted = z.record(z.string(), z.unknown()).nullable()

export const read = defineRead({
  id: 'audit.read',
  tool: 'audit_read',
  surface: 'audit',
  summary: 'Read who did, or was refused, what: newest first, by target or session.',
  boundaries: ['States are redacted; principals appear by name and kind, never by id.'],
  http: { method: 'GET', path: '/api/admin/audit' },
  access: { auth: 'artist-admin-or-approved-automation', scope: 'audit:read' },
  input: z.strictObject({
    targetKind: z.string().min(1).max(60).optional(),
    targetId: z.string().min(1).max(200).optional(),
    sessionId: z.string().min(1).max(120).optional(),
    cursor: z.string().max(400).optional(),
    limit: z.int().min(1).max(100).optional(),
  }),
  output: z.object({
    ok: z.literal(true),
    entries: z.array(
      z.object({
        seq: z.number().int(),
        occurredAt: z.string(),
        outcome: z.enum(['applied', 'refused']),
        code: z.string().nullable(),
        event: z.string(),
        also: z.array(z.string()).describe('What the same write was besides'),
        operationId: z.string(),
        toolName: z.string(),
        principal: z.object({ source: z.string(), role: z.string(), displayName: z.string() }),
        client: z.object({ id: z.string(), name: z.string(), kind: z.string() }).nullable(),
        target: z.object({ kind: z.string().nullable(), id: z.string().nullable() }),
        previous: Redacted,
        next: Redacted,
        planDigest: z.string().nullable(),
        sessionId: z.string().nullable(),
        approvalId: z.string().nullable(),
        idempotencyKey: z.string().nullable(),
        correlationId: z.string().nullable(),
        requestId: z.string(),
        reason: z.string().nullable(),
      }),
    ),
    nextCursor: z.string().nullable(),
  }),
  errors: ['cursor-invalid', 'unauthenticated', 'forbidden', 'scope-missing'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, { cursor, limit = 50, ...filter }) {
    const before = cursor ? positionOf(ctx.deps.sealing.verify(cursor), ctx.org) : undefined
    const rows = await listAudit(ctx.db, ctx.org, { ...filter, before, limit: limit + 1 })
    const shown = rows.slice(0, limit)
    const entries = shown.map(({ occurredAt, tool, ...row }) => ({
      ...row,
      toolName: tool,
      occurredAt: occurredAt.toISOString(),
    }))
    const nextCursor = rows.length > limit ? ctx.deps.sealing.sign([ctx.org, shown.at(-1)?.seq]) : null
    return { ok: true as const, entries: entries as never, nextCursor }
  },
})

function positionOf(payload: unknown, org: string): number {
  const parsed = z.tuple([z.string(), z.number()]).safeParse(payload)
  if (!parsed.success || parsed.data[0] !== org)
    return fail('cursor-invalid', {
      detail: 'The cursor was not issued by this endpoint.',
      errors: [{ pointer: '/cursor', message: 'must be a nextCursor of this endpoint' }],
    })
  return parsed.data[1]
}
