import { type Agent, type Answer, connectAgent, signIn } from './agent.ts'
import type { Screen } from './screen.ts'
import { MAYA, OWNER, ROOM } from './seed.ts'

const PREVIEW = 'live_events_schedule_preview'
const UPDATE = 'fanful_creator_live_schedule_update'

type Plan = {
  operationId: string
  contractId: string
  action: string
  target: { id: string; title: string }
  targetSummary: string
  changes: { label: string; before: unknown; after: unknown; shown?: { before: string; after: string } }[]
  warnings: string[]
  policy: { mode: string }
}
type Preview = { plan: Plan; planDigest: string; confirmationText: string; observedUpdatedAt: string }
type Approval = { id: string; status: string; url: string; planDigest: string }

/**
 * The loop once, as an agent and a person live it. Every expectation is checked: a step that does not hold throws.
 * Answers a second approval that is left for the reader to decide.
 */
export async function walk(
  url: string,
  seeded: { agentKey: string; startsAt: Date },
  screen: Screen,
): Promise<{ sessionId: string; approvalUrl: string }> {
  const agent = await connectAgent(url, seeded.agentKey)
  try {
    const sessionId = await openSession(agent, screen)
    await readRoom(agent, sessionId, screen)
    const halfPast = new Date(seeded.startsAt.getTime() + 30 * 60_000).toISOString()
    const change = changeOf(halfPast)
    const preview = await previewChange(agent, change, sessionId, screen)
    await tryWithout(agent, preview, change, sessionId, screen)
    const approval = await ask(agent, change, preview, sessionId, screen)
    await decide(url, sessionId, approval, preview, screen)
    await execute(agent, preview, change, approval, sessionId, screen)
    await replay(agent, sessionId, screen)
    return await leaveOneWaiting(agent, seeded.startsAt, screen)
  } finally {
    await agent.close()
  }
}

const changeOf = (startsAt: string) => ({
  id: ROOM,
  title: 'Laurel Studio Room',
  status: 'scheduled',
  startsAt,
  streamProvider: 'none',
  chatEnabled: true,
  subscriberOnly: false,
})

function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(`The demo expected: ${what}`)
}

async function openSession(agent: Agent, screen: Screen): Promise<string> {
  screen.step('Agent', 'connects over MCP with a grant of the owner, and opens a session')
  const tools = await agent.tools()
  const { session } = await agent.call('agent_session_create', {
    workflow: 'creator.live.schedule-update',
    title: 'Move Laurel Studio Room',
    client: { id: 'client-agent-experience', name: 'Agent Experience', kind: 'demo' },
  })
  const { id, status, principal } = session as { id: string; status: string; principal: { scopes: string[] } }
  expect(status === 'active', 'the session is active')
  screen.say(`${tools.length} tools; session ${id}`)
  screen.say(`scopes ${principal.scopes.join(', ')}`)
  return id
}

async function readRoom(agent: Agent, sessionId: string, screen: Screen): Promise<void> {
  screen.step('Agent', 'reads the live rooms and their readiness')
  const { live } = await agent.call('live_controls_read', {}, sessionId)
  const { events } = live as {
    events: {
      id: string
      title: string
      status: string
      startsAt: string
      readiness: { state: string; checks: { id: string; status: string }[] }
    }[]
  }
  const maya = events.find(({ id }) => id === MAYA)
  expect(maya?.readiness.checks.length === 6, 'six readiness checks')
  const checks = (event: (typeof events)[number]) =>
    event.readiness.checks.map(({ id, status }) => `${status === 'pass' ? '✓' : '!'} ${id}`).join('  ')
  screen.table(
    ['room', 'status', 'starts', 'readiness'],
    events.map((event) => [event.title, event.status, event.startsAt, event.readiness.state]),
  )
  screen.say(`${MAYA}: ${maya ? checks(maya) : ''}`)
}

async function previewChange(
  agent: Agent,
  change: Answer,
  sessionId: string,
  screen: Screen,
): Promise<Preview> {
  screen.step('Agent', 'previews moving the room by half an hour: nothing is changed')
  const preview = (await agent.call(PREVIEW, change, sessionId)) as unknown as Preview
  showPlan(preview, screen)
  expect(
    preview.confirmationText === 'I confirm updating Laurel Studio Room to 7:30 PM.',
    'the exact confirmation text',
  )
  return preview
}

