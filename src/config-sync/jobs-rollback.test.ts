import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { docs, done, push, type SyncApp, settled, syncApp } from '../../test/config-sync/operations.ts'

let world: SyncApp

beforeAll(async () => {
  world = await syncApp()
})
afterAll(() => world.close())

const rollback = (id: string, body: object = {}, caller = world.sandbox) =>
  caller.call('POST', `/v1/configs/sync-jobs/${id}/rollback`, body)
const rolledBack = async (id: string) => settled(world.sandbox, (await rollback(id)).body.id)
const rowsOf = async (id: string) =>
  (await world.sandbox.call('GET', `/v1/configs/sync-jobs/${id}/resources`)).body.results
const liveText = async (type: 'flow' | 'form', id: string) =>
  JSON.stringify((await docs(world.live, type).get(id)).body)

describe('a rollback', () => {
  test('[SJ-33] deletes what was created and puts back what was changed, to the byte', async () => {
    const flows = docs(world.sandbox, 'flow')
    await docs(world.sandbox, 'form').put('f-1', { key: 'f-1', name: 'Form' })
    await flows.put('kept', { name: 'Kept', key: 'kept', form: 'f-1', token: 'canary-31' })
    await done(world.sandbox, 'sync-jobs', push(world, { resources: [{ type: 'flow', id: 'kept' }] }))
    const before = await liveText('flow', 'kept')
    await flows.patch('kept', { name: 'Kept, changed', next: ['made'], token: 'canary-32' })
    await flows.put('made', { name: 'Made', key: 'made', form: 'f-1', next: ['kept'] })
    const job = await done(
      world.sandbox,
      'sync-jobs',
      push(world, { resources: [{ type: 'flow', id: 'kept' }] }),
    )
    expect(job).toMatchObject({ status: 'succeeded', counts: { created: 1, patched: 1 } })

    const dry = await settled(world.sandbox, (await rollback(job.id, { dry_run: true })).body.id)
    expect(dry).toMatchObject({ kind: 'rollback', plan: { delete: 1, patch: 1, refused: 0 }, of_job: job.id })
    expect((await docs(world.live, 'flow').get('made')).status).toBe(200)

    const back = await rolledBack(job.id)
    expect(back).toMatchObject({
      ...{ status: 'succeeded', kind: 'rollback' },
      stats: { verified: { equal: 2, different: 0 } },
    })
    expect((await docs(world.live, 'flow').get('made')).status).toBe(404)
    expect(await liveText('flow', 'kept')).toBe(before)
    expect((await rowsOf(back.id)).map(({ verified }: any) => verified)).toEqual(['bytes', 'bytes'])
    // and what was taken back is promoted again as if it had not been
    const again = await done(
      world.sandbox,
      'sync-jobs',
      push(world, { resources: [{ type: 'flow', id: 'kept' }] }),
    )
    expect(again).toMatchObject({ status: 'succeeded', counts: { created: 1, patched: 1 } })
  })

  test('[SJ-34] leaves what was changed since', async () => {
    for (const id of ['c-1', 'c-2']) await docs(world.sandbox, 'form').put(id, { key: id, name: id })
    const resources = ['c-1', 'c-2'].map((id) => ({ type: 'form', id }))
    const job = await done(world.sandbox, 'sync-jobs', push(world, { resources }))
    await docs(world.live, 'form').patch('c-1', { name: 'Theirs' })
    const back = await rolledBack(job.id)
    expect(back).toMatchObject({ status: 'partial', counts: { deleted: 1, failed: 1 } })
    expect(await rowsOf(back.id)).toContainEqual(
      expect.objectContaining({ source_id: 'c-1', code: 'changed-since' }),
    )
    expect((await docs(world.live, 'form').get('c-1')).body.name).toBe('Theirs')
    expect((await docs(world.live, 'form').get('c-2')).status).toBe(404)
  })

  test('[SJ-35] is of jobs that have ended and wrote, and for whoever may use the target', async () => {
    await docs(world.sandbox, 'form').put('r-1', { key: 'r-1' })
    const asked = push(world, { resources: [{ type: 'form', id: 'r-1' }] })
    const dry = await done(world.sandbox, 'sync-jobs', { ...asked, dry_run: true })
    expect(await rollback(dry.id)).toMatchObject({ status: 409, body: { code: 'conflict' } })
    const job = await done(world.sandbox, 'sync-jobs', asked)
    expect((await rollback(job.id, {}, world.live)).status).toBe(404)
    const other = await world.app.key({ org: 'sandbox', role: 'automation' })
    expect((await rollback(job.id, {}, other as never)).status).toBe(400)
    expect((await rollback(job.id, { target_auth_token: world.live.bearer }, other as never)).status).toBe(
      201,
    )
  })
})
