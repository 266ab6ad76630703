import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import sql, { raw } from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { WriteOperation } from '../src/operation/define.ts'
import { PlanSchema } from '../src/operation/plan.ts'
import { checked, OPERATIONS } from '../src/operations.ts'
import { type Caller, type TestApp, testApp } from './harness/app.ts'
import { openSession } from './harness/loop.ts'
import { configSync, NEXT_TABLES, priceFix, tokensUsed } from './next-operations.ts'
import { callOperation, changedTables, dump } from './security/world.ts'

const TOKEN = 'target-token-that-must-stay-unseen'

/** `SyncJobRequest` of the hub's contract. */
const SYNC_JOB = {
  source_org_id: 'laurel',
  target_org_id: 'laurel-staging',
  target_auth_token: TOKEN,
  name: 'Promote intake',
  dry_run: false,
  include_dependencies: true,
  resources: [
    { type: 'journey', id: 'intake' },
    { type: 'automation_flow', id: 'welcome' },
  ],
}
const PRICE_FIX = { action: 'confirm_catalog_price_fix', priceId: 'price-tier-gold', amount: 900 }

const CASES: [string, WriteOperation, Record<string, unknown>, string][] = [
  ['a configuration sync', configSync as never, SYNC_JOB, 'next_sync_jobs'],
  ['a catalog price fix', priceFix as never, PRICE_FIX, 'next_prices'],
]

let app: TestApp
let owner: Caller
let agent: Caller & { bearer: string }
const answers: string[] = []

beforeAll(async () => {
  app = await testApp({ operations: [...OPERATIONS, configSync, priceFix] as never })
  for (const statement of NEXT_TABLES.split(';')) await app.deps.db.query(raw(statement) as never)
  await app.org('laurel')
  await app.deps.db.query(
    sql`INSERT INTO next_prices (org, id, currency, amount) VALUES ('laurel', 'price-tier-gold', 'EUR', 1200)`,
  )
  owner = await app.person('laurel', 'owner')
  const scopes = ['creator:laurel:configs:write', 'creator:laurel:catalog:write']
  agent = await app.key({ org: 'laurel', role: 'agent', scopes })
})
afterAll(() => app.close())

const envelope = (operation: WriteOperation, target: string | null, more: Record<string, unknown> = {}) => ({
  contract: 'agent-write-envelope.v1',
  contractId: operation.confirmation.contractId,
  actionMode: 'execute',
  dryRun: false,
  actor: 'Next agent',
  client: 'client-next',
  action: operation.confirmation.action,
  target: target ?? operation.id,
  confirmation: { text: 'to be filled in', acknowledgedRisk: true },
  idempotencyKey: 'next-preview-key',
  reason: 'The next surfaces come.',
  auditCorrelationId: 'next-correlation',
  ...more,
})

const call = async (operation: WriteOperation, input: Record<string, unknown>, headers = {}) => {
  const reply = await callOperation(agent, operation, input, { headers })
  answers.push(JSON.stringify(reply.body))
  return reply
}

const previewed = async (operation: WriteOperation, input: Record<string, unknown>) => {
  const asked = { ...input, envelope: envelope(operation, null, { actionMode: 'preview', dryRun: true }) }
  const { status, body } = await call(operation, asked)
  expect(body.ok, JSON.stringify(body)).toBe(true)
  expect(status).toBe(200)
  return PlanSchema.parse(body.plan)
}

const page = async (path: string, form?: Record<string, string>) => {
  const response = await fetch(app.url + path, {
    method: form ? 'POST' : 'GET',
    headers: owner.headers,
    ...(form ? { body: new URLSearchParams(form) } : {}),
    redirect: 'manual',
  })
  const text = await response.text()
  answers.push(text)
  return { status: response.status, text }
}

/** A value as the page says it, without the spaces that only lay it out. */
const shownAs = (value: unknown): string =>
  (typeof value === 'string' ? value : JSON.stringify(value)).replaceAll('"', '&quot;').replaceAll(/\s/g, '')

const rowsOf = async (table: string): Promise<unknown[]> =>
  app.deps.db.query(raw(`SELECT * FROM ${table}`) as never)

