import { setTimeout as pause } from 'node:timers/promises'
import type { Agent, Answer } from './agent.ts'
import type { Screen } from './screen.ts'
import { ORG, OWNER, SANDBOX, type Seeded } from './seed.ts'
import { approve, CLIENT, expect, type Scene } from './steps.ts'

type Job = Answer & {
  id: string
  stage: string
  status: string
  plan_digest: string
  waiting_for?: { approval_id: string; session_id: string }
}

/** The act of configuration: an agent promotes what a sandbox made, with all that it needs, once a person approved. */
export async function promotionAct(url: string, agent: Agent, seeded: Seeded, screen: Screen): Promise<void> {
  screen.step('Agent', `promotes an e-mail from ${SANDBOX} into ${ORG}; the job plans and asks by itself`)
  const { session } = await agent.call('agent_session_create', {
    workflow: 'configuration.promote',
    title: 'Bring the studio welcome into production',
    client: CLIENT,
  })
  const scene = { url, agent, screen, sessionId: (session as { id: string }).id }
  const { id } = (await agent.call(
    'config_sync_jobs_create',
    {
      source_org_id: SANDBOX,
      target_org_id: ORG,
      target_auth_token: seeded.agentKey,
      source_auth_token: seeded.sandboxKey,
      resources: [{ type: 'emailtemplate', id: 'studio-welcome' }],
    },
    scene.sessionId,
  )) as Job
  const waiting = await until(scene, id, 'waiting')
  await showRows(scene, id)
  await decide(scene, waiting)
  const ended = await until(scene, id, 'ended')
  expect(ended.status === 'succeeded', 'the promotion succeeded')
  await showEvents(scene, id)
  await agent.call('agent_session_complete', {
    sessionId: scene.sessionId,
    outcome: 'completed',
    summary: `The studio welcome is in ${ORG}.`,
  })
}

const DEADLINE_MS = 30_000

/** Asks for the job until it has come to a stage; outside the session, whose log would only get longer. */
async function until({ agent }: Scene, id: string, stage: string): Promise<Job> {
  for (const end = Date.now() + DEADLINE_MS; Date.now() < end; await pause(100)) {
    const job = (await agent.call('config_sync_jobs_read', { id })) as Job
    if (job.stage === stage) return job
  }
  throw new Error(`The demo expected: the job comes to ${stage}`)
}

async function showRows({ agent, sessionId, screen }: Scene, id: string): Promise<void> {
  const plan = await agent.call('config_sync_plan_read', { id }, sessionId)
  const rows = plan.results as { type: string; source_id: string; title: string; action: string }[]
  expect(rows.length === 2 && rows.every(({ action }) => action === 'create'), 'what it needs comes along')
  screen.table(
    ['action', 'type', 'id', 'title'],
    rows.map(({ action, type, source_id, title }) => [action, type, source_id, title]),
  )
  screen.say(`plan digest   ${plan.digest}`)
}

async function decide(scene: Scene, { waiting_for: waits }: Job): Promise<void> {
  const { agent, screen } = scene
  screen.step(OWNER.name, 'approves this plan and no other; the job goes on by itself')
  const { approval_id: approvalId = '', session_id: sessionId = '' } = waits ?? {}
  const { approval } = await agent.call('agent_session_approval_read', { sessionId, approvalId })
  await approve({ ...scene, sessionId }, approval as { id: string; planDigest: string })
  screen.say(`${approvalId} is approved`)
}

async function showEvents({ agent, sessionId, screen }: Scene, id: string): Promise<void> {
  const { results } = await agent.call('config_sync_events_read', { id }, sessionId)
  screen.table(
    ['#', 'phase', 'what'],
    (results as { seq: number; phase?: string; message: string }[]).map(({ seq, phase, message }) => [
      String(seq),
      phase ?? '',
      message,
    ]),
  )
}
