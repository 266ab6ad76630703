import { z } from 'zod'
import { type FieldError, fail } from './errors.ts'

export const ENVELOPE_CONTRACT = 'agent-write-envelope.v1'

const Name = z.string().min(1).max(200)
const Key = z
  .string()
  .min(8)
  .max(200)
  .regex(/^[\x21-\x7e]+$/, 'printable ASCII without spaces')

/** The approval that a write executes, and the digest of the plan that was approved. */
export const ApprovalReference = z.strictObject({ id: Name, planDigest: z.string().length(64) })

/** What a confirmed write carries beside its arguments: who asks, what was read and confirmed, under which key. */
export const EnvelopeSchema = z
  .strictObject({
    contract: z.literal(ENVELOPE_CONTRACT),
    contractId: Name,
    actionMode: z.enum(['preview', 'execute']),
    dryRun: z.boolean(),
    actor: z.union([Name, z.strictObject({ kind: Name, displayName: Name.optional() })]),
    client: z.union([Name, z.strictObject({ id: Name, name: Name.optional(), kind: Name.optional() })]),
    action: Name,
    target: z.union([
      Name,
      z.strictObject({
        kind: Name.optional(),
        id: Name.optional(),
        title: Name.optional(),
        summary: z.string().max(400).optional(),
      }),
    ]),
    confirmation: z.strictObject({ text: z.string().min(1).max(1200), acknowledgedRisk: z.boolean() }),
    idempotencyKey: Key,
    reason: z.string().min(1).max(800),
    auditCorrelationId: Name,
    planDigest: z.string().length(64).optional(),
    approval: ApprovalReference.optional(),
  })
  .meta({ id: 'AgentWriteEnvelope' })

export type Envelope = z.infer<typeof EnvelopeSchema>

export const IdempotencyKey = Key

/** Whether the envelope asks for the plan instead of the write. The two fields must agree. */
export function asksPreview(envelope: Envelope): boolean {
  const wantsPreview = envelope.actionMode === 'preview'
  if (wantsPreview !== envelope.dryRun)
    fail('validation-failed', {
      detail: 'envelope.actionMode and envelope.dryRun contradict each other.',
      errors: [
        {
          pointer: '/envelope/dryRun',
          message: `must be ${wantsPreview} with actionMode ${envelope.actionMode}`,
        },
      ],
    })
  return wantsPreview
}

/** What is wrong between an envelope and the write it accompanies; empty when they agree. */
export function envelopeErrors(
  envelope: Envelope,
  expected: { contractId: string; actions: readonly string[]; target: { id: string | null; title: string } },
): FieldError[] {
  const errors: FieldError[] = []
  if (envelope.contractId !== expected.contractId)
    errors.push({ pointer: '/envelope/contractId', message: `must be ${expected.contractId}` })
  if (!expected.actions.includes(envelope.action))
    errors.push({ pointer: '/envelope/action', message: `must be one of ${expected.actions.join(', ')}` })
  const { id, title } = expected.target
  const named = typeof envelope.target === 'string' ? envelope.target : envelope.target.id
  if (
    named !== undefined &&
    id !== null &&
    named !== id &&
    !(typeof envelope.target === 'string' && named === title)
  )
    errors.push({ pointer: '/envelope/target', message: `must name ${id}` })
  if (!envelope.confirmation.acknowledgedRisk)
    errors.push({ pointer: '/envelope/confirmation/acknowledgedRisk', message: 'must be true' })
  return errors
}
