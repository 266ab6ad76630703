import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Caller, Reply, TestApp } from '../../test/harness/app.ts'
import { lesson, tier } from '../../test/harness/catalog.ts'
import { driftApp, everything, scan } from '../../test/harness/drift.ts'
import type { CatalogItem } from '../catalog/rules.ts'
import { findItem, insertItem, updateItem } from '../catalog/store.ts'
import type { StripeServer } from '../demo/stripe/server.ts'

const FINDINGS = '/api/agent/sync-jobs/findings'
const ORGS = ['laurel', 'juniper', 'willow', 'hazel', 'rowan', 'alder', 'maple']
let drift: Awaited<ReturnType<typeof driftApp>>
let app: TestApp
let org: string
let owner: Caller
let stripe: StripeServer
let priceId: string
let next = 0

beforeAll(async () => {
  drift = await driftApp(ORGS)
  app = drift.app
})
afterAll(() => drift.close())

/** A lesson that costs 75.00 here and 80.00 at Stripe, found. */
beforeEach(async () => {
  org = ORGS[next++] as string
  owner = await app.person(org, 'owner')
  stripe = drift.stripe(org)
  const product = stripe.state.addProduct({ name: 'Lessons' })
  priceId = stripe.state.addPrice({ product: product.id, unit_amount: 8000 }).id
  await app.deps.db.transaction((tx) =>
    insertItem(tx, org, lesson({ stripePriceId: priceId }), app.deps.clock()),
  )
  await scan(app, org, 'full')
})

const list = async (caller: Caller, query = ''): Promise<any[]> =>
  (await caller.call('GET', `${FINDINGS}${query}`)).body.findings
const judging = (finding: any, judgement = 'dismissed') => ({
  ...{ judgement, evidenceHash: finding.evidenceHash, note: 'Old customers keep their price.' },
})
const preview = (caller: Caller, finding: any, judgement?: string): Promise<Reply> =>
  caller.call('POST', `${FINDINGS}/${finding.fingerprint}`, {
    action: 'preview_finding_judgement',
    ...judging(finding, judgement),
  })
type Asked = { key?: string; approval?: unknown; judgement?: string }
const judge = (caller: Caller, finding: any, text: string, asked: Asked = {}): Promise<Reply> =>
  caller.call('POST', `${FINDINGS}/${finding.fingerprint}`, {
    action: 'confirm_finding_judgement',
    ...judging(finding, asked.judgement),
    envelope: {
      contract: 'agent-write-envelope.v1',
      contractId: 'sync-jobs.findings',
      actionMode: 'execute',
      dryRun: false,
      actor: 'Test',
      client: 'client-test',
      action: 'sync-jobs.findings.judge',
      target: { id: finding.fingerprint },
      confirmation: { text, acknowledgedRisk: true },
      idempotencyKey: asked.key ?? `test-${crypto.randomUUID()}`,
      reason: 'Tested.',
      auditCorrelationId: 'test',
      ...(asked.approval ? { approval: asked.approval } : {}),
    },
  })
const setAmount = (amountCents: number) =>
  app.deps.db.transaction(async (tx) => {
    const item = (await findItem(tx, org, lesson())) as CatalogItem
    await updateItem(tx, org, { ...item, amountCents }, app.deps.clock())
  })

