import sql from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectContract } from '../../test/contract/hub-client.ts'
import { type TestApp, testApp } from '../../test/harness/app.ts'
import { type Bearer, breakPair, confirm, put, type Two, twoOrganisations } from '../../test/harness/pairs.ts'
import { addType } from '../../test/harness/store.ts'

/** `staging` asks what of its own may be what `laurel` has. */
let two: Two
let away: TestApp
let faraway: Bearer

beforeAll(async () => {
  ;[two, away] = await Promise.all([twoOrganisations(), testApp()])
  two.app.deps.config.allowPrivateConnectors = true
  await away.org('faraway')
  faraway = await away.key({ org: 'faraway', role: 'automation' })
  await two.staging.call('PUT', '/v1/connectors/faraway', {
    ...{ kind: 'countersign', base_url: away.url, external_org_id: 'faraway' },
  })
})
afterAll(() => Promise.all([two.app.close(), away.close()]))

async function suggest(type: string, source_ids: string[], more: Record<string, unknown> = {}) {
  const asked = { source_org_id: 'laurel', source_auth_token: two.laurel.bearer, type, source_ids, ...more }
  const reply = await two.staging.call('POST', '/v1/configs/compare/suggestions', asked)
  if (!('include' in more)) expectContract('suggestMatches', reply.status, reply.body)
  return reply
}
const suggested = async (type: string, ids: string[], more = {}) =>
  (await suggest(type, ids, more)).body.suggestions
const pair = (source_id: string, target_id: string) => ({
  ...{ type: 'product', source_org_id: 'laurel', source_id, target_id },
})

