import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { docs, done, push, type SyncApp, syncApp } from '../../test/config-sync/operations.ts'

let world: SyncApp

beforeAll(async () => {
  world = await syncApp()
  await docs(world.sandbox, 'form').put('form-1', { key: 'one', name: 'One' })
})
afterAll(() => world.close())

const cancel = (id: string) => world.sandbox.call('POST', `/v1/configs/sync-jobs/${id}/cancel`)
const ask = (more: object = {}) => push(world, { resources: [{ type: 'form', id: 'form-1' }], ...more })

describe('a job', () => {
  test('[SJ-20] is cancelled before its next write, and only once', async () => {
    await world.jobs.stop()
    const { body } = await world.sandbox.call('POST', '/v1/configs/sync-jobs', ask())
    const cancelled = await cancel(body.id)
    expect(cancelled).toMatchObject({ status: 200, body: { status: 'cancelled', stage: 'ended' } })
    expect(cancelled.body.events.at(-1).message).toContain('cancelled by')
    expect(await cancel(body.id)).toMatchObject({ status: 409, body: { code: 'conflict' } })
    await world.work()
    expect((await docs(world.live, 'form').get('form-1')).status).toBe(404)
  })

  test('[SJ-20] that has ended or is not there is not cancelled', async () => {
    const job = await done(world.sandbox, 'sync-jobs', ask({ dry_run: true }))
    expect((await cancel(job.id)).status).toBe(409)
    expect((await cancel('job-0123456789abcdef')).status).toBe(404)
    expect((await world.live.call('POST', `/v1/configs/sync-jobs/${job.id}/cancel`)).status).toBe(404)
  })
})
