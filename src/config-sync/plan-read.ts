import { z } from 'zod'
import { Cursor, READS, Size } from '../config-hub/schema.ts'
import { read } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { ALL_KINDS, requireJob } from './jobs/begin.ts'
import { rowPage } from './jobs/page.ts'
import { presentPlanRow, summaryOf } from './jobs/present.ts'
import { JobId, PlanRow, PlanSummary } from './jobs/schema.ts'
import { listPlan } from './jobs/store.ts'

export const planRead = read({
  id: 'config-sync.plan.read',
  tool: 'config_sync_plan_read',
  surface: 'configuration-hub',
  summary: 'Read the plan of a job: what it creates, changes, deletes, leaves and refuses, and why.',
  boundaries: [
    'Of any job: promotions, restores, rollbacks and deletions. Secrets are only said to be set, changed or removed.',
    'The digest is what an approval or an application binds to.',
  ],
  http: { method: 'GET', path: '/v1/configs/sync-jobs/{id}/plan' },
  access: READS,
  input: z.strictObject({
    id: JobId,
    cursor: Cursor.optional(),
    size: Size.optional(),
    acting: z.boolean().optional().describe('Only what is written or refused'),
  }),
  output: z.object({
    job_id: z.string(),
    digest: z.string(),
    summary: PlanSummary,
    results: z.array(PlanRow),
    next_cursor: z.string().optional(),
  }),
  errors: ['not-found', 'conflict', 'cursor-invalid'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, { id, acting = false, ...page }) {
    const row = await requireJob(ctx, id, ALL_KINDS)
    const summary = summaryOf(row)
    if (!summary || row.planDigest === null)
      return fail('conflict', row.stage === 'planning' ? 'The plan is being made.' : 'No plan was made.')
    const rows = await rowPage(
      ctx,
      { ...page, list: 'sync-job-plan', filters: { id, acting } },
      (after, size) => listPlan(ctx.db, ctx.org, id, { after, size, acting }),
      presentPlanRow,
    )
    return { job_id: id, digest: row.planDigest, summary, ...rows }
  },
})
