import { afterAll, beforeAll, expect, test } from 'vitest'
import { docs, done, push, type SyncApp, settled, syncApp } from './operations.ts'

let world: SyncApp
beforeAll(async () => {
  world = await syncApp()
})
afterAll(() => world.close())

const jobs = '/v1/configs/sync-jobs'
const asked = (prefix: string, count: number, more: object = {}) =>
  push(world, {
    resources: Array.from({ length: count }, (_, n) => ({ type: 'form', id: `${prefix}-${n}` })),
    ...more,
  })
const make = async (prefix: string, count: number) => {
  const documents = Array.from({ length: count }, (_, n) => ({
    ...{ type: 'form', id: `${prefix}-${n}` },
    document: { key: `${prefix}-${n}`, name: `${prefix} ${n}` },
  }))
  const lines = documents.map((each) => JSON.stringify(each)).join('\n')
  const { status, body } = await world.sandbox.call('POST', '/v1/store:import', lines, {
    'content-type': 'application/x-ndjson',
  })
  expect(status, JSON.stringify(body)).toBeLessThan(300)
}
const post = (path: string, body: object = {}, headers?: Record<string, string>) =>
  world.sandbox.call('POST', `${jobs}${path}`, body, headers)
const all = async () => {
  const { body } = await world.sandbox.call('GET', `${jobs}?size=100`)
  return body.results as any[]
}
const histories = async (prefix: string, count: number) =>
  Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const { status, body } = await docs(world.live, 'form').history(`${prefix}-${n}`)
      return status === 200 ? body.results.length : 0
    }),
  )

test('[SJ-48] of twenty creations at once under one key one job is made, and every answer is of it', async () => {
  await make('once', 3)
  const before = await all()
  const ask = () => post('', asked('once', 3), { 'idempotency-key': 'one-key-for-twenty' })
  const answers = await Promise.all(Array.from({ length: 20 }, ask))
  // who comes while the first one is at it is told to come back
  const made = answers.filter(({ status }) => status === 201)
  const others = answers.filter(({ status }) => status !== 201)
  for (const { body } of others) expect(body.code).toBe('idempotency-in-flight')
  expect(new Set(made.map(({ body }) => body.id)).size).toBe(1)
  const late = await ask()
  expect([late.status, late.body.id]).toEqual([201, made[0]?.body.id])
  expect(late.headers.get('idempotency-replayed')).toBe('true')
  expect((await all()).length).toBe(before.length + 1)
  expect(await settled(world.sandbox, late.body.id)).toMatchObject({ counts: { created: 3 } })
  expect(await histories('once', 3)).toEqual([1, 1, 1])
  const other = await post('', asked('once', 2), { 'idempotency-key': 'one-key-for-twenty' })
  expect(other.body.code).toBe('idempotency-mismatch')
})

test('[SJ-49] a plan that is applied many times at once is written once', async () => {
  await make('twice', 4)
  const dry = await done(world.sandbox, 'sync-jobs', asked('twice', 4, { dry_run: true }))
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => post(`/${dry.id}/apply`, { plan_digest: dry.plan_digest })),
  )
  const made = answers.filter(({ status }) => status === 201)
  for (const { status, body } of answers) expect(status, JSON.stringify(body)).toBeLessThan(500)
  expect(made.length).toBeGreaterThan(0)
  const ended = await Promise.all(made.map(({ body }) => settled(world.sandbox, body.id)))
  expect(ended.filter(({ status }) => status === 'succeeded').length).toBe(1)
  for (const job of ended.filter(({ status }) => status !== 'succeeded'))
    expect(job).toMatchObject({ status: 'failed', counts: { total: 4, failed: 4, created: 0 } })
  expect(await histories('twice', 4)).toEqual([1, 1, 1, 1])
})

