import { z } from 'zod'
import { actionLiteral, record, type WriteOperation } from '../operation/define.ts'
import { EnvelopeSchema, envelopeErrors } from '../operation/envelope.ts'
import type { FieldError } from '../operation/errors.ts'

export const envelopeValidate = record({
  id: 'actions.envelope.validate',
  tool: 'agent_write_envelope_validate',
  surface: 'action-contracts',
  summary: 'Check an agent-write-envelope.v1 before sending the write.',
  boundaries: [
    'Looks at the envelope alone: whether the write is allowed, stale or approved shows only at the write.',
  ],
  http: { method: 'POST', path: '/api/agent/action-contracts/envelope' },
  access: { auth: 'guest' },
  input: z
    .strictObject({
      contractId: z.string().min(1).max(200),
      envelope: z.record(z.string(), z.json()).optional(),
    })
    .catchall(z.json()),
  output: z.object({
    ok: z.literal(true),
    contract: z.literal('agent-write-envelope.v1'),
    contractId: z.string(),
    valid: z.boolean(),
    knownContract: z.boolean(),
    actions: z.array(z.string()),
    errors: z.array(z.object({ pointer: z.string(), message: z.string() })),
  }),
  errors: ['validation-failed'],
  audit: { none: 'Nothing is written; the write itself is audited.' },
  async run(ctx, input) {
    const { contractId, envelope, ...rest } = input
    // the envelope stands in its own field, or is the body itself with its contractId on top
    const candidate = envelope ?? { contractId, ...rest }
    const writes = ctx.deps.operations.filter(
      (operation): operation is WriteOperation =>
        operation.effect === 'write' &&
        operation.confirmation.envelope &&
        operation.confirmation.contractId === contractId,
    )
    const actions = writes.map(({ confirmation }) => confirmation.action)
    const errors = errorsOf(candidate, contractId, writes)
    return {
      ok: true as const,
      contract: 'agent-write-envelope.v1' as const,
      contractId,
      valid: errors.length === 0 && writes.length > 0,
      knownContract: writes.length > 0,
      actions,
      errors:
        writes.length > 0
          ? errors
          : [{ pointer: '/contractId', message: 'names no known contract' }, ...errors],
    }
  },
})

function errorsOf(candidate: unknown, contractId: string, writes: readonly WriteOperation[]): FieldError[] {
  const parsed = EnvelopeSchema.safeParse(candidate)
  if (!parsed.success)
    return parsed.error.issues.map((issue) => ({
      pointer: `/envelope${issue.path.map((key) => `/${String(key)}`).join('')}`,
      message:
        issue.code === 'unrecognized_keys' ? `unknown fields: ${issue.keys.join(', ')}` : issue.message,
    }))
  const names = writes.flatMap((write) => [
    write.confirmation.action,
    write.id,
    write.tool,
    actionLiteral(write) ?? write.id,
  ])
  return envelopeErrors(parsed.data, { contractId, actions: names, target: { id: null, title: '' } })
}
