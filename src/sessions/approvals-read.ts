import { z } from 'zod'
import { read } from '../operation/define.ts'
import { mayDecide, requireApproval } from './approvals.ts'
import { presentApproval } from './present.ts'
import { ApprovalId, ApprovalWithPlan, SessionId } from './schema.ts'

export const approvalsRead = read({
  id: 'sessions.approvals.read',
  tool: 'agent_session_approval_read',
  surface: 'agent-sessions',
  summary: 'Read one approval with the whole plan that it stands for.',
  boundaries: ['Secret arguments are not shown, only that they are set.'],
  http: { method: 'GET', path: '/api/agent/sessions/{sessionId}/approvals/{approvalId}' },
  access: { auth: 'scoped-agent-grant' },
  input: z.strictObject({ sessionId: SessionId, approvalId: ApprovalId }),
  output: z.object({ ok: z.literal(true), approval: ApprovalWithPlan, youMayDecide: z.boolean() }),
  errors: ['not-found', 'unauthenticated'],
  ownEvents: true,
  audit: { none: 'A read changes nothing.' },
  async run(ctx, { sessionId, approvalId }) {
    const row = await requireApproval(ctx, sessionId, approvalId)
    const approval = presentApproval(ctx, row)
    const decided = row.decisions.some(({ userId }) => userId === ctx.principal.userId)
    const youMayDecide = approval.status === 'pending' && mayDecide(ctx.principal, row) && !decided
    return { ok: true as const, approval: { ...approval, plan: row.plan }, youMayDecide }
  },
})
