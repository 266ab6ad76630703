import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { walk, write } from '../../test/config-hub/hub.ts'
import { type Caller, type Reply, type TestApp, testApp } from '../../test/harness/app.ts'
import { seedOf } from '../../test/harness/seeded.ts'
import { addType } from '../../test/harness/store.ts'
import type { DocumentWrite } from '../config-store/documents.ts'
import { configsList } from './configs-list.ts'

const SEED = seedOf(process.env)
let app: TestApp
let key: Caller
let org: string
let orgs = 0

beforeAll(async () => {
  app = await testApp()
  console.info(`SEED=${SEED}`)
})
afterAll(() => app.close())
beforeEach(async () => {
  org = await newOrg()
  key = await app.key({ org, role: 'automation' })
})

const TYPE = {
  type: 'thing',
  title_paths: ['/title'],
  purpose_paths: ['/purposes/*'],
  blueprint_paths: ['/blueprints/*'],
  usage_path: '/usage',
  active_path: '/active',
}

async function newOrg(): Promise<string> {
  const slug = `org${++orgs}`
  await app.org(slug)
  await addType(app, slug, TYPE)
  return slug
}

const put = (id: string, document: Record<string, unknown>): DocumentWrite => ({
  type: 'thing',
  id,
  op: 'put',
  document,
})
const list = (query: Record<string, string | number> = {}, caller = key): Promise<Reply> => {
  const texts = Object.entries({ include: 'custom', ...query }).map(([name, value]): [string, string] => [
    name,
    String(value),
  ])
  return caller.call('GET', `/v1/configs/thing?${new URLSearchParams(texts)}`)
}
const ids = async (query?: Record<string, string | number>): Promise<string[]> => {
  const { status, body } = await list(query)
  expect(status, JSON.stringify(body)).toBe(200)
  return body.results.map(({ id }: { id: string }) => id)
}

describe('filters', () => {
  beforeEach(async () => {
    await write(app.deps, org, [
      put('a', { title: '100% Ökostrom', purposes: ['sale'], usage: 2, active: true }),
      put('b', { title: 'öko_gas', purposes: ['sale', 'test'], blueprints: ['bp-1'], usage: 9 }),
      put('c', { title: 'Other', blueprints: ['bp-2'], active: false, usage: 2 }),
    ])
  })

  test('[CI-3] q is text in the title, in any case, taken as it is', async () => {
    expect(await ids({ q: 'ÖKO', sort: 'name' })).toEqual(['a', 'b'])
    expect(await ids({ q: '0%' })).toEqual(['a'])
    expect(await ids({ q: 'o_g' })).toEqual(['b'])
    expect(await ids({ q: '\\' })).toEqual([])
  })

  test('[CI-3] any of the purposes, any of the blueprints; what is inactive left out', async () => {
    expect(await ids({ purposes: 'test, none' })).toEqual(['b'])
    expect(await ids({ blueprint_ids: 'bp-1,bp-2', sort: 'name' })).toEqual(['c', 'b'])
    expect(await ids({ active_only: 'true', sort: 'name' })).toEqual(['a', 'b'])
    expect((await list({ active_only: 'true' })).body.total).toBe(2)
  })

  test('[CI-3] changed after one moment and before another', async () => {
    const first = app.deps.clock()
    app.advance(60_000)
    await write(app.deps, org, [put('c', { title: 'Changed' })])
    const between = new Date(first.getTime() + 30_000).toISOString()
    expect(await ids({ updated_after: between })).toEqual(['c'])
    expect(await ids({ updated_before: between, sort: 'name' })).toEqual(['a', 'b'])
  })

  test('[CI-4] newest first, most used first, or by title; equal ones by id', async () => {
    app.advance(1_000)
    await write(app.deps, org, [
      put('a', { title: '100% Ökostrom', purposes: ['sale'], usage: 2, new: true }),
    ])
    expect(await ids()).toEqual(['a', 'c', 'b'])
    expect(await ids({ sort: 'usage' })).toEqual(['b', 'c', 'a'])
    expect(await ids({ sort: 'name' })).toEqual(['a', 'c', 'b'])
  })
})

