import { z } from 'zod'
import { type Context, read } from '../operation/define.ts'
import { barredFrom, DECISION_BARRIERS, type DecisionBarrier, requireApproval } from './approvals.ts'
import { presentApproval } from './present.ts'
import { ApprovalId, ApprovalWithPlan, SessionId } from './schema.ts'
import type { ApprovalRow } from './store.ts'

export const approvalsRead = read({
  id: 'sessions.approvals.read',
  tool: 'agent_session_approval_read',
  surface: 'agent-sessions',
  summary: 'Read one approval with the whole plan that it stands for.',
  boundaries: ['Secret arguments are not shown, only that they are set.'],
  http: { method: 'GET', path: '/api/agent/sessions/{sessionId}/approvals/{approvalId}' },
  access: { auth: 'scoped-agent-grant' },
  input: z.strictObject({ sessionId: SessionId, approvalId: ApprovalId }),
  output: z.object({
    ok: z.literal(true),
    approval: ApprovalWithPlan,
    youMayDecide: z.boolean(),
    whyNot: z.enum(DECISION_BARRIERS).nullable(),
  }),
  errors: ['not-found', 'unauthenticated'],
  ownEvents: true,
  audit: { none: 'A read changes nothing.' },
  async run(ctx, { sessionId, approvalId }) {
    const row = await requireApproval(ctx, sessionId, approvalId)
    const approval = presentApproval(ctx, row)
    const whyNot = barrier(ctx, row, approval.status)
    return { ok: true as const, approval: { ...approval, plan: row.plan }, youMayDecide: !whyNot, whyNot }
  },
})

function barrier(ctx: Context, row: ApprovalRow, status: string): DecisionBarrier | null {
  if (status !== 'pending') return 'resolved'
  if (row.decisions.some(({ userId }) => userId === ctx.principal.userId)) return 'decided'
  return barredFrom(ctx.principal, row) ?? null
}
