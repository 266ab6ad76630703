import { isDeepStrictEqual } from 'node:util'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Operation, WriteOperation } from '../../src/operation/define.ts'
import { OPERATIONS } from '../../src/operations.ts'
import { type Caller, type TestApp, testApp } from '../harness/app.ts'
import { approve } from '../harness/loop.ts'
import { INPUTS, type World } from './inputs.ts'
import { callOperation, changedTables, fingerprints, newSession, operationNamed, worldOf } from './world.ts'

const ROUTES = ['http', 'mcp'] as const
type Route = (typeof ROUTES)[number]
type Answer = { ok: boolean; body: Record<string, any> }

/** What a grant brings along with a write. */
const EVIDENCE = [
  'wrong text',
  'exact text',
  'pending approval',
  'rejected approval',
  'approval',
  'approval of another plan',
] as const
type Evidence = (typeof EVIDENCE)[number]

/** Which evidence is enough under which policy; an approval that does not stand is refused under each. */
const ENOUGH: Record<'direct' | 'confirm' | 'approve', readonly Evidence[]> = {
  direct: ['exact text', 'approval'],
  confirm: ['exact text', 'approval'],
  approve: ['approval'],
}

/** Every attempt is audited, refused or not. */
const ALWAYS = ['public.audit_log']

let app: TestApp
let owner: Caller
let grants: Record<string, Caller & { bearer: string }>
const clients = new Map<string, Client>()

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  grants = {
    grant: await app.key({ org: 'laurel', role: 'agent' }),
    'grant without scope': await app.key({
      org: 'laurel',
      role: 'agent',
      scopes: ['creator:laurel:shop:read'],
    }),
  }
})
afterAll(async () => {
  await Promise.all([...clients.values()].map((client) => client.close()))
  await app.close()
})

async function clientOf(name: string): Promise<Client> {
  const known = clients.get(name)
  if (known) return known
  const client = new Client({ name: 'suite', version: '1.0.0' })
  const headers = { Authorization: `Bearer ${grants[name]!.bearer}` }
  await client.connect(
    new StreamableHTTPClientTransport(new URL('/mcp', app.url), { requestInit: { headers } }),
  )
  clients.set(name, client)
  return client
}

async function call(
  route: Route,
  who: string,
  operation: Operation,
  input: Record<string, unknown>,
  approval?: Approval,
): Promise<Answer> {
  if (route === 'http') {
    const headers = approval ? { 'countersign-approval': `${approval.id} ${approval.planDigest}` } : undefined
    const { status, body } = await callOperation(grants[who]!, operation, input, { headers })
    return { ok: status < 300, body }
  }
  const client = await clientOf(who)
  const _meta = approval ? { 'dev.countersign/approval': approval } : {}
  const answer = await client.callTool({ name: operation.tool, arguments: input, _meta })
  return { ok: !answer.isError, body: answer.structuredContent as Record<string, any> }
}

type Approval = { id: string; planDigest: string }

/** The same write, meant: executed with the text, the key and the approval given. */
function executed(
  input: Record<string, unknown>,
  confirmation: string,
  approval?: Approval,
): Record<string, unknown> {
  if (!input.envelope) return input
  const envelope = input.envelope as Record<string, unknown>
  return {
    ...input,
    envelope: {
      ...envelope,
      actionMode: 'execute',
      dryRun: false,
      confirmation: { text: confirmation, acknowledgedRisk: true },
      idempotencyKey: `suite-${crypto.randomUUID()}`,
      ...(approval ? { approval } : {}),
    },
  }
}

/** What a write would do, learnt as an agent learns it: by its own route in preview mode. */
async function planOf(route: Route, operation: WriteOperation, input: Record<string, unknown>) {
  const asked = hasEnvelope(operation) ? input : { ...input, dryRun: true }
  const { ok, body } = await call(route, 'grant', operation, asked)
  expect(ok, JSON.stringify(body)).toBe(true)
  return body.plan as { confirmationText: string; planDigest: string }
}

