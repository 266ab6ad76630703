import sql from 'sql-template-tag'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import {
  type CommerceWrite,
  confirm,
  confirmed,
  finding,
  lesson,
  previewed,
  product,
  tier,
} from '../../test/harness/catalog.ts'
import { insertItem } from './store.ts'

const LESSON = '/api/admin/catalog/items/lesson-offering/intro-guitar-lesson'

let app: TestApp | undefined
let owner: Caller

beforeEach(async () => {
  await app?.close()
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  const items = [
    lesson({ details: { bookedSessions: 3 } }),
    product({ stripePriceId: 'price_abcdscore' }),
    tier({ status: 'draft', details: { members: 0 } }),
  ]
  for (const item of items)
    await app.deps.db.transaction((tx) =>
      insertItem(tx, 'laurel', item, new Date('2026-05-16T07:00:00.000Z')),
    )
})
afterAll(() => app?.close())
const here = (): TestApp => app as TestApp

/** A write of each kind, and the words in which it is confirmed. */
const CASES: [CommerceWrite, Record<string, unknown>, string, Record<string, unknown>][] = [
  [
    'lessonPrice',
    { key: 'intro-guitar-lesson', amountCents: 8000 },
    'I confirm updating Intro guitar lesson to $80.00.',
    { amountCents: 8000 },
  ],
  [
    'lessonMapping',
    { key: 'intro-guitar-lesson', stripePriceId: 'price_1Another' },
    'I confirm updating Intro guitar lesson to the Stripe price price_...ther.',
    { redactedStripePriceId: 'price_...ther' },
  ],
  [
    'tierMapping',
    { key: 'studio-circle', stripePriceId: null },
    'I confirm updating Studio Circle to no price at Stripe.',
    { hasStripePrice: false },
  ],
  [
    'lifecycle',
    { key: 'studio-circle', status: 'active' },
    'I confirm updating Studio Circle to active.',
    { active: true },
  ],
  [
    'shopCreate',
    { title: 'Poster', amountCents: 2500, currency: 'eur', status: 'active' },
    'I confirm creating the store item Poster at €25.00, active.',
    { id: 'shop-product:poster', active: true },
  ],
  [
    'visibility',
    { key: 'signed-score-download', visible: false },
    'I confirm updating Signed score download to hidden.',
    { visible: false },
  ],
  [
    'shopDetails',
    { key: 'signed-score-download', title: 'Score', amountCents: 1900, description: 'PDF' },
    'I confirm updating Signed score download to $19.00, the title Score, new details.',
    { title: 'Score', amountCents: 1900, details: { description: 'PDF' } },
  ],
]