function showPlan({ plan, planDigest, confirmationText }: Preview, screen: Screen): void {
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

const envelopeOf = (preview: Preview, key: string, approval?: Approval) => ({
  contract: 'agent-write-envelope.v1',
  contractId: preview.plan.contractId,
  actionMode: 'execute',
  dryRun: false,
  actor: { kind: 'agent', displayName: 'Agent Experience' },
  client: { id: 'client-agent-experience', name: 'Agent Experience', kind: 'demo' },
  action: preview.plan.action,
  target: { kind: 'live-event', id: ROOM },
  confirmation: { text: preview.confirmationText, acknowledgedRisk: true },
  idempotencyKey: key,
  reason: 'The guest arrives half an hour later.',
  auditCorrelationId: 'demo-move-laurel-studio-room',
  ...(approval ? { approval: { id: approval.id, planDigest: approval.planDigest } } : {}),
})

const confirmOf = (
  preview: Preview,
  change: ReturnType<typeof changeOf>,
  key: string,
  approval?: Approval,
) => ({
  eventId: ROOM,
  observedUpdatedAt: preview.observedUpdatedAt,
  title: change.title,
  startsAt: change.startsAt,
  envelope: envelopeOf(preview, key, approval),
})

async function tryWithout(
  agent: Agent,
  preview: Preview,
  change: ReturnType<typeof changeOf>,
  sessionId: string,
  screen: Screen,
): Promise<void> {
  screen.step('Agent', 'tries to apply it without asking, and is refused')
  const problem = await agent.refused(UPDATE, confirmOf(preview, change, 'demo-without-approval'), sessionId)
  expect(problem.code === 'approval-required', 'an approval is required')
  screen.say(`${problem.status} ${problem.code}: ${problem.detail}`)
}

async function ask(
  agent: Agent,
  change: Answer,
  preview: Preview,
  sessionId: string,
  screen: Screen,
): Promise<Approval> {
  screen.step('Agent', 'asks for approval of exactly this plan')
  const { approval } = await agent.call('agent_session_approval_request', {
    sessionId,
    operationId: 'live.events.schedule.preview',
    input: { action: 'preview_live_event_schedule_change', ...change },
    planDigest: preview.planDigest,
    reason: 'The guest arrives half an hour later.',
  })
  const { id, status, url, planDigest } = approval as Approval
  expect(status === 'pending', 'the approval is pending')
  screen.say(`approval ${id} is ${status}`)
  screen.say(`a person decides at ${url}`)
  return { id, status, url, planDigest }
}

async function decide(
  url: string,
  sessionId: string,
  approval: Approval,
  preview: Preview,
  screen: Screen,
): Promise<void> {
  screen.step(OWNER.name, 'signs in, sees the plan, and approves it with the exact text')
  const patch = await signIn(url, OWNER.email, OWNER.password)
  const answer = await patch(`/api/agent/sessions/${sessionId}/approvals/${approval.id}`, {
    decision: 'approve',
    planDigest: approval.planDigest,
    confirmationText: preview.confirmationText,
  })
  const { status, executeBy } = answer.approval as { status: string; executeBy: string }
  expect(status === 'approved', 'the approval is approved')
  screen.say(`approved; to be applied before ${executeBy}`)
}

async function execute(
  agent: Agent,
  preview: Preview,
  change: ReturnType<typeof changeOf>,
  approval: Approval,
  sessionId: string,
  screen: Screen,
): Promise<void> {
  screen.step(
    'Agent',
    'applies the approved plan; a second time gets the same answer, a new attempt is refused',
  )
  const confirm = confirmOf(preview, change, 'demo-move-half-an-hour', approval)
  const first = await agent.call(UPDATE, confirm, sessionId)
  const { startsAt, updatedAt } = first.event as { startsAt: string; updatedAt: string }
  expect(startsAt === change.startsAt, 'the room starts at the new time')
  const again = await agent.call(UPDATE, confirm, sessionId)
  expect((again.event as { updatedAt: string }).updatedAt === updatedAt, 'the repetition changed nothing')
  const other = await agent.refused(
    UPDATE,
    confirmOf(preview, change, 'demo-second-attempt', approval),
    sessionId,
  )
  expect(other.code === 'approval-consumed', 'the approval is used up')
  screen.say(`applied: starts ${startsAt}, updated ${updatedAt}`)
  screen.say('same key again: the stored answer; other key: 409 approval-consumed')
}

async function replay(agent: Agent, sessionId: string, screen: Screen): Promise<void> {
  screen.step('Agent', 'completes the session; anybody who may see it can replay it')
  await agent.call('agent_session_complete', {
    sessionId,
    outcome: 'completed',
    summary: 'Laurel Studio Room starts at 7:30 PM.',
  })
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

async function leaveOneWaiting(
  agent: Agent,
  startsAt: Date,
  screen: Screen,
): Promise<{ sessionId: string; approvalUrl: string }> {
  screen.step('Agent', 'asks for one more change and leaves it to you')
  const { session } = await agent.call('agent_session_create', {
    workflow: 'creator.live.schedule-update',
    title: 'Move Laurel Studio Room once more',
    client: { id: 'client-agent-experience', name: 'Agent Experience', kind: 'demo' },
  })
  const sessionId = (session as { id: string }).id
  const change = changeOf(new Date(startsAt.getTime() + 60 * 60_000).toISOString())
  const preview = (await agent.call(PREVIEW, change, sessionId)) as unknown as Preview
  const approval = await ask(agent, change, preview, sessionId, { ...screen, step: () => {} })
  return { sessionId, approvalUrl: approval.url }
}
