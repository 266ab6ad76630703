import { z } from 'zod'
import { read } from '../operation/define.ts'
import { requireFinding } from './engine/findings.ts'
import {
  FINDINGS,
  FindingJobId,
  FindingSchema,
  Fingerprint,
  presentFinding,
  READS_FINDINGS,
} from './findings-schema.ts'
import { STRIPE_CATALOG } from './stripe-catalog/definition.ts'

export const findingsRead = read({
  id: 'sync-jobs.findings.read',
  tool: 'agent_sync_jobs_findings_read',
  surface: 'sync-jobs',
  summary: 'Read one finding: both sides, its hash, and the operation that would end it.',
  boundaries: ['Evidence shows both sides by references and pseudonyms; no id of Stripe is in it.'],
  http: { method: 'GET', path: `${FINDINGS}/{fingerprint}` },
  access: READS_FINDINGS,
  input: z.strictObject({ fingerprint: Fingerprint, jobId: FindingJobId }),
  output: z.object({ ok: z.literal(true), finding: FindingSchema }),
  errors: ['not-found'],
  audit: { none: 'A read changes nothing.' },
  run: async (ctx, { fingerprint, jobId = STRIPE_CATALOG }) => ({
    ok: true as const,
    finding: presentFinding(await requireFinding(ctx, { jobId, fingerprint })),
  }),
})