describe('confirmed writes of commerce', () => {
  test.each(CASES)(
    '[CA-21] %s: previewed, confirmed in its own words, done once',
    async (write, input, text, item) => {
      const seen = await previewed(owner, write, input)
      expect(seen.body).toMatchObject({
        version: 'agent-creator-commerce-preview.v1',
        writesState: false,
        confirmationText: text,
        plan: { blockers: [] },
      })
      const key = { key: 'the-same-request' }
      const [first, again] = [
        await confirm(owner, write, input, seen, key),
        await confirm(owner, write, input, seen, key),
      ]
      expect(first.body).toMatchObject({ ok: true, mode: 'applied', item })
      expect([again.status, again.body]).toEqual([first.status, first.body])
      // what was seen is no longer so
      const late = await confirm(owner, write, input, seen)
      expect(['stale', 'conflict']).toContain(late.body.code)
      const { items } = (await owner.call('GET', '/api/admin/catalog/items')).body
      expect(items.find(({ id }: any) => id === first.body.item.id)).toEqual(first.body.item)
    },
  )

  test.each(CASES)('[CA-22] %s by a grant: only as a person approved it', async (write, input) => {
    const agent = await here().key({ org: 'laurel', role: 'agent' })
    const seen = await previewed(agent, write, input)
    expect(seen.body.requiresApproval).toBe(true)
    expect((await confirm(agent, write, input, seen)).body.code).toBe('approval-required')
    const opened = await agent.call('POST', '/api/agent/sessions', {
      ...{ workflow: 'catalog', client: { id: 'c', name: 'C', kind: 'test' } },
    })
    const session = `/api/agent/sessions/${opened.body.session.id}`
    const { planDigest, plan } = seen.body
    const asked = await agent.call('POST', `${session}/approvals`, {
      ...{ operationId: plan.operationId, input, planDigest, reason: 'It is time.' },
    })
    expect(asked.status, JSON.stringify(asked.body)).toBe(201)
    const { id } = asked.body.approval
    await owner.call('PATCH', `${session}/approvals/${id}`, { decision: 'approve', planDigest })
    const approval = { approval: { id, planDigest } }
    const replies = await Promise.all([1, 2].map(() => confirm(agent, write, input, seen, approval)))
    expect(replies.filter(({ body }) => body.mode === 'applied')).toHaveLength(1)
    expect(replies.map(({ body }) => body.code)).toContain('approval-consumed')
  })

  test('[CA-21] of two at once on what was seen, one is done', async () => {
    const input = { key: 'intro-guitar-lesson', amountCents: 8000 }
    const seen = await previewed(owner, 'lessonPrice', input)
    const replies = await Promise.all([1, 2, 3].map(() => confirm(owner, 'lessonPrice', input, seen)))
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 412, 412])
  })

  test('[CA-23] what happens at Stripe is said before, plainly also when it is nothing', async () => {
    const { plan } = (
      await previewed(owner, 'lessonPrice', { key: 'intro-guitar-lesson', amountCents: 8000 })
    ).body
    const note = 'Nothing changes at Stripe: this deployment has no Stripe account of the organisation.'
    expect(plan.warnings).toEqual([
      '3 booked sessions stay as agreed; only new bookings see the change.',
      note,
    ])
    const done = await confirmed(owner, 'lessonPrice', { key: 'intro-guitar-lesson', amountCents: 8000 })
    expect(done.body.stripe).toEqual({ status: 'not-configured', note })
    const mapped = await confirmed(owner, 'lessonMapping', {
      key: 'intro-guitar-lesson',
      stripePriceId: null,
    })
    expect(mapped.body.stripe.status).toBe('not-affected')
    const unmapped = await confirmed(owner, 'lessonPrice', { key: 'intro-guitar-lesson', amountCents: 9000 })
    expect(unmapped.body.stripe.status).toBe('not-mapped')
    expect((await owner.call('GET', '/api/admin/catalog/stripe-writes')).body.writes).toEqual([])
  })

  test('[CA-24] a tier goes where its status lets it', async () => {
    const to = (status: string) => confirmed(owner, 'lifecycle', { key: 'studio-circle', status })
    expect((await to('draft')).body).toMatchObject({
      code: 'status-redundant',
      allowed: ['active', 'retired'],
    })
    expect((await to('active')).status).toBe(200)
    expect((await to('draft')).body).toMatchObject({ code: 'status-forbidden', allowed: ['retired'] })
    expect((await to('retired')).status).toBe(200)
    expect((await to('active')).status).toBe(200)
    await confirmed(owner, 'tierMapping', { key: 'studio-circle', stripePriceId: null })
    await to('retired')
    const seen = await previewed(owner, 'lifecycle', { key: 'studio-circle', status: 'active' })
    expect(seen.body.plan.warnings).toEqual([
      'It is mapped to no price at Stripe, so nobody can pay for it there yet.',
    ])
  })

  test('[CA-25] a mapping is given or made, a shared price is told of, and none is made without an account', async () => {
    const key = 'intro-guitar-lesson'
    const both = { key, stripePriceId: 'price_abcdefg', createPrice: true }
    for (const input of [{ key }, both])
      expect((await previewed(owner, 'lessonMapping', input)).body.errors[0].pointer).toBe('/stripePriceId')
    const shared = await previewed(owner, 'lessonMapping', { key, stripePriceId: 'price_abcdscore' })
    expect(shared.body.plan.warnings).toContain('Signed score download is mapped to the same price.')
    expect((await confirmed(owner, 'lessonMapping', { key, createPrice: true })).body).toMatchObject({
      code: 'plan-blocked',
      detail: expect.stringContaining('no Stripe account'),
    })
    // a lesson is no tier
    expect((await previewed(owner, 'tierMapping', { key, stripePriceId: null })).status).toBe(404)
  })

  test('[CA-28] what is to fix a finding is refused once that is another, is over, or is of something else', async () => {
    const input = { key: 'intro-guitar-lesson', amountCents: 7000 }
    const fresh = await finding(here())
    const seen = await previewed(owner, 'lessonPrice', { ...input, finding: fresh })
    expect(seen.status).toBe(200)
    const codeOf = async (given: Record<string, unknown>) =>
      (await previewed(owner, 'lessonPrice', { ...input, finding: { ...fresh, ...given } })).body.code
    expect(await codeOf({ evidenceHash: 'evidence-0' })).toBe('stale')
    expect(await codeOf({ fingerprint: 'finding-of-nothing' })).toBe('not-found')
    const foreign = await finding(here(), 'evidence-1', 'another-lesson')
    expect(await codeOf(foreign)).toBe('validation-failed')
    await finding(here(), 'evidence-2')
    expect((await confirm(owner, 'lessonPrice', { ...input, finding: fresh }, seen)).body.code).toBe('stale')
    await here().deps.db.query(sql`UPDATE sync_findings SET status = 'resolved' WHERE org = 'laurel'`)
    expect(await codeOf({ evidenceHash: 'evidence-2' })).toBe('conflict')
    expect((await owner.call('GET', LESSON)).body.item.version).toBe(1)
  })

  test('[CA-28] an approval of a fix is of no use once the finding is another', async () => {
    const agent = await here().key({ org: 'laurel', role: 'agent' })
    const input = { key: 'intro-guitar-lesson', amountCents: 7000, finding: await finding(here()) }
    const seen = await previewed(agent, 'lessonPrice', input)
    const opened = await agent.call('POST', '/api/agent/sessions', {
      ...{ workflow: 'catalog', client: { id: 'c', name: 'C', kind: 'test' } },
    })
    const session = `/api/agent/sessions/${opened.body.session.id}`
    const { planDigest, plan } = seen.body
    const asked = await agent.call('POST', `${session}/approvals`, {
      ...{ operationId: plan.operationId, input, planDigest, reason: 'Drift.' },
    })
    const { id } = asked.body.approval
    await owner.call('PATCH', `${session}/approvals/${id}`, { decision: 'approve', planDigest })
    await finding(here(), 'evidence-2')
    const refused = await confirm(agent, 'lessonPrice', input, seen, { approval: { id, planDigest } })
    expect([refused.status, refused.body.code]).toEqual([412, 'stale'])
    expect((await owner.call('GET', LESSON)).body.item).toMatchObject({ amountCents: 7500, version: 1 })
  })

  test('[CA-9] nobody writes but who administers', async () => {
    const member = await here().person('laurel', 'member')
    const input = { key: 'intro-guitar-lesson', amountCents: 8000 }
    const seen = await previewed(owner, 'lessonPrice', input)
    const codes = []
    for (const who of [here().guest(), member])
      codes.push((await confirm(who, 'lessonPrice', input, seen)).body.code)
    expect(codes).toEqual(['unauthenticated', 'forbidden'])
  })
})
