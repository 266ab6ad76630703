import type { z } from 'zod'
import type { WriteOperation } from '../operation/define.ts'
import type { Plan } from '../operation/plan.ts'
import type { PreviewOutput } from './schema.ts'

/** What every preview of live controls answers, around the plan. */
export function presentPreview(
  version: string,
  plan: Plan,
  write: Pick<WriteOperation, 'audit'>,
  event: string,
): z.input<typeof PreviewOutput> {
  return {
    ok: true,
    version,
    mode: 'preview',
    writesState: false,
    plan,
    confirmationText: plan.confirmationText,
    planDigest: plan.planDigest,
    observedUpdatedAt: plan.observed[0]?.updatedAt ?? null,
    requiresApproval: plan.policy.mode === 'approve',
    requiredBeforeExecutable: requirements(plan),
    audit: { event, record: write.audit.record, attribution: write.audit.attribution },
    idempotency: { required: true, field: 'envelope.idempotencyKey' },
  }
}

/** What a confirm of this plan must bring, for this caller. */
export const requirements = (plan: Pick<Plan, 'policy' | 'observed'>): string[] => [
  'agent-write-envelope.v1 execute payload',
  'exact confirmation text',
  'idempotency key',
  'audit correlation id',
  ...(plan.observed[0]?.updatedAt ? ['observed updated_at of this preview'] : []),
  ...(plan.observed.some(({ kind }) => kind === 'audience')
    ? ['planDigest of this preview, which has the audience in it']
    : []),
  ...(plan.policy.mode === 'approve'
    ? [
        `approval of this planDigest by ${plan.policy.approvers === 1 ? 'a person' : `${plan.policy.approvers} people`}`,
      ]
    : []),
]
