import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pairsIn, put, type Two, twoOrganisations } from '../../../test/harness/pairs.ts'
import { basesOf, lineageOf, recordLineage, type SyncedPair } from './lineage.ts'

let two: Two

beforeAll(async () => {
  two = await twoOrganisations()
  for (let n = 0; n < 4; n++) await put(two.staging, 'product', `target-${n}`, { name: `Target ${n}` })
})
afterAll(() => two.app.close())

const synced = (sourceId: string, targetId: string, more: Partial<SyncedPair> = {}): SyncedPair => ({
  ...{ type: 'product', sourceOrg: 'laurel', sourceId, targetId, jobId: 'job-1', base: { name: sourceId } },
  syncedAt: new Date('2026-05-01T10:00:00Z'),
  ...more,
})
const record = (rows: SyncedPair[], org = 'staging') =>
  two.app.deps.db.transaction((tx) => recordLineage(tx, org, rows))
const known = async (sourceId: string, org = 'staging') =>
  (await lineageOf(two.app.deps.db, org, 'laurel', 'product', [sourceId]))[0]

describe('recording what a sync left behind', () => {
  test('[CL-1] keeps new pairs and those that stand: when, by which job, and what both were', async () => {
    expect(await record([synced('a', 'target-0'), synced('b', 'target-1')])).toEqual([])
    const later = { syncedAt: new Date('2026-06-01T10:00:00Z'), jobId: 'job-2', base: { b: 1, a: [null] } }
    expect(await record([synced('b', 'target-1', later), synced('c', 'target-2')])).toEqual([])
    expect(await known('a')).toMatchObject({ targetId: 'target-0', lastSyncJobId: 'job-1', origin: null })
    expect(await known('b')).toMatchObject({ lastSyncJobId: 'job-2', lastSyncedAt: later.syncedAt })
    const bases = await basesOf(two.app.deps.db, 'staging', 'laurel', 'product', ['a', 'b', 'none'])
    // the text of the base, member order included
    expect(JSON.stringify([...bases])).toBe('[["a",{"name":"a"}],["b",{"b":1,"a":[null]}]]')
    expect(await known('a', 'laurel')).toBeUndefined()
    expect((await basesOf(two.app.deps.db, 'laurel', 'laurel', 'product', ['a'])).size).toBe(0)
    expect(await record([])).toEqual([])
  })

  test('[CL-1] leaves what a person confirmed known as that', async () => {
    const pair = { type: 'product', source_org_id: 'laurel', source_id: 'm', target_id: 'target-3' }
    await two.staging.call('POST', '/v1/configs/lineage', pair)
    await record([synced('m', 'target-3')])
    expect(await known('m')).toMatchObject({ origin: 'manual_confirm', lastSyncJobId: 'job-1' })
  })

  test('[CL-2] answers what is paired otherwise, and records the rest', async () => {
    await put(two.staging, 'product', 'target-9', { name: 'Nine' })
    const [source, target, fine] = [
      synced('a', 'target-9'),
      synced('other', 'target-0'),
      synced('d', 'target-9'),
    ]
    expect(await record([source, target, fine])).toEqual([source, target])
    expect(await known('a')).toMatchObject({ targetId: 'target-0' })
    expect(await known('other')).toBeUndefined()
    expect(await known('d')).toMatchObject({ targetId: 'target-9' })
  })

  test('[CL-2] of a source whose counterpart was deleted keeps the new one', async () => {
    for (const id of ['deleted-1', 'again-1']) await put(two.staging, 'product', id, { name: id })
    await record([synced('e', 'deleted-1')])
    expect(await record([synced('e', 'again-1')])).toEqual([synced('e', 'again-1')])
    await two.staging.call('DELETE', '/v1/store/product/deleted-1')
    expect(await record([synced('e', 'again-1', { jobId: 'job-3' }), synced('a', 'target-0')])).toEqual([])
    expect(await known('e')).toMatchObject({ targetId: 'again-1', lastSyncJobId: 'job-3' })
    expect((await pairsIn(two.app, 'staging')).filter((each) => each.startsWith('e >'))).toHaveLength(1)
  })

  test('[CL-3] at once in any order waits for nobody in a circle, and one takes each source', async () => {
    const [MANY, SYNCS] = [20, ['one', 'two', 'three', 'four']]
    const rows = (targets: string) =>
      Array.from({ length: MANY }, (_, n) => synced(`raced-${n}`, `${targets}-${n}`, { jobId: targets }))
    for (const { targetId } of SYNCS.flatMap(rows))
      await put(two.staging, 'product', targetId, { name: targetId })
    const answers = await Promise.all([
      record(rows('one')),
      record(rows('two').reverse()),
      record(rows('three')),
      record(rows('four').reverse()),
    ])
    const refused = answers.map((left) => left.length)
    expect(refused.reduce((sum, each) => sum + each, 0)).toBe((SYNCS.length - 1) * MANY)
    const kept = await lineageOf(two.app.deps.db, 'staging', 'laurel', 'product')
    const raced = kept.filter(({ sourceId }) => sourceId.startsWith('raced-'))
    expect(raced).toHaveLength(MANY)
    for (const { sourceId, targetId, lastSyncJobId } of raced)
      expect(targetId).toBe(`${lastSyncJobId}-${sourceId.slice('raced-'.length)}`)
  })
})