const hasEnvelope = (operation: WriteOperation): boolean => operation.confirmation.envelope

/** An approval of the write's plan, decided on as told; each in a session of its own. */
async function approvalOf(
  operation: WriteOperation,
  input: Record<string, unknown>,
  evidence: Evidence,
): Promise<Approval> {
  const sessionId = await newSession(app, grants.grant!)
  const { envelope: _, observedUpdatedAt: __, ...rest } = input
  const { planDigest } = await planOf('http', operation, input)
  const asked = await callOperation(grants.grant!, operationNamed(app, 'sessions.approvals.request'), {
    sessionId,
    operationId: operation.id,
    input: rest,
    planDigest,
    reason: 'The suite asks.',
  })
  expect(asked.status, JSON.stringify(asked.body)).toBe(201)
  const { id } = asked.body.approval
  if (evidence === 'rejected approval')
    await owner.call('PATCH', `/api/agent/sessions/${sessionId}/approvals/${id}`, {
      decision: 'reject',
      planDigest,
    })
  else if (evidence !== 'pending approval')
    expect((await approve(owner, sessionId, id, planDigest)).status).toBe(200)
  return { id, planDigest }
}

let kept: Promise<World> | undefined
/** A world for what is to change nothing: one for all of it. */
const untouched = (): Promise<World> => (kept ??= worldOf(app, 'laurel', grants.grant!))

/** The newest world, where all that was attempted in it was refused and changed nothing. */
let spare: World | undefined
const pristine = async (): Promise<World> => spare ?? worldOf(app, 'laurel', grants.grant!)

/** One attempt in a world that nothing was done to; answers it together with the tables that it changed. */
async function attempt(route: Route, operation: WriteOperation, evidence: Evidence) {
  const world = await pristine()
  spare = undefined
  const input = INPUTS[operation.id]!(world)
  const { confirmationText } = await planOf(route, operation, input)
  const { approval, newest } = await evidenceOf(operation, evidence, world)
  const text = evidence === 'wrong text' ? `${confirmationText} Really.` : confirmationText
  const before = await fingerprints(app)
  const inHeader = hasEnvelope(operation) ? undefined : approval
  const answer = await call(route, 'grant', operation, executed(input, text, approval), inHeader)
  const changed = changedTables(before, await fingerprints(app))
  if (isDeepStrictEqual(changed, ALWAYS)) spare = newest
  return { answer, changed }
}

/** The approval that the attempt brings along, if it does; and the world that was made last. */
async function evidenceOf(
  operation: WriteOperation,
  evidence: Evidence,
  world: World,
): Promise<{ approval?: Approval; newest: World }> {
  if (!evidence.includes('approval')) return { newest: world }
  const asked =
    evidence === 'approval of another plan'
      ? await otherArguments(operation, world)
      : { input: INPUTS[operation.id]!(world), newest: world }
  return { approval: await approvalOf(operation, asked.input, evidence), newest: asked.newest }
}

/** What changes the plan of an input that has it; others are asked for in another world. */
const OTHER: Record<string, string> = {
  title: 'Another room',
  body: 'Another message',
  nextStatus: 'live',
  email: 'another@people.example',
  status: 'flagged',
  cron: '41 5 * * *',
}
/** Where a member of that name means something else. */
const IN_ANOTHER_WORLD = ['catalog.membership-lifecycle.confirmed-update']
/** Of which there is only one plan: every world is the same to it. */
const WITHOUT_ANOTHER = ['sync-jobs.schedules.remove']

/** A change that was approved and is not the one that is executed, and the world that was made last. */
async function otherArguments(operation: WriteOperation, world: World) {
  const input = INPUTS[operation.id]!(world)
  const field = Object.keys(OTHER).find((name) => name in input && !IN_ANOTHER_WORLD.includes(operation.id))
  if (field && (hasEnvelope(operation) || ['title', 'cron'].includes(field)))
    return { input: { ...input, [field]: OTHER[field] }, newest: world }
  const newest = await worldOf(app, 'laurel', grants.grant!)
  return { input: INPUTS[operation.id]!(newest), newest }
}

