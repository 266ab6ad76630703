import { type Agent, type Answer, signIn } from './agent.ts'
import type { Screen } from './screen.ts'
import { OWNER } from './seed.ts'

export type Plan = {
  operationId: string
  contractId: string
  action: string
  target: { kind: string; id: string; title: string }
  targetSummary: string
  changes: { label: string; before: unknown; after: unknown; shown?: { before: string; after: string } }[]
  warnings: string[]
  policy: { mode: string }
}
export type Preview = {
  plan: Plan
  planDigest: string
  confirmationText: string
  observedUpdatedAt?: string | null
}
export type Approval = { id: string; status: string; url: string; planDigest: string }

/** Where one act happens: the server, the agent, its session, and the screen that shows it. */
export type Scene = { url: string; agent: Agent; sessionId: string; screen: Screen }

export const CLIENT = { id: 'client-agent-experience', name: 'Agent Experience', kind: 'demo' }

export function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(`The demo expected: ${what}`)
}

export function showPlan({ plan, planDigest, confirmationText }: Preview, screen: Screen): void {
  screen.say(plan.targetSummary)
  screen.table(
    ['field', 'before', 'after'],
    plan.changes.map(({ label, before, after, shown }) => [
      label,
      shown?.before ?? String(before),
      shown?.after ?? String(after),
    ]),
  )
  screen.say(`to confirm    ${confirmationText}`)
  screen.say(`plan digest   ${planDigest}`)
  screen.say(`policy        ${plan.policy.mode}`)
}

/** The envelope that an agent sends with a write of this plan. */
export const envelopeOf = (
  { plan, confirmationText }: Preview,
  { key, reason, correlation }: { key: string; reason: string; correlation: string },
  approval?: Approval,
) => ({
  contract: 'agent-write-envelope.v1',
  contractId: plan.contractId,
  actionMode: 'execute',
  dryRun: false,
  actor: { kind: 'agent', displayName: CLIENT.name },
  client: CLIENT,
  action: plan.action,
  target: { kind: plan.target.kind, id: plan.target.id },
  confirmation: { text: confirmationText, acknowledgedRisk: true },
  idempotencyKey: key,
  reason,
  auditCorrelationId: correlation,
  ...(approval ? { approval: { id: approval.id, planDigest: approval.planDigest } } : {}),
})

/** Asks for approval of exactly this plan; it is then pending. */
export async function ask(
  { agent, sessionId, screen }: Scene,
  preview: Preview,
  request: { operationId: string; input: Answer; reason: string },
): Promise<Approval> {
  const { approval } = await agent.call('agent_session_approval_request', {
    sessionId,
    ...request,
    planDigest: preview.planDigest,
  })
  const { id, status, url, planDigest } = approval as Approval
  expect(status === 'pending', 'the approval is pending')
  screen.say(`approval ${id} is ${status}`)
  screen.say(`a person decides at ${url}`)
  return { id, status, url, planDigest }
}

/** The owner signs in and approves the plan, with the text where the plan has one. */
export async function approve(
  { url, sessionId, screen }: Scene,
  approval: Pick<Approval, 'id' | 'planDigest'>,
  confirmationText?: string,
): Promise<void> {
  const patch = await signIn(url, OWNER.email, OWNER.password)
  const answer = await patch(`/api/agent/sessions/${sessionId}/approvals/${approval.id}`, {
    decision: 'approve',
    planDigest: approval.planDigest,
    ...(confirmationText ? { confirmationText } : {}),
  })
  const { status, executeBy } = answer.approval as { status: string; executeBy: string }
  expect(status === 'approved', 'the approval is approved')
  screen.say(`approved; to be applied before ${executeBy}`)
}

/** Reads the session's log: contiguous, and ended. */
export async function replay({ agent, sessionId, screen }: Scene): Promise<void> {
  const log = await agent.read(`fanful://agent/sessions/${sessionId}/events`)
  const events = log.events as {
    sequence: number
    type: string
    actor: { displayName: string }
    summary: string
  }[]
  expect(
    events.every(({ sequence }, index) => sequence === index + 1),
    'sequences without gaps',
  )
  expect(events.at(-1)?.type === 'session.completed', 'the last event is the final one')
  screen.table(
    ['#', 'event', 'who', 'what'],
    events.map(({ sequence, type, actor, summary }) => [String(sequence), type, actor.displayName, summary]),
  )
}
