import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { docs, done, push, type SyncApp, syncApp } from '../../test/config-sync/operations.ts'

let world: SyncApp
let job: any

beforeAll(async () => {
  world = await syncApp()
  for (const n of [1, 2, 3]) await docs(world.sandbox, 'form').put(`form-${n}`, { key: `${n}`, name: `${n}` })
  const resources = [1, 2, 3].map((n) => ({ type: 'form', id: `form-${n}` }))
  job = await done(world.sandbox, 'sync-jobs', push(world, { resources }))
})
afterAll(() => world.close())

const events = (query = '', headers = {}) =>
  world.sandbox.call('GET', `/v1/configs/sync-jobs/${job.id}/events${query}`, undefined, headers)

describe('events of a job', () => {
  test('[SJ-30] are read on from any number, in order and without gaps', async () => {
    const { body } = await events()
    expect(body.results.map(({ seq }: any) => seq)).toEqual(
      body.results.map((_: unknown, n: number) => n + 1),
    )
    expect(body).toMatchObject({ ended: true, next: body.results.length })
    // what is written to the built-in store at once is one event
    const created = body.results.filter(({ status }: any) => status === 'created')
    expect(created).toMatchObject([{ phase: 'phase_a', message: expect.stringContaining('3') }])
    const { body: page } = await events('?after=1&size=1')
    expect(page.results).toEqual(body.results.slice(1, 2))
    expect(page).toMatchObject({ next: 2, ended: false })
  })

  test('[SJ-31] are followed as server-sent events to the end', async () => {
    const { body } = await events('', { accept: 'text/event-stream' })
    const sent = [...String(body.text).matchAll(/^data: (.*)$/gm)].map(([, data]) =>
      JSON.parse(data as string),
    )
    expect(sent).toEqual((await events()).body.results)
  })

  test('[SJ-32] and rows and lists come page by page', async () => {
    const first = await world.sandbox.call('GET', `/v1/configs/sync-jobs/${job.id}/resources?size=2`)
    const at = `?size=2&cursor=${encodeURIComponent(first.body.next_cursor)}`
    const rest = await world.sandbox.call('GET', `/v1/configs/sync-jobs/${job.id}/resources${at}`)
    const rows = [...first.body.results, ...rest.body.results]
    expect(rows.map(({ source_id }: any) => source_id)).toEqual(['form-1', 'form-2', 'form-3'])
    expect(rest.body.next_cursor).toBeUndefined()
    const foreign = await world.live.call('GET', `/v1/configs/sync-jobs/${job.id}/resources`)
    expect(foreign.status).toBe(404)
    await done(world.sandbox, 'sync-jobs', push(world, { resources: [], dry_run: true }))
    const newest = await world.sandbox.call('GET', '/v1/configs/sync-jobs?size=1')
    const next = encodeURIComponent(newest.body.next_cursor)
    const older = await world.sandbox.call('GET', `/v1/configs/sync-jobs?size=1&cursor=${next}`)
    expect(older.body.results.map(({ id }: any) => id)).toEqual([job.id])
    const failed = await world.sandbox.call('GET', '/v1/configs/sync-jobs?status=failed')
    expect(failed.body.results).toEqual([])
    expect((await world.live.call('GET', '/v1/configs/sync-jobs')).body.results).toEqual([])
  })
})