test('[CI-5] a cursor serves its own list only; sizes are 1 to 100', async () => {
  await write(app.deps, org, [put('a', {}), put('b', {})])
  const { body } = await list({ size: 1 })
  expect(body).toMatchObject({ total: 2, type: 'thing', results: [{}] })
  const cursor = body.next_cursor
  expect((await list({ size: 100, cursor })).body).not.toHaveProperty('next_cursor')
  const other = await app.key({ org: await newOrg(), role: 'automation' })
  const refused = [
    await list({ cursor, sort: 'name' }),
    await list({ cursor, q: 'a' }),
    await list({ cursor: `${cursor}x` }),
    await list({ cursor }, other),
  ]
  for (const reply of refused) expect(reply).toMatchObject({ status: 400, body: { code: 'cursor-invalid' } })
  for (const size of [0, 101, 1.5]) expect((await list({ size })).status).toBe(400)
})

test('[CI-6] an own type is there with include=custom only, and unknown ones never', async () => {
  expect((await key.call('GET', '/v1/configs/thing')).status).toBe(400)
  expect((await key.call('GET', '/v1/configs/nothing?include=custom')).status).toBe(400)
})

test('[CI-7] nothing of another organisation, be it in rows or in the total', async () => {
  await write(app.deps, org, [put('a', { title: 'Mine' })])
  const foreign = await newOrg()
  await write(app.deps, foreign, [put('a', { title: 'Theirs' }), put('b', { title: 'Mine too' })])
  expect((await list()).body).toMatchObject({ total: 1, results: [{ id: 'a', title: 'Mine' }] })
  expect((await list({ q: 'mine' })).body.total).toBe(1)
})

const value = fc.record({
  title: fc.constantFrom('a', 'B', 'b', 'ä', ''),
  usage: fc.integer({ min: 0, max: 2 }),
})
const rows = fc.uniqueArray(fc.tuple(fc.integer({ min: 10, max: 40 }), value), {
  minLength: 1,
  maxLength: 14,
  selector: ([id]) => id,
})
const changes = fc.array(fc.tuple(fc.integer({ min: 10, max: 40 }), fc.option(value)), {
  maxLength: 4,
})

test('[CI-8] whatever others write between the pages, a row that does not change is on exactly one of them', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        rows,
        size: fc.integer({ min: 1, max: 4 }),
        sort: fc.constantFrom('updated_at', 'usage', 'name'),
        between: fc.array(changes, { maxLength: 12 }),
      }),
      async ({ rows: all, size, sort, between }) => {
        const slug = await newOrg()
        const there = new Set(all.map(([id]) => id))
        for (const [id, document] of all) await write(app.deps, slug, [put(`id-${id}`, document)])
        const touched = new Set<number>()
        const pages = await walk(
          app.deps,
          slug,
          configsList,
          { type: 'thing', include: 'custom', size, sort },
          async () => {
            app.advance(1)
            for (const [id, document] of between.shift() ?? []) {
              touched.add(id)
              if (document) await write(app.deps, slug, [put(`id-${id}`, { ...document, at: touched.size })])
              else if (there.has(id))
                await write(app.deps, slug, [{ type: 'thing', id: `id-${id}`, op: 'delete' }])
              if (document) there.add(id)
              else there.delete(id)
            }
          },
        )
        const seen = pages.flatMap(({ results }) => results.map(({ id }: { id: string }) => id))
        for (const [id] of all)
          if (!touched.has(id))
            expect([id, seen.filter((each) => each === `id-${id}`).length]).toEqual([id, 1])
        for (const { results } of pages) expect(results.length).toBeLessThanOrEqual(size)
      },
    ),
    { seed: SEED, numRuns: 40 },
  )
}, 120_000)
