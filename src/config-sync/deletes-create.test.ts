import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { docs, done, type SyncApp, settled, syncApp } from '../../test/config-sync/operations.ts'

let world: SyncApp

beforeAll(async () => {
  world = await syncApp()
})
afterAll(() => world.close())

const remove = (more: object) => done(world.sandbox, 'delete-jobs', { ...more }, 'delete-jobs')
const rowsOf = async (id: string) =>
  (await world.sandbox.call('GET', `/v1/configs/delete-jobs/${id}/resources`)).body.results
const keys = (...ids: string[]) => ids.map((id) => ({ type: id.startsWith('form') ? 'form' : 'flow', id }))

/** A flow that needs a form, and a flow that refers to it. */
async function chain(n: number) {
  const [form, flow, next] = [`form-${n}`, `flow-${n}`, `next-${n}`]
  await docs(world.sandbox, 'form').put(form, { key: form, name: 'Form' })
  await docs(world.sandbox, 'flow').put(flow, { key: flow, form, token: 'canary-61' })
  await docs(world.sandbox, 'flow').put(next, { key: next, form, next: [flow] })
  return { form, flow, next }
}

describe('a deletion', () => {
  test('[SJ-36] takes what refers to others first, says what is gone already, and has the index rebuilt', async () => {
    const { form, flow, next } = await chain(1)
    const job = await remove({ resources: keys(form, flow, next, 'flow-none'), name: 'Clean up' })
    expect(job).toMatchObject({
      ...{ status: 'succeeded', name: 'Clean up', org_id: 'sandbox', rebuild_triggered: true },
      counts: { total: 4, deleted: 3, skipped: 1, failed: 0 },
    })
    const { body } = await world.sandbox.call('GET', `/v1/configs/sync-jobs/${job.id}/plan`)
    const level = new Map(body.results.map((row: any) => [row.source_id, row.level]))
    expect([level.get(next), level.get(flow), level.get(form)]).toEqual([0, 1, 2])
    expect((await docs(world.sandbox, 'form').get(form)).status).toBe(404)
  })

  test('[SJ-37] with check_dependencies leaves what others need, and names them', async () => {
    const { form, flow, next } = await chain(2)
    const job = await remove({ resources: keys(form, flow), check_dependencies: true })
    expect(job).toMatchObject({ status: 'failed', counts: { total: 2, failed: 2 } })
    const rows = await rowsOf(job.id)
    expect(rows.map(({ code }: any) => code)).toEqual(['still-needed', 'still-needed'])
    expect(JSON.stringify(rows)).toContain(next)
    expect((await docs(world.sandbox, 'flow').get(flow)).status).toBe(200)
    const without = await remove({ resources: keys(flow) })
    expect(without).toMatchObject({ status: 'succeeded', counts: { deleted: 1 } })
  })

  test('[SJ-38] leaves what is protected', async () => {
    const role = { name: 'Owner', slug: 'owner', type: 'org_role' }
    await world.sandbox.call('PUT', '/v1/store/role/role-owner', role)
    const job = await remove({ resources: [{ type: 'role', id: 'role-owner', title: 'Owner' }] })
    expect(job).toMatchObject({ status: 'succeeded', counts: { skipped: 1, deleted: 0 } })
    expect(await rowsOf(job.id)).toMatchObject([{ status: 'skipped', code: 'protected' }])
    expect((await world.sandbox.call('GET', '/v1/store/role/role-owner')).status).toBe(200)
  })

  test('[SJ-39] is only planned in a dry run, and taken back by a rollback, secrets included', async () => {
    const { form, flow, next } = await chain(3)
    const dry = await remove({ resources: keys(form, flow, next), dry_run: true })
    expect(dry).toMatchObject({ status: 'succeeded', dry_run: true, plan: { delete: 3 } })
    expect((await docs(world.sandbox, 'flow').get(flow)).status).toBe(200)
    const applied = await world.sandbox.call('POST', `/v1/configs/sync-jobs/${dry.id}/apply`, {
      plan_digest: dry.plan_digest,
    })
    const job = await settled(world.sandbox, applied.body.id, 'delete-jobs')
    expect(job).toMatchObject({ status: 'succeeded', counts: { deleted: 3 } })
    const { body } = await world.sandbox.call('POST', `/v1/configs/sync-jobs/${job.id}/rollback`)
    const back = await settled(world.sandbox, body.id)
    expect(back).toMatchObject({ status: 'succeeded', stats: { verified: { equal: 3, different: 0 } } })
    expect((await docs(world.sandbox, 'flow').get(next)).body).toMatchObject({ next: [flow], form })
  })
})
