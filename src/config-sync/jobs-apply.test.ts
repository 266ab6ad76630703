import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { docs, done, push, type SyncApp, settled, syncApp } from '../../test/config-sync/operations.ts'

let world: SyncApp

beforeAll(async () => {
  world = await syncApp()
})
afterAll(() => world.close())

const form = (id: string) => ({ resources: [{ type: 'form', id }] })
const reviewed = (...ids: string[]) =>
  done(
    world.sandbox,
    'sync-jobs',
    push(world, { resources: ids.map((id) => ({ type: 'form', id })), dry_run: true }),
  )
const apply = (id: string, plan_digest: string, more: object = {}, caller = world.sandbox) =>
  caller.call('POST', `/v1/configs/sync-jobs/${id}/apply`, { plan_digest, ...more })
const put = (id: string, document: object) => docs(world.sandbox, 'form').put(id, { key: id, ...document })

describe('a reviewed plan', () => {
  test('[SJ-10] is applied by a new job as it was, once or more often', async () => {
    await put('reviewed', { name: 'As reviewed' })
    const dry = await reviewed('reviewed')
    // what the source becomes after the review is not applied
    await put('reviewed', { name: 'Later' })
    const { status, body } = await apply(dry.id, dry.plan_digest)
    expect([status, body.of_job, body.plan_digest, body.dry_run]).toEqual([
      201,
      dry.id,
      dry.plan_digest,
      false,
    ])
    const job = await settled(world.sandbox, body.id)
    expect(job).toMatchObject({ status: 'succeeded', counts: { created: 1 } })
    expect((await docs(world.live, 'form').get('reviewed')).body.name).toBe('As reviewed')
    const { body: again } = await apply(dry.id, dry.plan_digest)
    expect((await settled(world.sandbox, again.id)).status).not.toBe('succeeded')
    expect((await docs(world.live, 'form').history('reviewed')).body.results.length).toBe(1)
  })

  test('[SJ-11] is named by its digest, and shown before', async () => {
    await put('digested', { name: 'One' })
    const dry = await reviewed('digested')
    const wrong = await apply(dry.id, '0'.repeat(64))
    expect(wrong).toMatchObject({ status: 412, body: { code: 'plan-changed' } })
    const { body } = await apply(dry.id, dry.plan_digest, { dryRun: true })
    expect(body.plan).toMatchObject({
      action: 'configuration.sync.apply',
      changes: [{ op: 'create', target: 'form digested' }],
      blockers: [],
    })
    expect((await docs(world.live, 'form').get('digested')).status).toBe(404)
  })

  test('[SJ-12] stops at what changed at the target since, and does the rest', async () => {
    await put('stale-1', { name: 'One' })
    await put('stale-2', { name: 'Two' })
    await done(world.sandbox, 'sync-jobs', push(world, form('stale-1')))
    await done(world.sandbox, 'sync-jobs', push(world, form('stale-2')))
    await put('stale-1', { name: 'One, new' })
    await put('stale-2', { name: 'Two, new' })
    const dry = await reviewed('stale-1', 'stale-2')
    await docs(world.live, 'form').patch('stale-1', { note: 'theirs' })
    const { body } = await apply(dry.id, dry.plan_digest)
    const job = await settled(world.sandbox, body.id)
    expect(job).toMatchObject({ status: 'partial', counts: { patched: 1, failed: 1 } })
    const { body: rows } = await world.sandbox.call('GET', `/v1/configs/sync-jobs/${job.id}/resources`)
    expect(rows.results).toMatchObject([
      { source_id: 'stale-1', status: 'failed', code: 'stale' },
      { source_id: 'stale-2', status: 'patched' },
    ])
  })

  test('[SJ-13] is not applied before it is there, nor where a job wrote already, nor by a stranger', async () => {
    await put('barred', { name: 'One' })
    const job = await done(world.sandbox, 'sync-jobs', push(world, form('barred')))
    expect(await apply(job.id, job.plan_digest)).toMatchObject({ status: 409, body: { code: 'conflict' } })
    const dry = await reviewed('barred')
    expect((await apply(dry.id, dry.plan_digest, {}, world.live)).status).toBe(404)
    expect((await apply('job-0123456789abcdef', dry.plan_digest)).status).toBe(404)
    const other = await world.app.key({ org: 'sandbox', role: 'automation' })
    const entrusted = await apply(dry.id, dry.plan_digest, {}, other as never)
    expect([entrusted.status, entrusted.body.errors[0].pointer]).toEqual([400, '/target_auth_token'])
    const own = await apply(dry.id, dry.plan_digest, { target_auth_token: world.live.bearer }, other as never)
    expect(own.status).toBe(201)
    expect((await settled(world.sandbox, own.body.id)).status).toBe('succeeded')
  })
})