test('[SJ-50] of a cancellation and an application at once there is one outcome', async () => {
  const outcomes = new Set<string>()
  for (let round = 0; round < 8; round++) {
    const name = `either-${round}`
    await make(name, 2)
    const owner = await person()
    const scopes = ['creator:sandbox:config:read', 'creator:sandbox:config:write']
    const agent = await world.app.key({ org: 'sandbox', role: 'agent', for: owner.email, scopes })
    const made = await agent.call('POST', jobs, asked(name, 2))
    const waiting = await settled(world.sandbox, made.body.id)
    expect(waiting.stage).toBe('waiting')
    const apply = () => post(`/${waiting.id}/apply`, { plan_digest: waiting.plan_digest })
    const cancel = () => post(`/${waiting.id}/cancel`)
    const [one, two] = round % 2 ? [apply(), cancel()] : [cancel(), apply()]
    const answers = await Promise.all([one, two])
    const [applied, cancelled] = round % 2 ? answers : answers.toReversed()
    for (const { status, body } of answers) expect([200, 201, 409], JSON.stringify(body)).toContain(status)
    const job = await settled(world.sandbox, waiting.id)
    const counts = await histories(name, 2)
    outcomes.add(`${applied?.status} ${cancelled?.status} ${job.status}`)
    const created = counts.reduce((sum, each) => sum + each, 0)
    expect(job.counts).toMatchObject({ created, total: 2, pending: 2 - created, in_progress: 0, failed: 0 })
    if (cancelled?.status === 200) expect(job.status).toBe('cancelled')
    else expect(job).toMatchObject({ status: 'succeeded', counts: { created: 2 } })
    if (applied?.status === 409) expect(created).toBe(0)
    // whoever was refused left no second decision behind
    expect((await post(`/${waiting.id}/cancel`)).status).toBe(409)
    expect((await apply()).status).toBe(409)
  }
  console.info(`cancel and apply at once: ${[...outcomes].join('; ')}`)
}, 60_000)

let owner: Awaited<ReturnType<SyncApp['app']['person']>> | undefined
const person = async () => {
  owner ??= await world.app.person('sandbox', 'owner')
  return owner
}

test('[SJ-50] a cancellation that meets the end of a job leaves it with one end, and counts of what was written', async () => {
  const ends = new Set<string>()
  for (let round = 0; round < 10; round++) {
    const name = `end-${round}`
    const size = 300
    await make(name, size)
    const { body: made } = await post('', asked(name, size))
    // from the first moment to about the last one
    const until = performance.now() + round * 25
    while (performance.now() < until) await world.sandbox.call('GET', `${jobs}/${made.id}`)
    // and every other one just when it writes
    const begun = async () =>
      (await world.sandbox.call('GET', `${jobs}/${made.id}`)).body.stage !== 'planning'
    if (round % 2) while (!(await begun()));
    if (round === 9) await settled(world.sandbox, made.id)
    const cancelled = await post(`/${made.id}/cancel`)
    expect([200, 409]).toContain(cancelled.status)
    const job = await settled(world.sandbox, made.id)
    ends.add(job.status)
    expect(job.status).toBe(cancelled.status === 200 ? 'cancelled' : 'succeeded')
    const there = (
      await Promise.all(Array.from({ length: size }, (_, n) => docs(world.live, 'form').get(`${name}-${n}`)))
    ).filter(({ status }) => status === 200).length
    const { counts } = await settled(world.sandbox, made.id)
    expect(counts.created).toBe(there)
    if (counts.total > 0)
      expect(counts.created + counts.pending + counts.in_progress + counts.failed + counts.skipped).toBe(
        counts.total,
      )
    const { body: events } = await world.sandbox.call('GET', `${jobs}/${made.id}/events?size=500`)
    const seqs = events.results.map(({ seq }: any) => seq)
    expect(seqs).toEqual(seqs.map((_: number, index: number) => index + 1))
    expect(events.ended).toBe(true)
  }
  console.info(`cancelled at moments of its life a job ended: ${[...ends].join(', ')}`)
}, 120_000)
