import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SyncTarget, syncTarget } from '../faults/sync-target.ts'
import { addType, documentsAs } from '../harness/store.ts'
import { push, type SyncApp, settled, syncApp } from './operations.ts'

/** `live` keeps its things at a place that makes ids, and nothing tells two of them apart. */
let world: SyncApp
let place: SyncTarget
const type = { type: 'thing', references: [{ path: '/parents/*', type: 'thing' }] }

beforeAll(async () => {
  world = await syncApp()
  world.app.deps.config.allowPrivateConnectors = true
  place = await syncTarget()
  await addType(world.app, 'sandbox', type)
  await addType(world.app, 'live', { ...type, connector: 'place', volatile_paths: ['/revision'] })
  const mapping = place.mapping()
  const put = await world.live.call('PUT', '/v1/connectors/place', { kind: 'rest', mapping })
  expect(put.status, JSON.stringify(put.body)).toBe(200)
})
afterAll(async () => {
  await place.close()
  await world.close()
})

test('[SX-40] jobs that promote the same at once create it once: the later one finds that out before it writes', async () => {
  const ids = Array.from({ length: 8 }, (_, n) => `thing-${n}`)
  for (const [n, id] of ids.entries())
    await documentsAs(world.sandbox, 'thing').put(id, {
      name: `No ${n}`,
      parents: n > 0 ? [`thing-${n - 1}`] : [],
    })
  const ask = () =>
    world.sandbox.call(
      'POST',
      '/v1/configs/sync-jobs',
      push(world, { resources: [{ type: 'thing', id: 'thing-7' }] }),
    )
  // both are planned before either has written anything
  let release = () => {}
  place.hold = new Promise((resolve) => {
    release = resolve
  })
  const [one, two] = await Promise.all([ask(), ask()])
  const planned = async (id: string) => (await world.sandbox.call('GET', `/v1/configs/sync-jobs/${id}`)).body
  for (const until = Date.now() + 20_000; Date.now() < until; ) {
    const both = [await planned(one.body.id), await planned(two.body.id)]
    if (both.every(({ plan_digest }) => plan_digest)) break
  }
  place.hold = undefined
  release()
  const jobs = await Promise.all([settled(world.sandbox, one.body.id), settled(world.sandbox, two.body.id)])
  expect(place.wrong).toEqual([])
  expect([...place.things.values()].map(({ name }) => name).sort()).toEqual(ids.map((_, n) => `No ${n}`))
  expect(jobs.map(({ counts }) => counts.created).sort()).toEqual([0, 8])
  const later = jobs.find(({ counts }) => counts.created === 0)
  const { body } = await world.sandbox.call('GET', `/v1/configs/sync-jobs/${later.id}/resources`)
  expect(new Set(body.results.map(({ code }: any) => code))).toEqual(new Set(['stale']))
})