describe('a finding', () => {
  test('[DR-11] is listed and read with both sides and its fix, which is previewed as it stands', async () => {
    const [finding, ...rest] = await list(owner, '?status=open&class=amount')
    expect(rest).toEqual([])
    expect(finding).toMatchObject({
      class: 'amount',
      subject: { sourceKind: 'lesson-offering', key: 'intro-guitar-lesson' },
      summary: 'Intro guitar lesson costs $75.00 here and $80.00 at Stripe.',
      status: 'open',
      needsPerson: false,
      evidence: {
        catalog: { amountCents: 7500, hasStripePrice: true },
        stripe: { amountCents: 8000, active: true, productActive: true },
      },
      suggested: { confirm: { operationId: 'catalog.lesson-stripe-price.confirmed-update' } },
    })
    const one = await owner.call('GET', `${FINDINGS}/${finding.fingerprint}`)
    expect(one.body.finding).toEqual(finding)
    const fix = await owner.call('POST', '/api/agent/creator-commerce', finding.suggested.preview.input)
    expect(fix.body).toMatchObject({ ok: true, mode: 'preview', plan: { blockers: [] } })
    const text = JSON.stringify([finding, await everything(app)])
    expect(text).not.toContain(priceId)
    expect(text).not.toContain(stripe.key)
    expect(app.logged.join('')).not.toContain(stripe.key)
  })

  test('[DR-11] pages are whole, in order, and of one filter', async () => {
    await app.deps.db.transaction(async (tx) => {
      for (let n = 0; n < 7; n++)
        await insertItem(tx, org, tier({ key: `tier-${n}`, stripePriceId: null }), app.deps.clock())
    })
    app.advance(1000)
    await scan(app, org, 'incremental')
    const seen: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query: string = `?limit=3&status=open${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`
      const { body } = await owner.call('GET', FINDINGS + query)
      seen.push(...body.findings.map(({ fingerprint }: any) => fingerprint))
      cursor = body.nextCursor
      if (cursor)
        expect(
          (await owner.call('GET', `${FINDINGS}?limit=3&cursor=${encodeURIComponent(cursor)}`)).status,
        ).toBe(400)
    }
    expect(new Set(seen).size).toBe(8)
    expect(seen).toEqual((await list(owner, '?status=open')).map(({ fingerprint }) => fingerprint))
    expect((await list(owner, '?class=missing-price')).length).toBe(7)
  })

  test('[DR-12] is dismissed once by who confirms it, stays so while nothing changes, and opens again when either side does', async () => {
    const [finding] = await list(owner)
    const seen = await preview(owner, finding)
    expect(seen.body.confirmationText).toBe(
      'I confirm dismissing the finding as intended: Intro guitar lesson costs $75.00 here and $80.00 at Stripe.',
    )
    expect((await judge(owner, finding, 'Yes.')).status).not.toBe(200)
    const replies = [1, 2].map(() =>
      judge(owner, finding, seen.body.confirmationText, { key: 'one-request' }),
    )
    const [first, again] = await Promise.all(replies)
    expect(first?.body).toMatchObject({
      finding: { status: 'dismissed', judgement: { note: expect.any(String) } },
    })
    expect(again?.body).toEqual(first?.body)
    expect((await judge(owner, finding, seen.body.confirmationText)).body.code).toBe('plan-blocked')
    await scan(app, org, 'full')
    expect(await list(owner, '?status=open')).toEqual([])
    await setAmount(7600)
    await scan(app, org, 'incremental')
    const [open] = await list(owner, '?status=open')
    expect(open.fingerprint).toBe(finding.fingerprint)
    expect(open.evidenceHash).not.toBe(finding.evidenceHash)
  })

  test('[DR-12] that another one judges at the same time is judged once', async () => {
    const [finding] = await list(owner)
    const { confirmationText } = (await preview(owner, finding)).body
    const replies = await Promise.all([1, 2, 3].map(() => judge(owner, finding, confirmationText)))
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  test('[DR-13] whose evidence changed is judged by nobody: neither by who saw the former one nor by an approval of it', async () => {
    const agent = await app.key({ org, role: 'agent' })
    const [finding] = await list(agent)
    const seen = await preview(agent, finding)
    expect(seen.body.requiresApproval).toBe(true)
    expect((await judge(agent, finding, seen.body.confirmationText)).body.code).toBe('approval-required')
    const opened = await agent.call('POST', '/api/agent/sessions', {
      ...{ workflow: 'drift', client: { id: 'c', name: 'C', kind: 'test' } },
    })
    const session = `/api/agent/sessions/${opened.body.session.id}`
    const { planDigest } = seen.body
    const ask = async () => {
      const input = { fingerprint: finding.fingerprint, ...judging(finding) }
      const body = { operationId: 'sync-jobs.findings.judge', input, planDigest, reason: 'It is intended.' }
      return agent.call('POST', `${session}/approvals`, body)
    }
    const asked = await ask()
    expect(asked.status, JSON.stringify(asked.body)).toBe(201)
    const { id } = asked.body.approval
    const decided = await owner.call('PATCH', `${session}/approvals/${id}`, {
      decision: 'approve',
      planDigest,
    })
    expect(decided.status).toBe(200)
    await setAmount(7700)
    await scan(app, org, 'incremental')
    const late = await judge(agent, finding, seen.body.confirmationText, { approval: { id, planDigest } })
    expect(late).toMatchObject({ status: 412, body: { code: 'stale' } })
    expect((await preview(owner, finding)).body.code).toBe('stale')
    expect((await ask()).status).toBe(412)
    const [now] = await list(owner)
    expect(now).toMatchObject({ status: 'open', judgement: null })
    // and what is over is judged by nobody
    await setAmount(8000)
    await scan(app, org, 'incremental')
    expect((await preview(owner, now)).body.code).toBe('conflict')
    const { finding: over } = (await owner.call('GET', `${FINDINGS}/${finding.fingerprint}`)).body
    expect(over).toMatchObject({ status: 'resolved', suggested: null })
  })

  test('[DR-12] that an approved agent dismisses is dismissed, and taken back', async () => {
    const automation = await app.key({ org, role: 'automation' })
    const [finding] = await list(automation)
    const { confirmationText } = (await preview(automation, finding)).body
    expect((await judge(automation, finding, confirmationText)).body.finding.status).toBe('dismissed')
    const back = await preview(automation, finding, 'open')
    const reopened = await judge(automation, finding, back.body.confirmationText, { judgement: 'open' })
    expect(reopened.body.finding.status).toBe('open')
  })
})

test('[DR-14] the feed of findings has each of them as it is now, and a tombstone for what is resolved', async () => {
  const feed = async (): Promise<any[]> =>
    (await owner.call('GET', '/api/agent/sync-feeds/findings')).body.records
  const [finding] = await list(owner)
  expect(await feed()).toMatchObject([
    {
      type: 'sync.finding.upsert',
      data: { fingerprint: finding.fingerprint, status: 'open', class: 'amount' },
    },
  ])
  await setAmount(7700)
  await scan(app, org, 'incremental')
  const [now] = await list(owner)
  expect((await feed()).at(-1)).toMatchObject({ data: { evidenceHash: now.evidenceHash } })
  const { confirmationText } = (await preview(owner, now)).body
  await judge(owner, now, confirmationText)
  expect((await feed()).at(-1)).toMatchObject({ data: { status: 'dismissed' } })
  await setAmount(8000)
  await scan(app, org, 'incremental')
  expect((await feed()).at(-1)).toMatchObject({ type: 'sync.finding.delete' })
  expect(JSON.stringify(await feed())).not.toContain(priceId)
})