describe.each(CASES)('[K-2] %s goes through the kernel as it is', (_name, operation, input, table) => {
  test('preview, approval, page, execution, audit and replay', async () => {
    const before = await dump(app)
    const plan = await previewed(operation, input)
    expect(changedTables(before, await dump(app)), 'a preview stores nothing').toEqual([])
    const text = { text: plan.confirmationText, acknowledgedRisk: true }
    const executing = (key: string, more: Record<string, unknown>) => ({
      ...input,
      envelope: envelope(operation, plan.target.id, { confirmation: text, idempotencyKey: key, ...more }),
    })
    const unapproved = await call(operation, executing(`${table}-early-key`, {}))
    expect(unapproved.body.code).toBe('approval-required')

    const sessionId = await openSession(agent)
    const asked = await agent.call('POST', `/api/agent/sessions/${sessionId}/approvals`, {
      operationId: operation.id,
      input,
      planDigest: plan.planDigest,
      reason: 'The next surfaces come.',
    })
    answers.push(JSON.stringify(asked.body))
    expect(asked.body.approval?.plan, JSON.stringify(asked.body)).toEqual(plan)
    const { id, planDigest, url } = asked.body.approval

    const { pathname, search } = new URL(url)
    const shown = await page(pathname + search)
    expect(shown.status).toBe(200)
    for (const change of plan.changes)
      for (const part of [change.label, change.before, change.after])
        if (part !== null) expect(shown.text.replaceAll(/\s/g, '')).toContain(shownAs(part))
    for (const said of [plan.targetSummary, plan.confirmationText, ...plan.warnings])
      expect(shown.text).toContain(said)
    for (const { message } of plan.conflicts) expect(shown.text).toContain(message)
    const decision = { decision: 'approve', planDigest, confirmationText: plan.confirmationText }
    expect((await page(pathname + search, decision)).status).toBe(303)

    const effects = (await rowsOf(table)).length
    const body = executing(`${table}-confirm-key`, { approval: { id, planDigest } })
    const inSession = { 'agent-session-id': sessionId }
    const applied = await call(operation, body, inSession)
    expect(applied.body, JSON.stringify(applied.body)).toMatchObject({ ok: true, mode: 'applied' })
    expect(applied.status).toBe(operation.status ?? 200)
    const after = await rowsOf(table)
    const replayed = await call(operation, body, inSession)
    expect(replayed.body).toEqual(applied.body)
    expect(replayed.headers.get('idempotency-replayed')).toBe('true')
    const again = await call(operation, executing(`${table}-other-key`, { approval: { id, planDigest } }))
    expect(again.body.code).toBe('approval-consumed')
    expect(await rowsOf(table), 'one effect').toEqual(after)
    expect(after.length - effects).toBe(table === 'next_sync_jobs' ? 1 : 0)

    const audit = await owner.call('GET', `/api/admin/audit?sessionId=${sessionId}`)
    const entry = audit.body.entries.find(
      (each: any) => each.operationId === operation.id && each.outcome === 'applied',
    )
    const event = operation.audit.event
    expect(entry).toMatchObject({
      event,
      planDigest,
      approvalId: id,
      toolName: operation.tool,
      reason: 'The next surfaces come.',
    })
    expect(entry.next).not.toBeNull()
    const log = await agent.call('GET', `/api/agent/sessions/${sessionId}/events`)
    const types = log.body.events.map((each: any) => [each.type, each.approval?.status])
    expect(types).toEqual([
      ['session.created', undefined],
      ['approval.requested', 'pending'],
      ['approval.resolved', 'approved'],
      ['tool.call.started', undefined],
      ['tool.call.completed', 'consumed'],
      // the replay is a call too
      ['tool.call.started', undefined],
      ['tool.call.completed', undefined],
    ])
    answers.push(JSON.stringify([audit.body, log.body]))
  })
})

test('[K-2] a price that moved after the approval is not overwritten', async () => {
  const [operation, input] = [priceFix as never as WriteOperation, { ...PRICE_FIX, amount: 700 }]
  const plan = await previewed(operation, input)
  const sessionId = await openSession(agent)
  const asked = await agent.call('POST', `/api/agent/sessions/${sessionId}/approvals`, {
    operationId: operation.id,
    input,
    planDigest: plan.planDigest,
    reason: 'It drifted.',
  })
  const { id, planDigest } = asked.body.approval
  await owner.call('PATCH', `/api/agent/sessions/${sessionId}/approvals/${id}`, {
    decision: 'approve',
    planDigest,
  })
  await app.deps.db.query(
    sql`UPDATE next_prices SET amount = 950, version = version + 1 WHERE org = 'laurel'`,
  )
  const confirmation = { text: plan.confirmationText, acknowledgedRisk: true }
  const more = { confirmation, idempotencyKey: 'next-stale-key', approval: { id, planDigest } }
  const refused = await call(operation, { ...input, envelope: envelope(operation, plan.target.id, more) })
  expect([refused.status, refused.body.code]).toEqual([412, 'stale'])
  expect(refused.body.plan.changes).toMatchObject([{ before: 950, after: 700 }])
  expect(await rowsOf('next_prices')).toMatchObject([{ amount: 950 }])
})

test('[K-3] every surface follows from the declaration alone', async () => {
  const client = new Client({ name: 'next', version: '1.0.0' })
  const requestInit = { headers: { Authorization: `Bearer ${agent.bearer}` } }
  await client.connect(new StreamableHTTPClientTransport(new URL('/mcp', app.url), { requestInit }))
  try {
    const { tools } = await client.listTools()
    for (const [, operation, input] of CASES) {
      expect(tools.find(({ name }) => name === operation.tool)?.annotations).toMatchObject({
        destructiveHint: true,
        idempotentHint: true,
      })
      const argued = { ...input, ...(operation === CASES[1]![1] ? { amount: 650 } : {}) }
      const preview = {
        ...argued,
        envelope: envelope(operation, null, { actionMode: 'preview', dryRun: true }),
      }
      const answer = await client.callTool({ name: operation.tool, arguments: preview })
      answers.push(JSON.stringify(answer))
      expect(answer.structuredContent).toMatchObject({ ok: true, mode: 'preview' })
    }
  } finally {
    await client.close()
  }
  const { body: document } = await app.guest().call('GET', '/openapi.json')
  const schema = document.paths['/v1/promotion/jobs'].post.requestBody.content['application/json'].schema
  expect(schema.properties.target_auth_token).toMatchObject({ writeOnly: true })
  const { body: policies } = await owner.call('GET', '/api/admin/policies')
  const modes = policies.policies
    .filter((each: any) => each.principalKind === 'agent')
    .map((each: any) => [each.operationId, each.mode])
  expect(modes).toEqual(expect.arrayContaining(CASES.map(([, { id }]) => [id, 'approve'])))
  expect(() => checked([...OPERATIONS, configSync as never])).toThrow('unknown surface')
})

test('[R-5] the target’s token reached the effect and nothing else', async () => {
  expect(tokensUsed).toEqual([TOKEN])
  const everything = [...answers, ...app.logged, ...Object.values(await dump(app))]
  expect(everything.length).toBeGreaterThan(50)
  for (const form of [TOKEN, Buffer.from(TOKEN).toString('hex'), Buffer.from(TOKEN).toString('base64')])
    expect(everything.filter((text) => text.includes(form))).toEqual([])
})
