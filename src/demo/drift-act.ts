import { setTimeout as pause } from 'node:timers/promises'
import type { Agent, Answer } from './agent.ts'
import { type Mailbox, openMailbox } from './mailbox.ts'
import type { Screen } from './screen.ts'
import { LESSON, ORG, OWNER } from './seed.ts'
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
import type { StripeServer } from './stripe/server.ts'

const JOB = 'sync-job-stripe-catalog-app-references-0001'
const FAMILY = 'creator.catalog.drift.detected'
const PREVIEW = 'creator_lesson_stripe_price_preview'
const UPDATE = 'fanful_creator_lesson_stripe_price_update'
const DEADLINE_MS = 30_000

type Finding = {
  fingerprint: string
  evidenceHash: string
  class: string
  subject: { key: string }
  summary: string
}
type Drift = {
  drift: string
  statement: string
  completeThrough: string
  digest: string
  openFindings: number
}

/**
 * The act of drift: somebody changes a price at Stripe, a scan finds it and wakes the agent, which previews the fix; a
 * person approves, the confirmed write lands in the catalog and at Stripe, and the next scan proves the drift gone.
 */
export async function driftAct(
  url: string,
  agent: Agent,
  stripe: StripeServer,
  screen: Screen,
): Promise<void> {
  const mailbox = await openMailbox()
  try {
    await subscribe(agent, mailbox, screen)
    changeAtStripe(stripe, screen)
    await scan(agent, screen, 'scans the catalog and Stripe: it reports, and writes nothing')
    const sessionId = await woken(mailbox, screen)
    const scene = { url, agent, sessionId, screen }
    const finding = await read(scene)
    const approved = await fix(scene, finding)
    await landed(scene, stripe, approved)
    await proveGone(scene)
  } finally {
    await mailbox.close()
  }
}

async function subscribe(agent: Agent, mailbox: Mailbox, screen: Screen): Promise<void> {
  screen.step('Agent', 'subscribes to catalog drift, and goes to sleep')
  const { subscription, secret } = await agent.call('agent_workflow_trigger_subscription_create', {
    url: mailbox.url,
    families: [FAMILY],
    session: { mode: 'open', workflow: 'creator.catalog.drift' },
  })
  mailbox.checkBy(secret as string)
  const { id, families } = subscription as { id: string; families: string[] }
  screen.say(`${id}: ${families.join(', ')} to ${mailbox.url}, signed by Standard Webhooks`)
}

/** Prices are not changed at Stripe; this stands for whatever made the two sides differ. */
function changeAtStripe(stripe: StripeServer, screen: Screen): void {
  screen.step('Somebody', 'gives the lesson another price at Stripe, past everybody')
  const [price] = stripe.state.prices.items.filter(({ unit_amount }) => unit_amount === LESSON.amountCents)
  stripe.state.setPrice(price?.id as string, { unit_amount: 7000 })
  screen.say('the catalog says $75.00, Stripe charges $70.00')
}

async function scan(agent: Agent, screen: Screen, what: string): Promise<void> {
  screen.step('Sync job', what)
  const { run } = await agent.call('agent_sync_jobs_runs_start', { jobId: JOB })
  const done = await until('the scan ends', async () => {
    const answer = await agent.call('agent_sync_jobs_runs_read', { runId: (run as { id: string }).id })
    const { status, stats } = answer.run as { status: string; stats: Record<string, number> }
    return status === 'running' || status === 'paused' ? undefined : { status, stats }
  })
  expect(done.status === 'completed', 'the scan completes')
  const { recordsScanned, uniqueRecordsProcessed, duplicateRecordsSkipped, driftFindings } = done.stats
  screen.say(
    `${recordsScanned} scanned, ${uniqueRecordsProcessed} unique, ${duplicateRecordsSkipped} duplicates, findings opened: ${driftFindings}`,
  )
}

async function woken(mailbox: Mailbox, screen: Screen): Promise<string> {
  const trigger = await until('the trigger arrives', async () => mailbox.received[0])
  screen.step('Agent', 'is woken by a signed trigger that hands it a session')
  expect(trigger.verified, 'the signature is right')
  expect(trigger.body.type === FAMILY, 'the trigger is about drift')
  const { session, data, permission } = trigger.body as {
    session: { id: string }
    data: { checkpointDigest: string; open: number }
    permission: { write: boolean }
  }
  expect(!permission.write, 'a trigger permits nothing')
  screen.say(`${trigger.id} verified; session ${session.id}`)
  screen.say(`${data.open} finding, ${data.checkpointDigest.slice(0, 28)}…`)
  return session.id
}

