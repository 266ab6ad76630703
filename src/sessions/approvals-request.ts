import { z } from 'zod'
import { admits } from '../operation/admit.ts'
import {
  actionLiteral,
  type Context,
  type Operation,
  record,
  type WriteOperation,
} from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { parseInput } from '../operation/input.ts'
import { makePlan } from '../operation/planning.ts'
import { askPeople } from './asking.ts'
import { requireSession } from './log.ts'
import { presentApproval } from './present.ts'
import { ApprovalWithPlan, SessionId } from './schema.ts'

export const approvalsRequest = record({
  id: 'sessions.approvals.request',
  tool: 'agent_session_approval_request',
  surface: 'agent-sessions',
  summary: 'Ask people to approve one previewed plan, by its digest.',
  boundaries: [
    'The plan is computed anew and stored; if its digest is not the one named, nothing is stored and the fresh plan comes back.',
    'An approval is no permission by itself: the write still needs its envelope, and applies exactly the stored plan, once.',
    'Only a signed-in person decides, on the page at url; the client that asked never does.',
  ],
  http: { method: 'POST', path: '/api/agent/sessions/{sessionId}/approvals' },
  access: { auth: 'scoped-agent-grant' },
  input: z.strictObject({
    sessionId: SessionId,
    operationId: z.string().min(1).max(120).describe('The write, or the preview that described it'),
    input: z.record(z.string(), z.json()).describe('The input of that operation, without the envelope'),
    planDigest: z.string().length(64),
    reason: z.string().trim().min(1).max(800),
  }),
  output: z.object({ ok: z.literal(true), approval: ApprovalWithPlan }),
  errors: [
    'not-found',
    'session-ended',
    'plan-changed',
    'plan-blocked',
    'validation-failed',
    'scope-missing',
    'forbidden',
    'policy-unsatisfiable',
  ],
  status: 201,
  ownEvents: true,
  audit: {
    event: 'approval_request',
    target: (_input, output) => ({ kind: 'approval', id: output.approval.id }),
  },
  async run(ctx, input) {
    await requireSession(ctx, input.sessionId, { lock: true, open: true })
    const { write, arguments_ } = resolveWrite(ctx, input.operationId, input.input)
    const { plan } = await makePlan({ ...ctx, lock: false }, write, arguments_)
    const { sessionId, planDigest, reason } = input
    const row = await askPeople(ctx, { sessionId, write, arguments_, plan, planDigest, reason })
    return { ok: true as const, approval: { ...presentApproval(ctx, row), plan } }
  },
})

/** The write that would be executed, and its input: named itself, or by the preview that maps to it. */
function resolveWrite(
  ctx: Context,
  operationId: string,
  raw: Record<string, unknown>,
): { write: WriteOperation; arguments_: Record<string, unknown> } {
  const operation = ctx.deps.operations.find(
    (each) => each.id === operationId && admits(each.access, ctx.principal),
  )
  if (operation?.effect === 'write')
    return { write: operation, arguments_: parseWithoutEnvelope(operation, raw) }
  if (operation?.effect === 'preview') {
    // as over MCP, the operation named says which action it is
    const action = actionLiteral(operation)
    const { write, input } = operation.of(parseArguments(operation, action ? { action, ...raw } : raw))
    return { write, arguments_: input }
  }
  return fail('validation-failed', {
    detail: `${operationId} is no write that this principal may request.`,
    errors: [
      { pointer: '/operationId', message: 'must be the id of a write or its preview that you may call' },
    ],
  })
}

/** Fields that come with execution rather than with the plan. */
const AT_EXECUTION = ['envelope', 'observedUpdatedAt', 'observedParticipantUpdatedAt', 'action'] as const

function parseWithoutEnvelope(write: WriteOperation, raw: Record<string, unknown>): Record<string, unknown> {
  const present = AT_EXECUTION.filter((field) => field in write.input.shape)
  const schema = write.input.partial(Object.fromEntries(present.map((field) => [field, true])) as never)
  const { envelope: _, ...arguments_ } = parseArguments({ ...write, input: schema } as Operation, raw)
  return arguments_
}

function parseArguments(operation: Operation, raw: Record<string, unknown>): Record<string, unknown> {
  try {
    return parseInput(operation.input, raw) as Record<string, unknown>
  } catch (error) {
    throw prefixed(error, '/input')
  }
}

function prefixed(error: unknown, prefix: string): unknown {
  const options = (error as { options?: { errors?: { pointer: string }[] } }).options
  for (const each of options?.errors ?? []) each.pointer = `${prefix}${each.pointer}`
  return error
}