describe('[CC-19] suggestions', () => {
  test('name the one that shares what identifies it, by what, in the order asked, and the same again', async () => {
    await put(two.laurel, 'product', 'solar-s', { name: 'Solar' })
    await put(two.staging, 'product', 'solar-t', { name: ' SOLAR ' })
    await put(two.laurel, 'product', 'alone-s', { name: 'Alone' })
    const ids = ['nowhere-s', 'solar-s', 'alone-s', 'solar-s']
    const { status, body } = await suggest('product', ids)
    expect([status, body]).toEqual([
      200,
      {
        type: 'product',
        suggestions: [
          { source_id: 'nowhere-s', candidate: null },
          { source_id: 'solar-s', candidate: { id: 'solar-t', title: 'SOLAR' }, matched_by: 'title' },
          { source_id: 'alone-s', candidate: null },
        ],
      },
    ])
    expect((await suggest('product', ids)).body).toEqual(body)
    const kept = await two.app.deps.db.query(
      sql`SELECT 1 FROM config_lineage WHERE org IN ('staging', 'laurel')`,
    )
    expect(kept).toEqual([])
  })

  test('name all of several and take none, also when the others are not asked for', async () => {
    for (const id of ['twin-1', 'twin-2']) await put(two.staging, 'product', id, { name: 'Twin' })
    await put(two.laurel, 'product', 'twin-s', { name: 'Twin' })
    const [several] = await suggested('product', ['twin-s'])
    expect(several).toEqual({
      source_id: 'twin-s',
      candidate: null,
      ambiguous: [
        { id: 'twin-1', title: 'Twin' },
        { id: 'twin-2', title: 'Twin' },
      ],
    })
    for (const id of ['rival-1', 'rival-2']) await put(two.laurel, 'product', id, { name: 'Rival' })
    await put(two.staging, 'product', 'rival-t', { name: 'Rival' })
    const [rival] = await suggested('product', ['rival-1'])
    expect(rival).toMatchObject({ candidate: null, ambiguous: [{ id: 'rival-t' }] })
  })

  test('leave out what is paired, blocked, deleted, foreign or another’s by a better key', async () => {
    await addType(two.app, 'laurel', { type: 'tariff', natural_key: ['/key'] })
    await addType(two.app, 'staging', { type: 'tariff', natural_key: ['/key'] })
    await put(two.staging, 'tariff', 'tariff-t', { name: 'Night', key: 'K' })
    await put(two.laurel, 'tariff', 'better-s', { name: 'Other', key: 'K' })
    await put(two.laurel, 'tariff', 'weaker-s', { name: 'Night', key: 'L' })
    const custom = { include: 'custom' }
    expect(await suggested('tariff', ['weaker-s'], custom)).toEqual([
      { source_id: 'weaker-s', candidate: null },
    ])
    expect(await suggested('tariff', ['weaker-s', 'better-s'], custom)).toMatchObject([
      { candidate: null },
      { candidate: { id: 'tariff-t' }, matched_by: 'natural_key' },
    ])
    expect((await suggest('tariff', ['better-s'])).status).toBe(400)

    await put(two.laurel, 'product', 'wind-s', { name: 'Wind' })
    await put(two.staging, 'product', 'wind-t', { name: 'Wind' })
    const candidate = async () => (await suggested('product', ['wind-s']))[0].candidate
    expect(await candidate()).toMatchObject({ id: 'wind-t' })
    await confirm(two.staging, pair('wind-s', 'wind-t'))
    expect(await candidate()).toBeNull()
    await breakPair(two.staging, { type: 'product', source_id: 'wind-s' })
    expect(await candidate()).toMatchObject({ id: 'wind-t' })
    // the same pair the other way round, and then blocked by the other organisation
    await confirm(two.laurel, { ...pair('wind-t', 'wind-s'), source_org_id: 'staging' })
    expect(await candidate()).toBeNull()
    await breakPair(two.laurel, { type: 'product', source_id: 'wind-t', block: 'true' })
    expect(await candidate()).toBeNull()
    await confirm(two.laurel, { ...pair('wind-t', 'wind-s'), source_org_id: 'staging' })
    await breakPair(two.laurel, { type: 'product', source_id: 'wind-t', block: 'false' })
    expect(await candidate()).toMatchObject({ id: 'wind-t' })
    await confirm(two.staging, pair('wind-s', 'wind-t'))
    await breakPair(two.staging, { type: 'product', source_id: 'wind-s', block: 'true' })
    expect(await candidate()).toBeNull()

    await put(two.laurel, 'product', 'gone-s', { name: 'Gone' })
    await put(two.staging, 'product', 'gone-t', { name: 'Gone' })
    await two.staging.call('DELETE', '/v1/store/product/gone-t')
    await two.app.org('third')
    const third = await two.app.key({ org: 'third', role: 'automation' })
    await put(third, 'product', 'gone-third', { name: 'Gone' })
    expect((await suggested('product', ['gone-s', 'gone-third'])).map((each: any) => each.candidate)).toEqual(
      [null, null],
    )
  })

  test('translate what a natural key names, where lineage knows it', async () => {
    for (const org of ['laurel', 'staging'])
      await addType(two.app, org, { type: 'rule', title_paths: [], natural_key: ['/of', '/lang'] })
    await put(two.laurel, 'product', 'of-s', { name: 'Of s' })
    await put(two.staging, 'product', 'of-t', { name: 'Of t' })
    await confirm(two.staging, pair('of-s', 'of-t'))
    await put(two.laurel, 'rule', 'rule-s', { of: 'of-s', lang: 'de' })
    await put(two.staging, 'rule', 'rule-t', { of: 'of-t', lang: 'de' })
    const [found] = await suggested('rule', ['rule-s'], { include: 'custom' })
    expect(found).toMatchObject({ candidate: { id: 'rule-t' }, matched_by: 'natural_key' })
  })

  test('come of an organisation on another server, which is read whole so that nothing is guessed', async () => {
    const from = { source_org_id: 'faraway', source_auth_token: faraway.bearer }
    await put(faraway, 'product', 'far-1', { name: 'Far' })
    await put(two.staging, 'product', 'near-1', { name: 'Far' })
    expect(await suggested('product', ['far-1', 'far-0'], from)).toMatchObject([
      { candidate: { id: 'near-1' }, matched_by: 'natural_key' },
      { candidate: null },
    ])
    await put(faraway, 'product', 'far-2', { name: 'Far' })
    expect(await suggested('product', ['far-1'], from)).toMatchObject([
      { candidate: null, ambiguous: [{ id: 'near-1' }] },
    ])
  })

  test.each([
    ['an unknown type', { type: 'spaceship' }, '/type'],
    ['no ids', { source_ids: [] }, '/source_ids'],
    ['more than 25 ids', { source_ids: Array.from({ length: 26 }, (_, n) => `s${n}`) }, '/source_ids'],
    ['itself', { source_org_id: 'staging' }, '/source_org_id'],
    ['no token', { source_auth_token: '' }, '/source_auth_token'],
  ])('refuse %s by the field, with 400', async (_what, more, pointer) => {
    const { status, body } = await suggest('product', ['a'], more)
    expect([status, body.code, body.errors[0].pointer]).toEqual([400, 'validation-failed', pointer])
  })

  test('refuse a token of another organisation as they do one of nobody', async () => {
    const answers = [
      await suggest('product', ['solar-s'], { source_auth_token: two.staging.bearer }),
      await suggest('product', ['solar-s'], { source_auth_token: 'made-up-canary' }),
      await suggest('product', ['solar-s'], { source_org_id: 'faraway' }),
      await suggest('product', ['solar-s'], { source_org_id: 'nowhere' }),
    ]
    for (const { status, body } of answers) expect([status, body]).toEqual([403, answers[0]?.body])
    expect(JSON.stringify(two.app.logged)).not.toContain('canary')
  })
})