async function read({ agent, sessionId, screen }: Scene): Promise<Finding> {
  screen.step('Agent', 'reads what was found')
  const { findings } = await agent.call(
    'agent_sync_jobs_findings_list',
    { jobId: JOB, status: 'open' },
    sessionId,
  )
  const [finding] = findings as [Finding]
  expect(finding.class === 'amount' && finding.subject.key === LESSON.key, 'the lesson’s amount has drifted')
  screen.say(`${finding.class}: ${finding.summary}`)
  return finding
}

type Change = {
  key: string
  createPrice: true
  finding: { jobId: string; fingerprint: string; evidenceHash: string }
}

/** Previewed, asked for, approved, confirmed. */
async function fix(scene: Scene, { fingerprint, evidenceHash }: Finding): Promise<Answer> {
  const { agent, sessionId, screen } = scene
  screen.step(
    'Agent',
    'previews the fix that the finding names: a new price at Stripe, as the catalog has it',
  )
  const change: Change = {
    key: LESSON.key,
    createPrice: true,
    finding: { jobId: JOB, fingerprint, evidenceHash },
  }
  const input = { action: 'preview_lesson_stripe_price_change', ...change }
  const { action: _action, ...asked } = input
  const preview = (await agent.call(PREVIEW, asked, sessionId)) as unknown as Preview
  showPlan(preview, screen)
  screen.step('Agent', 'asks for approval of exactly this plan')
  const request = {
    operationId: 'catalog.lesson-stripe-price.preview',
    input,
    reason: 'The catalog is right.',
  }
  const approval = await ask(scene, preview, request)
  screen.step(OWNER.name, 'signs in, sees both sides, and approves')
  await approve(scene, approval, preview.confirmationText)
  return confirm(scene, preview, change, approval)
}

async function confirm(
  { agent, sessionId, screen }: Scene,
  preview: Preview,
  change: Change,
  approval: Approval,
): Promise<Answer> {
  screen.step('Agent', 'confirms: the write lands in the catalog, and at Stripe')
  const words = { key: 'demo-fix-drift', reason: 'The catalog is right.', correlation: 'demo-catalog-drift' }
  const answer = await agent.call(
    UPDATE,
    {
      ...change,
      ...(preview.observedUpdatedAt ? { observedUpdatedAt: preview.observedUpdatedAt } : {}),
      envelope: envelopeOf(preview, words, approval),
    },
    sessionId,
  )
  return answer.stripe as Answer
}

async function landed({ agent, screen }: Scene, stripe: StripeServer, write: Answer): Promise<void> {
  const { id } = write.write as { id: string }
  const done = await until('the price is made at Stripe', async () => {
    const { writes } = await agent.call('catalog_stripe_writes_list', { id })
    const [row] = writes as { status: string; outcome: string | null }[]
    return row?.status === 'done' ? row : undefined
  })
  const made = stripe.state.prices.items.filter(
    ({ active, unit_amount }) => active && unit_amount === LESSON.amountCents,
  )
  expect(made.length === 1, 'there is one such price at Stripe')
  screen.say(`at Stripe: ${done.outcome}, one active price of $75.00; the old one is archived`)
}

async function proveGone(scene: Scene): Promise<void> {
  const { agent, sessionId, screen } = scene
  await scan(agent, screen, 'scans again')
  const drift = (await agent.call('agent_sync_jobs_drift_read', { jobId: JOB }, sessionId)).drift as Drift
  expect(drift.drift === 'no-drift' && drift.openFindings === 0, 'there is no drift')
  screen.say(drift.statement)
  screen.say(`complete through ${drift.completeThrough}, ${drift.digest.slice(0, 28)}…`)
  await agent.call('agent_session_complete', {
    sessionId,
    outcome: 'completed',
    summary: `The catalog of ${ORG} and Stripe agree.`,
  })
  screen.step('Agent', `completes the session of ${CLIENT.name}`)
  await replay(scene)
}

/** Polls until there is an answer. */
async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + DEADLINE_MS; Date.now() < end; await pause(100)) {
    const found = await look()
    if (found !== undefined) return found
  }
  throw new Error(`The demo expected: ${what}`)
}
