import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestApp, testApp } from '../../test/harness/app.ts'
import { lesson } from '../../test/harness/catalog.ts'
import { insertItem } from './store.ts'

const PATH = '/api/admin/catalog/items/lesson-offering/intro-guitar-lesson'
let app: TestApp
beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
})
afterAll(() => app.close())

describe('removing items', () => {
  test('[CA-12] what is active stays, what is retired goes once, and its name is free again', async () => {
    const owner = await app.person('laurel', 'owner')
    const add = () => app.deps.db.transaction((tx) => insertItem(tx, 'laurel', lesson(), new Date()))
    await add()
    expect((await owner.call('DELETE', PATH)).body).toMatchObject({
      code: 'plan-blocked',
      detail: 'Intro guitar lesson is active; retire it first.',
    })
    await owner.call('PATCH', PATH, { status: 'retired' })
    expect((await owner.call('DELETE', `${PATH}?expectedVersion=1`)).body.code).toBe('stale')
    const replies = await Promise.all([1, 2, 3].map(() => owner.call('DELETE', `${PATH}?expectedVersion=2`)))
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 404, 404])
    const { body: removed } = replies.find(({ status }) => status === 200)!
    expect(removed.removed).toBe('lesson-offering:intro-guitar-lesson')
    expect(removed.plan.warnings).toEqual([
      'Its price at Stripe stays; archive it there if nobody is to pay it.',
    ])
    expect((await owner.call('GET', PATH)).status).toBe(404)
    expect(await add()).toMatchObject({ version: 1 })
  })
})
