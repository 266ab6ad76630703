import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestApp, testApp } from '../../../test/harness/app.ts'
import { lesson, product, tier } from '../../../test/harness/catalog.ts'
import { feedOf, sourceOf, thing, thingsJob } from '../../../test/harness/sync-source.ts'
import { insertItem } from '../../catalog/store.ts'
import { stripeCatalog } from '../stripe-catalog/definition.ts'
import type { Source, SyncJobDefinition } from './definition.ts'
import { checkDefinition } from './kit.ts'

let app: TestApp
beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
})
afterAll(() => app.close())

const feed = feedOf(Array.from({ length: 23 }, (_, n) => thing(n)))
const check = (more: Partial<SyncJobDefinition> = {}) =>
  checkDefinition(thingsJob(feed, more), { deps: app.deps, org: 'laurel' })

/** The job with its source changed. */
const withSource = (change: Partial<Source>) =>
  check({
    sources: async () => ({
      ...{ sources: [{ ...sourceOf(feed), ...change }], notes: [], coverage: 'both-sides' as const },
    }),
  })

describe('[SE-8] the kit for jobs', () => {
  test('finds nothing wrong with a sound job', async () => {
    expect(await check()).toEqual([])
  })

  test('finds nothing wrong with the catalog job', async () => {
    for (const item of [lesson({ stripePriceId: null }), product(), tier({ stripePriceId: null })])
      await app.deps.db.transaction((tx) => insertItem(tx, 'laurel', item, app.deps.clock()))
    expect(await checkDefinition(stripeCatalog, { deps: app.deps, org: 'laurel', sizes: [100, 2] })).toEqual(
      [],
    )
  })

  test('finds pages that are another each time, or come to something else by their size', async () => {
    let reads = 0
    const restless = await withSource({
      read: async () => ({ records: [thing(reads++)], next: null }),
    })
    expect(restless.join()).toMatch(/another page each time/)
    const short = await withSource({
      read: async (_cursor, limit) => ({ records: feed.records.slice(0, limit), next: null }),
    })
    expect(short.join()).toMatch(/different digests/)
  })

  test('finds records that are not what the engine can keep', async () => {
    const odd = await withSource({
      sourceKinds: ['other'],
      read: async () => ({
        records: [thing(1, { updatedAt: new Date(Number.NaN), content: { when: new Date(0) as never } })],
        next: null,
      }),
    })
    expect(odd.join('\n')).toMatch(/does not name[\s\S]*time that is none[\s\S]*no plain JSON/)
  })

  test('finds findings of nobody, of no class, and that change by themselves', async () => {
    let times = 0
    const draft = { sourceKind: 'thing', key: 'thing-00001', summary: '', evidence: {}, needsPerson: false }
    const wrong = await check({
      project: async () => ({
        judged: [],
        findings: [{ ...draft, class: 'strange', evidenceHash: String(times++) }],
      }),
    })
    expect(wrong.join('\n')).toMatch(
      /second time[\s\S]*none of the job's classes[\s\S]*does not say it judged/,
    )
  })
})