const setPolicy = async (operationId: string, mode: string): Promise<void> => {
  const reply = await callOperation(owner, operationNamed(app, 'policies.update'), {
    operationId,
    principalKind: 'agent',
    mode,
  })
  expect(reply.status, JSON.stringify(reply.body)).toBe(200)
}

const writes = OPERATIONS.filter((operation): operation is WriteOperation => operation.effect === 'write')
const forGrants = writes.filter(({ access }) => !access.owner && access.auth !== 'first-party-session')

/** What every write leaves, whatever it changes. */
const BESIDE = [
  'public.audit_log',
  'public.idempotency_keys',
  'public.session_events',
  'public.agent_sessions',
]

describe.each(ROUTES)('over %s', (route) => {
  test.each(
    OPERATIONS.filter(({ effect }) => effect === 'read' || effect === 'preview').map(
      (each) => [each.id, each] as const,
    ),
  )('[P-1] %s changes nothing, whoever asks', async (_, operation) => {
    const world = await untouched()
    for (const who of Object.keys(grants)) {
      const before = await fingerprints(app)
      await call(route, who, operation, INPUTS[operation.id]!(world))
      expect(changedTables(before, await fingerprints(app)), who).toEqual([])
    }
  })

  test.each(writes.map((each) => [each.id, each] as const))(
    '[P-1] %s is closed to a grant that lacks the scope',
    async (_, operation) => {
      const world = await untouched()
      const before = await fingerprints(app)
      const input = executed(INPUTS[operation.id]!(world), 'I confirm.')
      const { ok } = await call(route, 'grant without scope', operation, input)
      expect(ok).toBe(false)
      expect(changedTables(before, await fingerprints(app))).toEqual(ALWAYS)
    },
  )

  test.each(writes.filter((each) => !forGrants.includes(each)).map((each) => [each.id, each] as const))(
    '[P-1] %s is closed to every grant',
    async (_, operation) => {
      const world = await untouched()
      const before = await fingerprints(app)
      const { body } = await call(route, 'grant', operation, INPUTS[operation.id]!(world))
      expect(body.code).toBe('forbidden')
      expect(changedTables(before, await fingerprints(app))).toEqual(ALWAYS)
    },
  )

  describe.each(Object.keys(ENOUGH) as (keyof typeof ENOUGH)[])('[P-2] under the policy %s', (mode) => {
    // the rule for every write is for those that carry an envelope; the others have one of their own each
    const subjects = forGrants.filter((each) => hasEnvelope(each) || mode !== 'confirm')
    const ruled = ['*', ...subjects.filter((each) => !hasEnvelope(each)).map(({ id }) => id)]
    const setAll = async (to: string) => {
      for (const id of ruled) await setPolicy(id, to)
    }
    beforeAll(() => setAll(mode))
    afterAll(() => setAll('default'))

    const cases = subjects.flatMap((each) =>
      EVIDENCE.filter(
        (evidence) =>
          (hasEnvelope(each) || evidence !== 'wrong text') &&
          !(evidence === 'approval of another plan' && WITHOUT_ANOTHER.includes(each.id)),
      ).map((evidence) => [each.id, evidence, each] as const),
    )
    test.each(cases)('%s with %s', async (_, evidence, operation) => {
      const { answer, changed } = await attempt(route, operation, evidence)
      const enough = ENOUGH[mode].includes(evidence)
      expect(answer.ok, JSON.stringify(answer.body)).toBe(enough)
      if (enough) expect(changed.filter((table) => !BESIDE.includes(table))).not.toEqual([])
      else expect(changed).toEqual(ALWAYS)
    })
  })
})
