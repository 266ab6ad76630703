import sql from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openSession } from '../../test/harness/loop.ts'
import {
  blocksIn,
  breakPair,
  confirm,
  type PairBody,
  pairsIn,
  put,
  type Two,
  twoOrganisations,
} from '../../test/harness/pairs.ts'
import { addType } from '../../test/harness/store.ts'

let two: Two

beforeAll(async () => {
  two = await twoOrganisations()
  for (let n = 0; n < 24; n++) await put(two.staging, 'product', `target-${n}`, { name: `Target ${n}` })
})
afterAll(() => two.app.close())

const pairOf = (source_id: string, target_id: string, more: Partial<PairBody> = {}): PairBody => ({
  type: 'product',
  source_org_id: 'laurel',
  source_id,
  target_id,
  ...more,
})

describe('confirming a pair', () => {
  test('[CC-1] answers the entry, keeps it and audits who confirmed it', async () => {
    const pair = pairOf('source-a', 'target-0')
    const { status, body } = await confirm(two.staging, pair)
    expect([status, body]).toEqual([201, { ...pair, target_org_id: 'staging', origin: 'manual_confirm' }])
    expect(await pairsIn(two.app, 'staging')).toContain('source-a > target-0')
    expect(await pairsIn(two.app, 'laurel')).toEqual([])
    const rows = await two.app.deps.db.query(sql`
      SELECT target_id, next->>'target_id' AS became FROM audit_log
       WHERE org = 'staging' AND event = 'configuration_lineage_confirm' AND outcome = 'applied'`)
    expect(rows).toEqual([{ target_id: 'laurel/product/source-a', became: 'target-0' }])
  })

  test('[CC-2] the same again, also 20 times at once, is the same entry', async () => {
    const pair = pairOf('source-b', 'target-1')
    const replies = await Promise.all(Array.from({ length: 20 }, () => confirm(two.staging, pair)))
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([201]))
    expect(new Set(replies.map(({ body }) => JSON.stringify(body))).size).toBe(1)
    expect((await pairsIn(two.app, 'staging')).filter((each) => each.includes('source-b'))).toEqual([
      'source-b > target-1',
    ])
  })

  test('[CC-2] a pair that a sync made is answered as that', async () => {
    await two.app.deps.db.query(sql`
      INSERT INTO config_lineage (org, type, source_org, source_id, target_id, last_synced_at, created_at)
      VALUES ('staging', 'product', 'laurel', 'synced', 'target-2', '2026-05-01T10:00:00Z', now())`)
    const { status, body } = await confirm(two.staging, pairOf('synced', 'target-2'))
    expect([status, body.origin, body.last_synced_at]).toEqual([201, undefined, '2026-05-01T10:00:00.000Z'])
  })

  test('[CC-3] of a source that has another counterpart, or of a counterpart that has another source, is refused', async () => {
    await confirm(two.staging, pairOf('source-c', 'target-3'))
    const other = await confirm(two.staging, pairOf('source-c', 'target-4'))
    expect([other.status, other.body.code]).toEqual([409, 'conflict'])
    expect(other.body.detail).toContain('target-3')
    const claimed = await confirm(two.staging, pairOf('source-d', 'target-3'))
    expect([claimed.status, claimed.body.code]).toEqual([409, 'conflict'])
    expect(claimed.body.detail).toContain('source-c')
    // another source organisation has its own pairs
    const elsewhere = await confirm(
      two.staging,
      pairOf('source-c', 'target-3', { source_org_id: 'elsewhere' }),
    )
    expect(elsewhere.status).toBe(201)
  })

  test('[CC-3] of 20 different counterparts at once exactly one is taken', async () => {
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, n) => confirm(two.staging, pairOf('contended', `target-${n + 4}`))),
    )
    const made = replies.filter(({ status }) => status === 201)
    expect(made).toHaveLength(1)
    expect(replies.filter(({ status }) => status === 409)).toHaveLength(19)
    expect((await pairsIn(two.app, 'staging')).filter((each) => each.startsWith('contended'))).toEqual([
      `contended > ${made[0]!.body.target_id}`,
    ])
  })

  test('[CC-3] of 20 sources for one counterpart at once exactly one is taken', async () => {
    await put(two.staging, 'product', 'wanted', { name: 'Wanted' })
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, n) => confirm(two.staging, pairOf(`suitor-${n}`, 'wanted'))),
    )
    expect(replies.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(replies.filter(({ status }) => status === 409)).toHaveLength(19)
  })

  test.each([
    ['an unknown type', pairOf('x', 'target-0', { type: 'spaceship' }), '/type'],
    ['a counterpart that is not there', pairOf('x', 'target-none'), '/target_id'],
    ['a counterpart of another type', pairOf('x', 'target-0', { type: 'price' }), '/target_id'],
    ['itself as the source', pairOf('x', 'target-0', { source_org_id: 'staging' }), '/source_org_id'],
    ['no source', pairOf('', 'target-0'), '/source_id'],
  ])('[CC-4] %s is refused by the field, with 400', async (_what, pair, pointer) => {
    const { status, body } = await confirm(two.staging, pair)
    expect([status, body.code, body.errors[0].pointer]).toEqual([400, 'validation-failed', pointer])
  })

  test('[CC-4] a deleted counterpart and one of another organisation are as if they were not there', async () => {
    await put(two.staging, 'product', 'deleted-1', { name: 'Deleted' })
    await two.staging.call('DELETE', '/v1/store/product/deleted-1')
    await put(two.laurel, 'product', 'foreign-1', { name: 'Foreign' })
    const answers = []
    for (const id of ['deleted-1', 'foreign-1', 'nowhere-1']) {
      const { status, body } = await confirm(two.staging, pairOf('x', id))
      answers.push([status, body.detail.replace(id, '<id>')])
    }
    expect(new Set(answers.map((each) => JSON.stringify(each))).size).toBe(1)
  })

  test('[CC-4] a type of one’s own is named by include=custom', async () => {
    await addType(two.app, 'staging', { type: 'tariff' })
    await put(two.staging, 'tariff', 'tariff-1', { name: 'Day' })
    const pair = pairOf('tariff-9', 'tariff-1', { type: 'tariff' })
    expect((await confirm(two.staging, pair)).status).toBe(400)
    const made = await two.staging.call('POST', '/v1/configs/lineage', { ...pair, include: 'custom' })
    expect(made.status).toBe(201)
  })

  test('[CC-5] dryRun answers the plan, conflicts included, and writes nothing', async () => {
    await put(two.staging, 'product', 'planned', { name: 'Planned' })
    const plan = async (target: string) =>
      (await two.staging.call('POST', '/v1/configs/lineage', { ...pairOf('dry', target), dryRun: true })).body
        .plan
    expect(await plan('planned')).toMatchObject({
      target: { kind: 'configuration-pair', id: 'laurel/product/dry' },
      changes: [{ op: 'create', after: pairOf('dry', 'planned') }],
      blockers: [],
    })
    expect((await plan('target-0')).blockers).toMatchObject([{ code: 'conflict' }])
    expect(await pairsIn(two.app, 'staging')).not.toContain('dry > planned')
  })

  test('[CC-5] an agent’s confirmation waits for a person and is then applied once', async () => {
    const agent = await two.app.key({ org: 'staging', role: 'agent', for: (await owner()).email })
    await put(two.staging, 'product', 'agents', { name: 'Agents' })
    const input = pairOf('by-agent', 'agents')
    const refused = await confirm(agent, input)
    expect([refused.status, refused.body.code]).toEqual([403, 'approval-required'])
    expect(await pairsIn(two.app, 'staging')).not.toContain('by-agent > agents')
    const { planDigest } = refused.body.plan
    const sessionId = await openSession(agent)
    const asked = await agent.call('POST', `/api/agent/sessions/${sessionId}/approvals`, {
      operationId: 'config-hub.lineage.confirm',
      input,
      planDigest,
      reason: 'They are one.',
    })
    expect(asked.status, JSON.stringify(asked.body)).toBe(201)
    const { id } = asked.body.approval
    await (await owner()).call('PATCH', `/api/agent/sessions/${sessionId}/approvals/${id}`, {
      decision: 'approve',
      planDigest,
    })
    const approval = { 'countersign-approval': `${id} ${planDigest}` }
    const made = await agent.call('POST', '/v1/configs/lineage', input, approval)
    expect([made.status, made.body.origin]).toEqual([201, 'manual_confirm'])
    const again = await agent.call('POST', '/v1/configs/lineage', input, approval)
    expect(again.body.code).toBe('approval-consumed')
  })

  test('[CC-6] takes back a block on the pair, and says so in its plan', async () => {
    await put(two.staging, 'product', 'blocked-t', { name: 'Blocked' })
    const pair = pairOf('blocked-s', 'blocked-t')
    await confirm(two.staging, pair)
    await breakPair(two.staging, { type: 'product', source_id: 'blocked-s', block: 'true' })
    expect(await blocksIn(two.app, 'staging')).toEqual(['blocked-s > blocked-t'])
    const planned = await two.staging.call('POST', '/v1/configs/lineage', { ...pair, dryRun: true })
    expect(planned.body.plan.changes).toMatchObject([{ op: 'create' }, { op: 'delete', pointer: '/blocked' }])
    expect((await confirm(two.staging, pair)).status).toBe(201)
    expect(await blocksIn(two.app, 'staging')).toEqual([])
  })
})

let person: Awaited<ReturnType<Two['app']['person']>> | undefined
async function owner() {
  person ??= await two.app.person('staging', 'owner')
  return person
}
