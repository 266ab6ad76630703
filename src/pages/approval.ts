import type { Plan, PlanChange } from '../operation/plan.ts'
import { type Html, html } from './html.ts'
import type { Page } from './layout.ts'
import { signOutForm } from './sign-in.ts'

export type ApprovalView = {
  approval: {
    id: string
    sessionId: string
    status: string
    reason: string
    confirmationText: string
    planDigest: string
    targetSummary: string
    requestedBy: { displayName: string }
    requestedAt: string
    expiresAt: string
    executeBy: string | null
    resolvedBy: string | null
    resolutionReason: string | null
    approversNeeded: number
    approvals: readonly { displayName: string; decision: string; decidedAt: string }[]
  }
  plan: Plan
  youMayDecide: boolean
  person: string
  path: string
  mistake?: string
  status?: number
}

const value = (part: PlanChange['before']): string => {
  if (part === null) return '—'
  return typeof part === 'string' ? part : JSON.stringify(part)
}

/** The plan as a person reads it: every field before and after, then what speaks against it. */
export const planTable = (plan: Pick<Plan, 'changes'>): Html => html`<table>
<thead><tr><th scope="col">Field</th><th scope="col">Before</th><th scope="col">After</th></tr></thead>
<tbody>${plan.changes.map(
  (
    change,
  ) => html`<tr><th scope="row">${change.label}</th><td><del>${change.shown?.before ?? value(change.before)}</del></td>
<td><ins>${change.shown?.after ?? value(change.after)}</ins></td></tr>`,
)}</tbody>
</table>`

const list = (title: string, items: readonly string[]): Html | false =>
  items.length > 0 && html`<h2>${title}</h2><ul>${items.map((item) => html`<li>${item}</li>`)}</ul>`

/** One page for every kind of plan: events, policies, catalog, configuration. */
export const approvalPage = (view: ApprovalView): Page => {
  const { approval, plan } = view
  return {
    title: approval.targetSummary,
    status: view.status ?? 200,
    body: html`${view.mistake && html`<p class="notice bad" role="alert">${view.mistake}</p>`}
<p class="notice ${approval.status === 'approved' || approval.status === 'consumed' ? 'good' : ''}" role="status">${statusLine(approval)}</p>
<p><strong>${approval.requestedBy.displayName}</strong> asks: ${approval.reason}</p>
<h2>What would change</h2>
${planTable(plan)}
${list('Warnings', plan.warnings)}
${list(
  'Conflicts',
  plan.conflicts.map(({ pointer, message }) => `${pointer}: ${message}`),
)}
${list('It shows in', plan.affectedSurfaces)}
${notification(plan)}
${list(
  'Decided so far',
  approval.approvals.map(({ displayName, decision }) => `${displayName}: ${decision}`),
)}
${view.youMayDecide ? decisionForms(view) : html`<p class="quiet">${whyNot(view)}</p>`}
<h2>For the record</h2>
<dl>
<dt>Operation</dt><dd><code>${plan.operationId}</code></dd>
<dt>Plan digest</dt><dd><code>${approval.planDigest}</code></dd>
<dt>Session</dt><dd><code>${approval.sessionId}</code></dd>
<dt>Asked</dt><dd>${approval.requestedAt}</dd>
<dt>Decide before</dt><dd>${approval.expiresAt}</dd>
${approval.executeBy && html`<dt>Execute before</dt><dd>${approval.executeBy}</dd>`}
</dl>
<p class="quiet">Signed in as ${view.person}.</p>
${signOutForm(view.path)}`,
  }
}

function statusLine(approval: ApprovalView['approval']): string {
  const by = approval.resolvedBy ? ` by ${approval.resolvedBy}` : ''
  const why = approval.resolutionReason ? ` (${approval.resolutionReason})` : ''
  const lines: Record<string, string> = {
    pending: `Waits for ${approval.approversNeeded - approval.approvals.length === 1 ? 'a decision' : `${approval.approversNeeded - approval.approvals.length} decisions`}.`,
    approved: `Approved${by}${why}. The agent may now apply exactly this plan, once.`,
    consumed: `Approved${by} and applied.`,
    rejected: `Refused${by}${why}.`,
    expired: `Expired${why}.`,
    voided: `Void${by}${why}.`,
  }
  return lines[approval.status] ?? approval.status
}

function whyNot({ approval, person }: ApprovalView): string {
  if (approval.status !== 'pending') return 'There is nothing left to decide.'
  if (approval.approvals.some(({ displayName }) => displayName === person))
    return 'You decided; other people have to decide too.'
  return 'You may not decide on this: owners and admins of the organisation do, and by policy not always the one who delegated the agent.'
}

const decisionForms = ({ approval, path }: ApprovalView): Html => html`<h2>Decide</h2>
<form method="post" action="${path}">
<input type="hidden" name="planDigest" value="${approval.planDigest}">
<input type="hidden" name="decision" value="approve">
<p>To approve, type this text exactly:</p>
<p class="exact">${approval.confirmationText}</p>
<label>Confirmation
<input type="text" name="confirmationText" required maxlength="1200" autocomplete="off" autocapitalize="off" spellcheck="false"></label>
<button>Approve this plan</button>
</form>
<form method="post" action="${path}">
<input type="hidden" name="planDigest" value="${approval.planDigest}">
<input type="hidden" name="decision" value="reject">
<label>Why not?
<input type="text" name="reason" required maxlength="800"></label>
<button class="bad">Refuse</button>
</form>`

/** Follower copy that would go out with the change, as it reads in several zones. */
function notification(plan: Plan): Html | false {
  const details = plan.details.fanNotification as
    | {
        copy: { title: string; body: string }
        renderedStart: { timeZone: string; text: string | null }[]
        delivery: { detail: string }
      }
    | undefined
  if (!details) return false
  return html`<h2>Followers would read</h2>
<p><strong>${details.copy.title}</strong><br>${details.copy.body}</p>
<ul>${details.renderedStart.map(({ timeZone, text }) => html`<li>${timeZone}: ${text}</li>`)}</ul>
<p class="quiet">${details.delivery.detail}</p>`
}
