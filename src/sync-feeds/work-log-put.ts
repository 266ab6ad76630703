import { z } from 'zod'
import { DateTime } from '../live/schema.ts'
import { write } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import type { PlanChange } from '../operation/plan.ts'
import { WORK_KINDS, WorkLogData } from './records.ts'
import { presentWork, type WorkEntry } from './work-log/rules.ts'
import { findWork, type WorkRow } from './work-log/store.ts'
import { writeWork } from './work-log/write.ts'

/** Ids that people choose; those of the system have a colon. */
export const WorkId = z
  .string()
  .regex(/^[a-z0-9](-?[a-z0-9])*$/, 'must be lower case letters, digits and single hyphens')
  .max(120)

const isPublicUrl = (text: string): boolean => {
  if (!URL.canParse(text)) return false
  const { protocol, username, password } = new URL(text)
  return /^https?:$/.test(protocol) && username === '' && password === ''
}

export const workLogPut = write({
  id: 'sync-feeds.work-log-put',
  tool: 'agent_sync_feed_work_log_put',
  surface: 'sync-feeds',
  summary: 'Publish an entry of the work log, or change one.',
  boundaries: [
    'Everybody reads it at once; what was read is not taken back by removing it.',
    'Entries that follow live events are kept by the system and are not written here.',
  ],
  http: { method: 'PUT', path: '/api/admin/work-log/{id}' },
  access: { auth: 'artist-admin-or-approved-automation', scope: 'work-log:write' },
  input: z.strictObject({
    id: WorkId,
    title: z.string().trim().min(1).max(200),
    summary: z.string().trim().min(1).max(2_000),
    kind: z.enum(WORK_KINDS).default('announcement'),
    url: z
      .string()
      .max(2_000)
      .refine(isPublicUrl, 'must be an http(s) URL without a name and password in it')
      .nullable()
      .default(null),
    occurredAt: DateTime.optional().describe('When it happened; now unless told'),
    expectedVersion: z.int().min(1).optional().describe('Refuse when the entry has another version'),
    dryRun: z.boolean().optional().describe('Answer the plan and change nothing'),
  }),
  output: z.object({
    ok: z.literal(true),
    entry: WorkLogData,
    version: z.int(),
    updatedAt: z.string(),
  }),
  errors: ['validation-failed', 'stale', 'approval-required'],
  confirmation: {
    kind: 'public-message',
    reason: 'The work log is public.',
    contractId: 'creator.work-log',
    action: 'creator.work-log.put',
    envelope: false,
  },
  audit: {
    event: 'work_log_put',
    record: 'work_log_entries',
    attribution: 'The entry before and after, with who published it.',
  },
  async preview(ctx, { id, title, summary, kind, url, occurredAt }) {
    const before = await findWork(ctx.db, ctx.org, id, ctx.lock)
    const at = occurredAt ? new Date(occurredAt) : (before?.occurredAt ?? ctx.now)
    const next: WorkEntry = { id, title, summary, kind, url, occurredAt: at }
    return {
      target: { kind: 'work-log-entry', id, title: `the work log entry ${title}` },
      targetSummary: before ? `Change the public entry ${id}.` : `Publish the entry ${id}.`,
      observed: before ? [observed(before)] : [],
      arguments: { id, title, summary, kind, url, ...(occurredAt ? { occurredAt } : {}) },
      changes: changesOf(before, next),
      affectedSurfaces: ['sync-feeds'],
      confirmationText: `I confirm publishing ${title} in the public work log.`,
      subject: { before, next },
    }
  },
  async apply(ctx, plan, _input, { before, next }) {
    const row = await writeWork(ctx, { ...next, origin: 'people', version: before?.version ?? 0 })
    if (!row) return fail('stale', { detail: `The entry ${next.id} changed meanwhile.`, extra: { plan } })
    const entry = presentWork(row)
    return {
      output: { ok: true as const, entry, version: row.version, updatedAt: row.updatedAt.toISOString() },
      previous: before ? presentWork(before) : null,
      next: entry,
    }
  },
})

export const observed = ({ id, version, updatedAt }: WorkRow) => ({
  kind: 'work-log-entry',
  id,
  version,
  updatedAt: updatedAt.toISOString(),
})

const FIELDS = ['title', 'summary', 'kind', 'url', 'occurredAt'] as const

function changesOf(before: WorkEntry | undefined, next: WorkEntry): PlanChange[] {
  const was = before && presentWork(before)
  const becomes = presentWork(next)
  // a time that nobody named is that of the moment, and no change that a plan binds to
  return FIELDS.filter((field) => (was ? was[field] !== becomes[field] : field !== 'occurredAt')).map(
    (field) => ({
      op: was ? 'update' : 'create',
      pointer: `/${field}`,
      label: field,
      before: was?.[field] ?? null,
      after: becomes[field],
    }),
  )
}
