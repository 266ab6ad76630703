import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { docs, done, push, type SyncApp, settled, syncApp } from '../../test/config-sync/operations.ts'

let world: SyncApp

beforeAll(async () => {
  world = await syncApp()
})
afterAll(() => world.close())

const retry = (id: string, body: object = {}, caller = world.sandbox) =>
  caller.call('POST', `/v1/configs/sync-jobs/${id}/retry`, body)

/** A job that failed for one of two, since both sides changed it. */
async function partial(first: string, second: string) {
  const forms = docs(world.sandbox, 'form')
  const resources = [first, second].map((id) => ({ type: 'form', id }))
  await forms.put(first, { key: first, name: 'One' })
  await done(world.sandbox, 'sync-jobs', push(world, { resources: resources.slice(0, 1) }))
  await forms.put(second, { key: second, name: 'Two' })
  await forms.patch(first, { name: 'Ours' })
  await docs(world.live, 'form').patch(first, { name: 'Theirs' })
  const job = await done(world.sandbox, 'sync-jobs', push(world, { resources }))
  expect(job).toMatchObject({ status: 'partial', counts: { created: 1, failed: 1 } })
  return job
}

describe('a retry', () => {
  test('[SJ-25] takes up what is undone, and nothing else', async () => {
    const job = await partial('again-1', 'again-2')
    const still = await settled(world.sandbox, (await retry(job.id)).body.id)
    expect(still).toMatchObject({ status: 'failed', of_job: job.id, counts: { total: 1, failed: 1 } })
    await docs(world.live, 'form').patch('again-1', { name: 'One' })
    const { status, body } = await retry(still.id)
    expect(status).toBe(201)
    const last = await settled(world.sandbox, body.id)
    expect(last).toMatchObject({ status: 'succeeded', counts: { total: 1, patched: 1 } })
    expect((await retry(last.id)).body).toMatchObject({ code: 'conflict' })
  })

  test('[SJ-26] takes what is given for single configurations', async () => {
    const job = await partial('given-1', 'given-2')
    const payload_overrides = { 'form:given-1': { name: 'Theirs' } }
    const { body } = await retry(job.id, { payload_overrides })
    expect(await settled(world.sandbox, body.id)).toMatchObject({ status: 'succeeded', counts: { total: 1 } })
  })

  test('[SJ-27] needs the token again of anybody else than who made the job', async () => {
    const job = await partial('mine-1', 'mine-2')
    const other = await world.app.key({ org: 'sandbox', role: 'automation' })
    const without = await retry(job.id, {}, other as never)
    expect([without.status, without.body.errors[0].pointer]).toEqual([400, '/target_auth_token'])
    const foreign = await retry(job.id, { target_auth_token: world.sandbox.bearer }, other as never)
    expect(foreign.status).toBe(403)
    const own = await retry(job.id, { target_auth_token: world.live.bearer }, other as never)
    expect(own.status).toBe(201)
    expect((await retry(job.id, {}, world.live)).status).toBe(404)
  })
})
