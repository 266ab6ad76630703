import type { Agent, Answer } from './agent.ts'
import type { Screen } from './screen.ts'
import { MAYA, OWNER, ROOM } from './seed.ts'
import {
  type Approval,
  approve,
  ask,
  CLIENT,
  envelopeOf,
  expect,
  type Preview,
  replay,
  type Scene,
  showPlan,
} from './steps.ts'

const PREVIEW = 'live_events_schedule_preview'
const UPDATE = 'fanful_creator_live_schedule_update'
const REASON = 'The guest arrives half an hour later.'

/** The first act: a live room is moved, from the preview to the replay of what happened. */
export async function scheduleAct(url: string, agent: Agent, startsAt: Date, screen: Screen): Promise<void> {
  const scene = { url, agent, screen, sessionId: await openSession(agent, screen) }
  await readRoom(scene)
  const change = changeOf(new Date(startsAt.getTime() + 30 * 60_000).toISOString())
  const preview = await previewChange(scene, change)
  await tryWithout(scene, preview, change)
  screen.step('Agent', 'asks for approval of exactly this plan')
  const approval = await askToMove(scene, preview, change)
  screen.step(OWNER.name, 'signs in, sees the plan, and approves it with the exact text')
  await approve(scene, approval, preview.confirmationText)
  await execute(scene, preview, change, approval)
  await complete(scene)
}

/** One more change, which is left for the reader to decide. */
export async function leaveOneWaiting(
  url: string,
  agent: Agent,
  startsAt: Date,
  screen: Screen,
): Promise<{ sessionId: string; approvalUrl: string }> {
  screen.step('Agent', 'asks for one more change and leaves it to you')
  const { session } = await agent.call('agent_session_create', {
    workflow: 'creator.live.schedule-update',
    title: 'Move Laurel Studio Room once more',
    client: CLIENT,
  })
  const scene = { url, agent, screen, sessionId: (session as { id: string }).id }
  const change = changeOf(new Date(startsAt.getTime() + 60 * 60_000).toISOString())
  const preview = (await agent.call(PREVIEW, change, scene.sessionId)) as unknown as Preview
  const approval = await askToMove(scene, preview, change)
  return { sessionId: scene.sessionId, approvalUrl: approval.url }
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
type Change = ReturnType<typeof changeOf>

async function openSession(agent: Agent, screen: Screen): Promise<string> {
  screen.step('Agent', 'connects over MCP with a grant of the owner, and opens a session')
  const tools = await agent.tools()
  const { session } = await agent.call('agent_session_create', {
    workflow: 'creator.live.schedule-update',
    title: 'Move Laurel Studio Room',
    client: CLIENT,
  })
  const { id, status, principal } = session as { id: string; status: string; principal: { scopes: string[] } }
  expect(status === 'active', 'the session is active')
  screen.say(`${tools.length} tools; session ${id}`)
  screen.say(`scopes ${principal.scopes.join(', ')}`)
  return id
}

async function readRoom({ agent, sessionId, screen }: Scene): Promise<void> {
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

async function previewChange({ agent, sessionId, screen }: Scene, change: Change): Promise<Preview> {
  screen.step('Agent', 'previews moving the room by half an hour: nothing is changed')
  const preview = (await agent.call(PREVIEW, change, sessionId)) as unknown as Preview
  showPlan(preview, screen)
  expect(
    preview.confirmationText === 'I confirm updating Laurel Studio Room to 7:30 PM.',
    'the exact confirmation text',
  )
  return preview
}

const confirmOf = (preview: Preview, change: Change, key: string, approval?: Approval) => ({
  eventId: ROOM,
  observedUpdatedAt: preview.observedUpdatedAt,
  title: change.title,
  startsAt: change.startsAt,
  envelope: envelopeOf(
    preview,
    { key, reason: REASON, correlation: 'demo-move-laurel-studio-room' },
    approval,
  ),
})

async function tryWithout(
  { agent, sessionId, screen }: Scene,
  preview: Preview,
  change: Change,
): Promise<void> {
  screen.step('Agent', 'tries to apply it without asking, and is refused')
  const problem = await agent.refused(UPDATE, confirmOf(preview, change, 'demo-without-approval'), sessionId)
  expect(problem.code === 'approval-required', 'an approval is required')
  screen.say(`${problem.status} ${problem.code}: ${problem.detail}`)
}

const askToMove = (scene: Scene, preview: Preview, change: Change): Promise<Approval> =>
  ask(scene, preview, {
    operationId: 'live.events.schedule.preview',
    input: { action: 'preview_live_event_schedule_change', ...(change as Answer) },
    reason: REASON,
  })

async function execute(
  { agent, sessionId, screen }: Scene,
  preview: Preview,
  change: Change,
  approval: Approval,
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

async function complete(scene: Scene): Promise<void> {
  const { agent, sessionId, screen } = scene
  screen.step('Agent', 'completes the session; anybody who may see it can replay it')
  await agent.call('agent_session_complete', {
    sessionId,
    outcome: 'completed',
    summary: 'Laurel Studio Room starts at 7:30 PM.',
  })
  await replay(scene)
}
