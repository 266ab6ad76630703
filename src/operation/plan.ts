import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'
import { z } from 'zod'
import { ERRORS, type ErrorCode } from './errors.ts'

export const PLAN_CONTRACT = 'countersign-plan.v1'

/** RFC 8785 text of a JSON value: the same value always gives the same bytes. */
export const canonical = (value: unknown): string => canonicalize(value) ?? 'null'

export const sha256 = (text: string): string => hash('sha256', text)

const Json = z.json()
const codes = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]

export const PlanTarget = z.object({ kind: z.string(), id: z.string().nullable(), title: z.string() })

/** A version that the plan was computed from; the plan is stale when the live one differs. */
export const ObservedVersion = z.object({
  kind: z.string(),
  id: z.string(),
  version: z.number().int(),
  updatedAt: z.string().nullable(),
})

/** One field that would change. `pointer` is a JSON pointer into the target; secrets show only set or not set. */
export const PlanChange = z.object({
  target: z.string().optional(),
  op: z.enum(['create', 'update', 'delete']),
  pointer: z.string(),
  label: z.string(),
  before: Json,
  after: Json,
  /** The two as people read them, where that differs (an instant in its zone). */
  shown: z.object({ before: z.string(), after: z.string() }).optional(),
})

export const PlanBlocker = z.object({
  code: z.enum(codes),
  message: z.string(),
  allowed: z.array(z.string()).optional(),
})

/** What a write would do, exactly. One type for every surface: events, policies, catalog, configuration. */
export const PlanSchema = z
  .object({
    contract: z.literal(PLAN_CONTRACT),
    operationId: z.string(),
    toolName: z.string(),
    action: z.string(),
    contractId: z.string(),
    target: PlanTarget,
    targetSummary: z.string(),
    observed: z.array(ObservedVersion),
    arguments: z.record(z.string(), Json),
    changes: z.array(PlanChange),
    affectedSurfaces: z.array(z.string()),
    blockers: z.array(PlanBlocker),
    warnings: z.array(z.string()),
    conflicts: z.array(z.object({ pointer: z.string(), message: z.string(), choices: z.array(z.string()) })),
    confirmationText: z.string(),
    policy: z.object({
      mode: z.enum(['direct', 'confirm', 'approve']),
      approvers: z.number().int(),
      delegatorMayConfirm: z.boolean(),
      version: z.number().int(),
    }),
    details: z.record(z.string(), Json),
    redactions: z.array(z.string()),
    planDigest: z.string(),
  })
  .meta({ id: 'Plan' })

/** What a write answers that was asked for its plan. */
export const PlanAnswer = z.object({ ok: z.literal(true), mode: z.literal('preview'), plan: PlanSchema })

export type Plan = z.infer<typeof PlanSchema>
export type PlanChange = z.infer<typeof PlanChange>
export type PlanBlocker = z.infer<typeof PlanBlocker>

/** What a planner returns; the kernel adds the operation, the policy and the digest. */
export type PlanDraft = Pick<
  Plan,
  'target' | 'targetSummary' | 'observed' | 'arguments' | 'changes' | 'confirmationText'
> &
  Partial<Pick<Plan, 'affectedSurfaces' | 'blockers' | 'warnings' | 'conflicts' | 'details' | 'redactions'>>

/**
 * Digest that an approval binds to: contract, version, target, arguments, observed versions, policy version and
 * confirmation text. Two requests with the same effect on the same state have the same digest.
 */
export function planDigest(plan: Omit<Plan, 'planDigest'>): string {
  return sha256(
    canonical({
      contract: plan.contract,
      operationId: plan.operationId,
      action: plan.action,
      target: { kind: plan.target.kind, id: plan.target.id },
      arguments: plan.arguments,
      observed: plan.observed,
      policyVersion: plan.policy.version,
      confirmationText: plan.confirmationText,
    }),
  )
}

export function completePlan(
  draft: PlanDraft,
  of: Pick<Plan, 'operationId' | 'toolName' | 'action' | 'contractId' | 'policy'>,
): Plan {
  const plan = {
    contract: PLAN_CONTRACT,
    ...of,
    affectedSurfaces: [],
    blockers: [],
    warnings: [],
    conflicts: [],
    details: {},
    redactions: [],
    ...draft,
  } satisfies Omit<Plan, 'planDigest'>
  return { ...plan, planDigest: planDigest(plan) }
}
