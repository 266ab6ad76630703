import { z } from 'zod'
import { type Context, write } from '../operation/define.ts'
import { EnvelopeSchema } from '../operation/envelope.ts'
import { fail } from '../operation/errors.ts'
import { type PlanDraft, PlanSchema } from '../operation/plan.ts'
import { feedLog } from '../sync-feeds/append.ts'
import { type FindingRow, keepJudgement, requireFinding } from './engine/findings.ts'
import { tellFindings } from './findings-feed.ts'
import {
  EvidenceHash,
  FINDINGS,
  FindingJobId,
  FindingSchema,
  Fingerprint,
  JUDGES_FINDINGS,
  presentFinding,
} from './findings-schema.ts'
import { STRIPE_CATALOG } from './stripe-catalog/definition.ts'

export const judgementFields = {
  fingerprint: Fingerprint,
  jobId: FindingJobId,
  judgement: z
    .enum(['dismissed', 'open'])
    .describe('dismissed: it is as it should be, until either side changes; open: it is drift after all'),
  evidenceHash: EvidenceHash,
  note: z.string().trim().min(1).max(800).describe('Why; kept with the finding'),
}

export const findingsJudge = write({
  id: 'sync-jobs.findings.judge',
  tool: 'agent_sync_jobs_findings_judge',
  surface: 'sync-jobs',
  summary: 'Say of a finding that it is as it should be, or take that back.',
  boundaries: [
    'Nothing is written in the catalog or at Stripe.',
    'A dismissed finding opens again by itself as soon as either side changes.',
    'Refused when either side changed since the finding was read.',
  ],
  http: { method: 'POST', path: `${FINDINGS}/{fingerprint}` },
  access: JUDGES_FINDINGS,
  input: z.strictObject({
    action: z.literal('confirm_finding_judgement'),
    ...judgementFields,
    envelope: EnvelopeSchema,
  }),
  output: z.object({
    ok: z.literal(true),
    mode: z.enum(['preview', 'applied']),
    plan: PlanSchema,
    finding: FindingSchema.optional().describe('Once it is applied'),
  }),
  errors: ['not-found', 'stale', 'conflict', 'plan-blocked', 'validation-failed', 'approval-required'],
  confirmation: {
    kind: 'finding-judgement',
    reason: 'What is dismissed is shown to nobody any more until it changes.',
    contractId: 'sync-jobs.findings',
    action: 'sync-jobs.findings.judge',
    envelope: true,
  },
  audit: {
    event: 'sync_finding_judge',
    record: 'sync_findings + agent_write_idempotency_keys',
    attribution: 'The finding before and after, with identity, client, idempotency key and correlation id.',
  },
  preview: (ctx, input) => planJudgement(ctx, input),
  async apply(ctx, plan, { note, judgement }, before) {
    const after = await keepJudgement(ctx, before, { status: judgement, note })
    await tellFindings(ctx.db, ctx.org, [after], ctx.now)
    ctx.touched.add(feedLog('findings'))
    const finding = presentFinding(after)
    return {
      output: { ok: true as const, mode: 'applied' as const, plan, finding },
      previous: presentFinding(before),
      next: finding,
    }
  },
})

type Judgement = z.output<z.ZodObject<typeof judgementFields>>

/** Errors: not-found; stale when the evidence is another by now; conflict when the finding is over. */
async function planJudgement(
  ctx: Context,
  { fingerprint, jobId = STRIPE_CATALOG, judgement, evidenceHash, note }: Judgement,
): Promise<PlanDraft & { subject: FindingRow }> {
  const finding = await requireFinding(ctx, { jobId, fingerprint })
  if (finding.status === 'resolved') fail('conflict', 'The finding is resolved; there is nothing to judge.')
  if (finding.evidenceHash !== evidenceHash)
    fail('stale', {
      detail: 'One of the two sides changed since the finding was read.',
      nextAction: 'Read the finding again, and judge what its evidence shows now.',
    })
  const said =
    judgement === 'dismissed' ? 'dismissing the finding as intended' : 'opening the dismissed finding again'
  return {
    subject: finding,
    target: { kind: 'sync-finding', id: fingerprint, title: finding.summary },
    targetSummary: `${said[0]?.toUpperCase()}${said.slice(1)}: ${finding.summary}`,
    observed: [{ kind: 'sync-finding', id: fingerprint, version: finding.version, updatedAt: null }],
    arguments: { fingerprint, jobId, judgement, evidenceHash, note },
    changes: [
      {
        ...{ op: 'update', pointer: '/status', label: 'status' },
        ...{ before: finding.status, after: judgement },
      },
    ],
    affectedSurfaces: ['sync-jobs findings'],
    blockers:
      finding.status === judgement
        ? [{ code: 'plan-blocked', message: `The finding is ${judgement} already.` }]
        : [],
    confirmationText: `I confirm ${said}: ${finding.summary}`,
  }
}
