import { z } from 'zod'
import { write } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { presentWork } from './work-log/rules.ts'
import { findWork } from './work-log/store.ts'
import { removeWork } from './work-log/write.ts'
import { observed, WorkId } from './work-log-put.ts'

export const workLogRemove = write({
  id: 'sync-feeds.work-log-remove',
  tool: 'agent_sync_feed_work_log_remove',
  surface: 'sync-feeds',
  summary: 'Take an entry out of the work log; readers of the feed get a tombstone.',
  boundaries: ['Readers are told to forget it; who read it has read it.'],
  http: { method: 'DELETE', path: '/api/admin/work-log/{id}' },
  access: { auth: 'artist-admin-or-approved-automation', scope: 'work-log:write' },
  input: z.strictObject({
    id: WorkId,
    expectedVersion: z.int().min(1).optional(),
    dryRun: z.boolean().optional().describe('Answer the plan and change nothing'),
  }),
  output: z.object({ ok: z.literal(true), removed: z.string() }),
  errors: ['not-found', 'stale', 'approval-required'],
  confirmation: {
    kind: 'public-message',
    reason: 'The work log is public.',
    contractId: 'creator.work-log',
    action: 'creator.work-log.remove',
    envelope: false,
  },
  audit: {
    event: 'work_log_remove',
    record: 'work_log_entries',
    attribution: 'The entry that there was, with who removed it.',
  },
  async preview(ctx, { id }) {
    const before = await findWork(ctx.db, ctx.org, id, ctx.lock)
    if (!before) return fail('not-found', `There is no entry ${id} in the work log.`)
    const { title } = before
    return {
      target: { kind: 'work-log-entry', id, title: `the work log entry ${title}` },
      targetSummary: `Remove the public entry ${id}.`,
      observed: [observed(before)],
      arguments: { id },
      changes: [
        { op: 'delete' as const, pointer: '', label: title, before: presentWork(before), after: null },
      ],
      affectedSurfaces: ['sync-feeds'],
      confirmationText: `I confirm removing ${title} from the public work log.`,
      subject: before,
    }
  },
  async apply(ctx, _plan, { id }, before) {
    await removeWork(ctx, id)
    return { output: { ok: true as const, removed: id }, previous: presentWork(before), next: { id } }
  },
})
