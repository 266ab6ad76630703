import type { Browser, Page } from 'playwright-core'
import sql from 'sql-template-tag'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Caller, PASSWORD, type TestApp, testApp } from '../harness/app.ts'
import { type RequestedMove, requestedMove } from '../harness/moves.ts'
import { hasBrowser, startBrowser, watchPage } from './browser.ts'

const PHONE = { viewport: { width: 375, height: 740 }, isMobile: true, hasTouch: true }
/** The narrowest phones still in use. */
const NARROW = { viewport: { width: 320, height: 640 }, isMobile: true, hasTouch: true }

let app: TestApp
let started: Awaited<ReturnType<typeof startBrowser>>
let browser: Browser
let owner: Caller & { email: string }
let agent: Caller
let eventId: string
let move: RequestedMove
let page: Page
let seen: ReturnType<typeof watchPage>
let events = 0

describe.skipIf(!hasBrowser)('the approval page', () => {
  beforeAll(async () => {
    app = await testApp()
    await app.org('laurel')
    owner = await app.person('laurel', 'owner')
    agent = await app.key({ org: 'laurel', role: 'agent', for: owner.email })
    started = await startBrowser()
    browser = started.browser
  })
  afterAll(async () => {
    await started?.close()
    await app?.close()
  })
  beforeEach(async () => {
    eventId = (await app.event('laurel', { id: `room-${++events}-5e0d17aa` })).id
    move = await requestedMove(agent, eventId)
    ;({ page, seen } = await openPage(PHONE))
  })
  afterEach(async () => {
    await page.context().close()
    expect(seen).toEqual({ complaints: [], foreign: [] })
  })

  const openPage = async (device: object, origin = app.url) => {
    const context = await browser.newContext(device)
    context.setDefaultTimeout(10_000)
    const opened = await context.newPage()
    return { page: opened, seen: watchPage(opened, origin) }
  }
  const pathOf = ({ sessionId, approval }: RequestedMove) =>
    `/approvals/${sessionId}/${approval.id}?artistId=laurel`
  const heading = (name: string) => page.getByRole('heading', { name })
  const confirmation = () => page.getByRole('textbox', { name: 'Confirmation' })
  const approve = () => page.getByRole('button', { name: 'Approve this plan' })

  async function signIn(email = owner.email, password = PASSWORD) {
    await page.getByRole('textbox', { name: 'E-mail' }).fill(email)
    await page.getByLabel('Password').fill(password)
    await page.getByRole('button', { name: 'Sign in' }).click()
  }
  /** The page as this person sees it. */
  async function visit(email?: string, origin = app.url) {
    await page.goto(origin + pathOf(move))
    await signIn(email)
    await page.waitForURL(origin + pathOf(move))
  }
  const statusOf = async () => {
    const [row] = await app.deps.db.query<{ status: string }>(
      sql`SELECT status FROM session_approvals WHERE org = 'laurel' AND id = ${move.approval.id}`,
    )
    return row?.status
  }
  const fits = () => page.evaluate('document.documentElement.scrollWidth <= window.innerWidth')

  test('[B-1] leads to signing in and back, and shows who asks, why, and the plan before and after', async () => {
    await page.goto(app.url + pathOf(move))
    expect(new URL(page.url()).pathname).toBe('/sign-in')
    await signIn(owner.email, 'not the password')
    expect(await page.getByRole('alert').textContent()).toBe('E-mail or password is wrong.')
    expect(await page.getByRole('textbox', { name: 'E-mail' }).inputValue()).toBe(owner.email)
    await signIn()
    expect(page.url()).toBe(app.url + pathOf(move))

    await heading('Move Laurel Studio Room from 7:00 PM to 7:30 PM.').waitFor()
    const text = await page.getByRole('main').innerText()
    expect(text).toContain('An agent that acts for Person 1 asks. It calls itself Test client.')
    expect(text).toContain('The guest arrives later.')
    expect(text).toMatch(/Waits for a decision until .* UTC \(in 1 hour 29 minutes\)/)
    expect(text).toContain(move.approval.planDigest)
    expect(await page.getByRole('rowheader').allTextContents()).toEqual(['start time'])
    expect(await page.getByRole('cell').allTextContents()).toEqual([
      'Wednesday, May 20, 2026, 7:00 PM (America/Los_Angeles)',
      'Wednesday, May 20, 2026, 7:30 PM (America/Los_Angeles)',
    ])
    expect(await fits()).toBe(true)
  })

  test('[B-2] a wrong text is refused beside the field, keeps what was typed, and changes nothing', async () => {
    await visit()
    await confirmation().fill('I confirm updating Laurel Studio Room to 7:31 PM.')
    await approve().click()
    expect(await page.getByRole('alert').textContent()).toBe(
      'The confirmation text is not the exact text of the plan.',
    )
    expect(await confirmation().inputValue()).toBe('I confirm updating Laurel Studio Room to 7:31 PM.')
    expect(await confirmation().getAttribute('aria-invalid')).toBe('true')
    expect(await page.evaluate('document.activeElement.name')).toBe('confirmationText')
    expect(await statusOf()).toBe('pending')
  })

  test('[B-3] the exact text approves; a second visit says so and offers nothing more', async () => {
    await visit()
    await confirmation().fill(await page.locator('.exact').innerText())
    await approve().click()
    const approved = page
      .getByRole('status')
      .getByText(/^Approved by Person 1\. The agent may now apply exactly/)
    await approved.waitFor()
    expect(await statusOf()).toBe('approved')

    await page.goto(app.url + pathOf(move))
    await approved.waitFor()
    await page.getByText('There is nothing left to decide.').waitFor()
    expect(await page.getByRole('textbox').count()).toBe(0)
  })

  test('[B-3] what was decided elsewhere meanwhile is told, not overruled', async () => {
    await visit()
    const path = `/api/agent/sessions/${move.sessionId}/approvals/${move.approval.id}`
    const { planDigest } = move.approval
    await owner.call('PATCH', path, { decision: 'reject', planDigest, reason: 'Not that day.' })
    await confirmation().fill(await page.locator('.exact').innerText())
    await approve().click()
    expect(await page.getByRole('alert').textContent()).toBe('The approval is rejected.')
    expect(await page.getByRole('status').textContent()).toBe('Refused by Person 1: Not that day.')
    expect(await statusOf()).toBe('rejected')
  })

  test('[B-4] refusing takes a reason, which the agent reads in the log', async () => {
    await visit()
    const refuse = page.getByRole('button', { name: 'Refuse this plan' })
    await refuse.click()
    // the browser itself asks for the reason: nothing was sent
    expect(await statusOf()).toBe('pending')
    await page.getByRole('textbox', { name: 'Reason' }).fill('  ')
    await refuse.click()
    expect(await page.getByRole('alert').textContent()).toBe('Say why, in 1 to 800 characters.')
    expect(await statusOf()).toBe('pending')
    await page.getByRole('textbox', { name: 'Reason' }).fill('The studio is taken.')
    await refuse.click()
    await page.getByText('Refused by Person 1: The studio is taken.').waitFor()
    const log = await agent.call('GET', `/api/agent/sessions/${move.sessionId}/events`)
    expect(log.body.events.at(-1)).toMatchObject({
      type: 'approval.resolved',
      approval: { status: 'rejected', reason: 'The studio is taken.' },
    })
  })

  describe('[B-5] somebody who may not decide', () => {
    const sees = async (why: RegExp | string) => {
      await page.getByText(why).waitFor()
      expect(await page.getByRole('textbox').count()).toBe(0)
      expect(await statusOf()).toBe('pending')
    }

    test('since they administer no longer sees that it takes an owner or admin', async () => {
      const admin = await app.person('laurel', 'admin')
      const theirs = await app.key({ org: 'laurel', role: 'agent', for: admin.email })
      move = await requestedMove(theirs, eventId)
      await app.deps.db.query(sql`UPDATE auth_member SET role = 'member'
        WHERE user_id = (SELECT id FROM auth_user WHERE email = ${admin.email})`)
      await visit(admin.email)
      await heading('What would change').waitFor()
      await sees(/it takes an owner or admin/)
    })

    test('sees that the policy asks for another person than the one the agent acts for', async () => {
      const set = (more: object) =>
        owner.call('PUT', '/api/admin/policies', {
          operationId: 'live.events.schedule.confirmed-update',
          principalKind: 'agent',
          ...more,
        })
      await app.person('laurel', 'admin')
      expect((await set({ mode: 'approve', delegatorMayConfirm: false })).status).toBe(200)
      try {
        move = await requestedMove(agent, eventId)
        await visit()
        await sees(/the agent acts for you, and the organisation wants somebody else to decide/)
      } finally {
        await set({ mode: 'default' })
      }
    })

    test('from elsewhere sees nothing of it, and can sign in as somebody else', async () => {
      const outsider = await app.person('laurel', 'member')
      await visit(outsider.email)
      await heading('This cannot be shown').waitFor()
      expect(await page.getByRole('main').innerText()).not.toContain('Studio')
      await page.getByRole('button', { name: 'Sign out' }).click()
      expect(new URL(page.url()).pathname).toBe('/sign-in')
      await signIn()
      await heading('What would change').waitFor()
    })
  })

  test('[B-6] the keyboard alone signs in, reads and approves', async () => {
    await page.goto(app.url + pathOf(move))
    const type = async (text: string) => {
      await page.keyboard.press('Tab')
      await page.keyboard.type(text)
    }
    await type(owner.email)
    await type(PASSWORD)
    await page.keyboard.press('Enter')
    await page.waitForURL(app.url + pathOf(move))
    await type('I confirm updating Laurel Studio Room to 7:30 PM.')
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Approve this plan')
    await page.keyboard.press('Enter')
    await page.getByText('Approved by Person 1').waitFor()
  })

  test.each(['localhost', '127.0.0.1'])('[B-7] works under the name %s', async (host) => {
    const origin = app.url.replace('127.0.0.1', host)
    await page.context().close()
    ;({ page, seen } = await openPage(PHONE, origin))
    await visit(owner.email, origin)
    await confirmation().fill(await page.locator('.exact').innerText())
    await approve().click()
    await page.getByText('Approved by Person 1').waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    // signed out of the page, one is asked to sign in before it is shown again
    await page.getByRole('button', { name: 'Sign in' }).waitFor()
  })

  test('[B-8] fits the narrowest phone with every kind of value, and shows no secret', async () => {
    await page.context().close()
    ;({ page, seen } = await openPage(NARROW))
    const secret = 'stream-customer-code-that-stays-unseen'
    const more = {
      title: 'W'.repeat(120),
      description: `First line\n<script>alert(1)</script> ${'unbroken'.repeat(40)}`,
      chatEnabled: false,
      streamProvider: 'cloudflare_stream',
      streamCustomerCode: secret,
      fanNotification: { enabled: true, title: 'Later', body: 'We start later.' },
    }
    const preview = await agent.call('POST', '/api/agent/live-controls', {
      action: 'preview_live_event_schedule_change',
      id: eventId,
      status: 'scheduled',
      startsAt: '2026-05-21T02:30:00.000Z',
      subscriberOnly: false,
      ...more,
    })
    expect(preview.body.ok, JSON.stringify(preview.body)).toBe(true)
    const requested = await agent.call('POST', `/api/agent/sessions/${move.sessionId}/approvals`, {
      operationId: 'live.events.schedule.preview',
      input: {
        action: 'preview_live_event_schedule_change',
        id: eventId,
        status: 'scheduled',
        startsAt: '2026-05-21T02:30:00.000Z',
        subscriberOnly: false,
        ...more,
      },
      planDigest: preview.body.planDigest,
      reason: 'All of it.',
    })
    expect(requested.status, JSON.stringify(requested.body)).toBe(201)
    move = { ...move, approval: requested.body.approval }
    await visit()
    expect(await fits()).toBe(true)
    const cells = await page.getByRole('cell').allTextContents()
    expect(cells).toEqual(expect.arrayContaining(['yes', 'no', 'not set', 'set', more.description]))
    await heading('Followers would read').waitFor()
    expect(await page.content()).not.toContain(secret)
  })

  test('[B-9] what a page may not do would be noticed', async () => {
    await visit()
    await page.evaluate(
      `document.body.append(Object.assign(document.createElement('style'), { textContent: 'p{}' }))`,
    )
    await page.evaluate(`fetch('http://elsewhere.example/').catch(() => {})`)
    await expect.poll(() => seen.complaints.length).toBeGreaterThanOrEqual(2)
    expect(seen.complaints.join('\n')).toMatch(/style-src/)
    expect(seen.complaints.join('\n')).toMatch(/elsewhere\.example/)
    seen = { complaints: [], foreign: [] }
  })

  test('[B-10] the reference fits a phone and opens by keyboard', async () => {
    await page.goto(`${app.url}/reference`)
    expect(await fits()).toBe(true)
    await page.locator('summary').first().focus()
    await page.keyboard.press('Enter')
    await page.getByText('sessions.manifest.read').waitFor()
    await page.evaluate(`for (const each of document.querySelectorAll('details')) each.open = true`)
    expect(await fits()).toBe(true)
    for (const { id } of app.deps.operations) expect(await page.locator(`[id="${id}"]`).count()).toBe(1)
  })
})
