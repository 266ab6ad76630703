import { z } from 'zod'
import type { OperationAccess } from '../operation/define.ts'
import type { FindingRow } from './engine/findings.ts'
import { STRIPE_CATALOG } from './stripe-catalog/definition.ts'
import { fixFor } from './stripe-catalog/fixes.ts'
import { CLASSES } from './stripe-catalog/rules.ts'

export const FINDINGS = '/api/agent/sync-jobs/findings'

export const READS_FINDINGS = {
  auth: 'artist-admin-or-approved-automation',
  scope: 'sync:read',
} as const satisfies OperationAccess
export const JUDGES_FINDINGS = {
  auth: 'artist-admin-or-approved-automation',
  scope: 'sync:write',
} as const satisfies OperationAccess

export const FINDING_STATUSES = ['open', 'resolved', 'dismissed'] as const

export const FindingJobId = z
  .string()
  .max(120)
  .optional()
  .describe(`The job that found it; ${STRIPE_CATALOG} unless told`)
export const Fingerprint = z.string().regex(/^finding-[0-9a-f]{32}$/, 'must be the fingerprint of a finding')
export const DriftClassName = z.enum(CLASSES)
export const EvidenceHash = z
  .string()
  .max(200)
  .describe('evidenceHash of the finding as it was read; refused with 412 when either side changed since')

const FixSchema = z.object({
  note: z.string(),
  preview: z.object({
    operationId: z.string(),
    tool: z.string(),
    input: z.record(z.string(), z.json()),
  }),
  confirm: z.object({ operationId: z.string(), tool: z.string() }),
})

export const FindingSchema = z.object({
  jobId: z.string(),
  fingerprint: z.string().describe('The same whenever it is found again'),
  class: z.string(),
  subject: z.object({
    sourceKind: z.string(),
    key: z.string().describe('Of a price at Stripe: its pseudonym'),
  }),
  summary: z.string(),
  status: z.enum(FINDING_STATUSES),
  needsPerson: z.boolean().describe('Only a person can say what is right'),
  evidence: z.record(z.string(), z.json()).describe('Both sides, without ids of Stripe'),
  evidenceHash: z.string(),
  openedAt: z.string(),
  seenAt: z.string(),
  resolvedAt: z.string().nullable(),
  judgement: z.object({ by: z.string(), at: z.string(), note: z.string().nullable() }).nullable(),
  suggested: FixSchema.nullable().describe('What would end it, to be previewed as it is'),
})

export function presentFinding(row: FindingRow): z.input<typeof FindingSchema> {
  const { jobId, fingerprint, sourceKind, key, summary, status, needsPerson, evidence, evidenceHash } = row
  return {
    ...{ jobId, fingerprint, class: row.class, subject: { sourceKind, key }, summary, status, needsPerson },
    ...{ evidence, evidenceHash, openedAt: row.openedAt.toISOString(), seenAt: row.seenAt.toISOString() },
    resolvedAt: row.resolvedAt?.toISOString() ?? null,
    judgement:
      row.judgedBy !== null && row.judgedAt !== null
        ? { by: row.judgedBy, at: row.judgedAt.toISOString(), note: row.note }
        : null,
    suggested: status === 'open' && jobId === STRIPE_CATALOG ? fixFor(row) : null,
  }
}
