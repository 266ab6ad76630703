import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startJobs } from '../../src/jobs/start.ts'
import { executeJob } from '../../src/sessions/execute.ts'
import { PASSWORD } from '../harness/app.ts'
import { parcelWorld, type Waiting } from '../harness/parcels.ts'
import { hasBrowser, startBrowser, watchPage } from './browser.ts'

describe.skipIf(!hasBrowser)('the page of an approval that the server executes', () => {
  let world: Awaited<ReturnType<typeof parcelWorld>>
  let started: Awaited<ReturnType<typeof startBrowser>>
  beforeAll(async () => {
    world = await parcelWorld()
    started = await startBrowser()
  })
  afterAll(async () => {
    await started?.close()
    await world?.app.close()
  })

  async function visit({ sessionId, approval }: Waiting): Promise<Page> {
    const context = await started.browser.newContext({
      viewport: { width: 375, height: 740 },
      isMobile: true,
    })
    context.setDefaultTimeout(10_000)
    const page = await context.newPage()
    await page.goto(`${world.app.url}/approvals/${sessionId}/${approval.id}?artistId=laurel`)
    await page.getByRole('textbox', { name: 'E-mail' }).fill(world.owner.email)
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { name: 'What would change' }).waitFor()
    return page
  }
  const apply = (page: Page) => page.getByRole('button', { name: 'Approve and apply this plan' })
  async function approveOn(page: Page) {
    await page.getByRole('textbox', { name: 'Confirmation' }).fill(await page.locator('.exact').innerText())
    await apply(page).click()
    await page
      .getByRole('status')
      .getByText('Approved by Person 1. The server applies exactly this plan now, once.')
      .waitFor()
  }

  test('[B-11] says that approving applies the plan, that it is being applied, and that it was', async () => {
    await world.next()
    const at = await world.waiting()
    const page = await visit(at)
    const seen = watchPage(page, world.app.url)
    const text = await page.getByRole('main').innerText()
    expect(text).toContain('An agent that acts for Person 1 asks.')
    expect(text).toContain('It is due.')
    expect(text).toContain('Approving applies this plan at once')
    expect(await page.evaluate('document.documentElement.scrollWidth <= window.innerWidth')).toBe(true)
    await approveOn(page)
    const jobs = await startJobs(world.app.deps, world.app.database.connection, [executeJob])
    try {
      const status = async () => {
        await page.reload()
        return page.getByRole('status').textContent()
      }
      await expect.poll(status, { timeout: 15_000 }).toBe('Approved by Person 1 and applied.')
    } finally {
      await jobs.stop()
    }
    expect(await world.sent()).toHaveLength(1)
    expect(seen).toEqual({ complaints: [], foreign: [] })
    await page.context().close()
  })

  test('[B-11] says that what was approved was not applied, and why', async () => {
    await world.next()
    const at = await world.waiting()
    const page = await visit(at)
    await approveOn(page)
    await world.policy({ mode: 'direct' })
    await world.execute(at)
    await page.reload()
    expect(await page.getByRole('status').textContent()).toBe(
      'Void after Person 1 approved it: It was not applied (plan-changed): The policy changed since the approval.',
    )
    expect(await world.sent()).toEqual([])
    await world.after()
    await page.context().close()
  })
})
