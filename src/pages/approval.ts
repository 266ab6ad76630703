import type { Plan } from '../operation/plan.ts'
import { type Html, html } from './html.ts'
import type { Page } from './layout.ts'
import { moment } from './moment.ts'
import { planSection } from './plan.ts'
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
    requestedBy: { kind: string; displayName: string }
    requestedAt: string
    expiresAt: string
    executeBy: string | null
    executeWhenApproved: boolean
    resolvedBy: string | null
    resolutionReason: string | null
    approversNeeded: number
    approvals: readonly { displayName: string; decision: string; decidedAt: string }[]
  }
  plan: Plan
  /** What the agent's session says of itself. */
  session: { title: string; client: { name: string }; principal: { source: string } }
  youMayDecide: boolean
  whyNot: string | null
  person: string
  org: string
  path: string
  now: Date
  /** A decision that was refused, and what was typed for it. */
  mistake?: { text: string; status: number; typed: { confirmationText?: string; reason?: string } }
}

/** One page for every kind of plan: events, policies, catalog, configuration. */
export const approvalPage = (view: ApprovalView): Page => {
  const { approval, plan, youMayDecide, mistake } = view
  return {
    title: approval.targetSummary,
    status: mistake?.status ?? 200,
    body: html`${mistake && !youMayDecide && mistakeNote(mistake.text)}
<p class="notice ${noticeKind(approval.status)}" role="status">${statusLine(view)}</p>
${asks(view)}
<h2>What would change</h2>
${planSection(plan)}
${decided(approval.approvals)}
${youMayDecide ? decisionForms(view) : view.whyNot && html`<p class="quiet">${WHY_NOT[view.whyNot]}</p>`}
${forTheRecord(view)}
<p class="quiet">Signed in as ${view.person}, in ${view.org}.</p>
${signOutForm(view.path)}`,
  }
}

const mistakeNote = (text: string): Html => html`<p class="notice bad" role="alert" id="mistake">${text}</p>`

const noticeKind = (status: string): string => {
  if (status === 'pending') return ''
  return status === 'approved' || status === 'consumed' ? 'good' : 'bad'
}

function statusLine({ approval, now }: ApprovalView): Html {
  const by = approval.resolvedBy ? ` by ${approval.resolvedBy}` : ''
  const why = approval.resolutionReason ? `: ${approval.resolutionReason}` : '.'
  const waits = approval.approversNeeded - approval.approvals.length
  const lines: Record<string, () => Html> = {
    pending: () =>
      html`Waits for ${waits === 1 ? 'a decision' : `${waits} decisions`} until ${moment(approval.expiresAt, now)}.`,
    approved: () => approvedLine(approval, by, now),
    consumed: () => html`Approved${by} and applied.`,
    rejected: () => html`Refused${by}${why}`,
    expired: () => html`Expired${why}`,
    voided: () => html`Void${voidedBy(approval)}${why}`,
  }
  return lines[approval.status]?.() ?? html`${approval.status}`
}

const approvedLine = (
  { executeWhenApproved, executeBy }: ApprovalView['approval'],
  by: string,
  now: Date,
): Html =>
  executeWhenApproved
    ? html`Approved${by}. The server applies exactly this plan now, once.`
    : html`Approved${by}. The agent may now apply exactly this plan, once${executeBy && html`, until ${moment(executeBy, now)}`}.`

/** Once approved, it is not the approver who voided it. */
const voidedBy = ({ executeBy, resolvedBy }: ApprovalView['approval']): string => {
  if (!resolvedBy) return ''
  return executeBy ? ` after ${resolvedBy} approved it` : ` by ${resolvedBy}`
}

/** Who asks: an agent names only itself, so what it says of itself is told apart from whom it acts for. */
function asks({ approval, session }: ApprovalView): Html {
  const { kind, displayName } = approval.requestedBy
  const name = html`<strong>${displayName}</strong>`
  const agent = html`An agent that acts for ${name} asks. It calls itself <strong>${session.client.name}</strong>.`
  const other = kind === 'automation' ? html`The automation ${name} asks.` : html`${name} asks.`
  return html`<p>${session.principal.source === 'scoped-agent-grant' ? agent : other} The reason given:</p>
<blockquote>${approval.reason}</blockquote>`
}

const DECISIONS: Record<string, string> = { approve: 'approved', reject: 'refused', expire: 'let it expire' }

const decided = (approvals: ApprovalView['approval']['approvals']): Html | false =>
  approvals.length > 0 &&
  html`<h2>Decided so far</h2>
<ul>${approvals.map(({ displayName, decision }) => html`<li>${displayName} ${DECISIONS[decision] ?? decision}</li>`)}</ul>`

const WHY_NOT: Record<string, string> = {
  resolved: 'There is nothing left to decide.',
  decided: 'You have decided; other people have to decide too.',
  'not-admin': 'You may not decide on this: it takes an owner or admin of the organisation.',
  delegator:
    'You may not decide on this: the agent acts for you, and the organisation wants somebody else to decide then.',
}

function decisionForms(view: ApprovalView): Html {
  const { approval, path, mistake } = view
  const refused = mistake?.typed.reason !== undefined
  const wrong = mistake && html` aria-invalid="true" aria-describedby="mistake" autofocus`
  const hidden = (decision: string) => html`<form method="post" action="${path}">
<input type="hidden" name="planDigest" value="${approval.planDigest}">
<input type="hidden" name="decision" value="${decision}">`
  return html`<h2>Approve</h2>
${hidden('approve')}
<p>Type this text exactly:</p>
<p class="exact">${approval.confirmationText}</p>
${mistake && !refused && mistakeNote(mistake.text)}
<label>Confirmation
<input type="text" name="confirmationText" value="${mistake?.typed.confirmationText}" required maxlength="1200" autocomplete="off" autocapitalize="off" autocorrect="off" spellcheck="false"${!refused && wrong}></label>
${approval.executeWhenApproved && html`<p>Approving applies this plan at once: the server does it itself, without waiting for whoever asks.</p>`}
<button>${approval.executeWhenApproved ? 'Approve and apply this plan' : 'Approve this plan'}</button>
</form>
<h2>Or refuse</h2>
${hidden('reject')}
${mistake && refused && mistakeNote(mistake.text)}
<label>Reason, which the agent reads
<input type="text" name="reason" value="${mistake?.typed.reason}" required maxlength="800"${refused && wrong}></label>
<button class="bad">Refuse this plan</button>
</form>`
}

const forTheRecord = ({ approval, plan, session, now }: ApprovalView): Html => html`<h2>For the record</h2>
<dl>
<dt>Asked</dt><dd>${moment(approval.requestedAt, now)}</dd>
<dt>Session</dt><dd>${session.title}<br><code>${approval.sessionId}</code></dd>
<dt>Operation</dt><dd><code>${plan.operationId}</code></dd>
<dt>Plan digest</dt><dd><code>${approval.planDigest}</code></dd>
</dl>`
