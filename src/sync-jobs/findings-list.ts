import { z } from 'zod'
import { readCursor, signCursor } from '../operation/cursor.ts'
import { read } from '../operation/define.ts'
import { listFindings } from './engine/findings.ts'
import { requireDefinition } from './engine/jobs.ts'
import {
  DriftClassName,
  FINDING_STATUSES,
  FINDINGS,
  FindingJobId,
  FindingSchema,
  Fingerprint,
  presentFinding,
  READS_FINDINGS,
} from './findings-schema.ts'
import { STRIPE_CATALOG } from './stripe-catalog/definition.ts'

export const findingsList = read({
  id: 'sync-jobs.findings.list',
  tool: 'agent_sync_jobs_findings_list',
  surface: 'sync-jobs',
  summary: 'List what a sync job found, the last opened first: by status and class.',
  boundaries: [
    'Evidence shows both sides by references and pseudonyms; no id of Stripe is in it.',
    'A finding is no permission: what it suggests is previewed and confirmed like any other write.',
  ],
  http: { method: 'GET', path: FINDINGS },
  access: READS_FINDINGS,
  input: z.strictObject({
    jobId: FindingJobId,
    status: z.enum(FINDING_STATUSES).optional(),
    class: DriftClassName.optional(),
    limit: z.int().min(1).max(200).optional(),
    cursor: z.string().max(600).optional(),
  }),
  output: z.object({
    ok: z.literal(true),
    findings: z.array(FindingSchema),
    nextCursor: z.string().nullable(),
  }),
  errors: ['not-found', 'cursor-invalid'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, { jobId = STRIPE_CATALOG, status, class: found, limit = 50, cursor }) {
    requireDefinition(ctx.deps, jobId)
    const listing = { list: 'sync-jobs.findings', filters: { jobId, status, class: found } }
    const place = z.tuple([z.iso.datetime(), Fingerprint])
    const [openedAt, fingerprint] = readCursor(ctx, listing, cursor, place) ?? []
    const rows = await listFindings(ctx.db, ctx.org, {
      ...{ jobId, status, class: found, limit: limit + 1 },
      ...(openedAt && fingerprint ? { before: { openedAt: new Date(openedAt), fingerprint } } : {}),
    })
    const page = rows.slice(0, limit)
    const last = page.at(-1)
    const nextCursor =
      last && rows.length > limit
        ? signCursor(ctx, listing, [last.openedAt.toISOString(), last.fingerprint])
        : null
    return { ok: true as const, findings: page.map(presentFinding), nextCursor }
  },
})
