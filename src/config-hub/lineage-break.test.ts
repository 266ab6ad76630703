import sql from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openSession } from '../../test/harness/loop.ts'
import {
  blocksIn,
  breakPair,
  confirm,
  pairsIn,
  put,
  type Two,
  twoOrganisations,
} from '../../test/harness/pairs.ts'

let two: Two

beforeAll(async () => {
  two = await twoOrganisations()
  for (let n = 0; n < 10; n++) await put(two.staging, 'product', `target-${n}`, { name: `Target ${n}` })
})
afterAll(() => two.app.close())

const pair = async (source_id: string, target_id: string, source_org_id = 'laurel') =>
  expect((await confirm(two.staging, { type: 'product', source_org_id, source_id, target_id })).status).toBe(
    201,
  )
const broken = (source_id: string, more: Record<string, string> = {}) =>
  breakPair(two.staging, { type: 'product', source_id, ...more })

describe('breaking a pair', () => {
  test('[CC-7] deletes it and audits what it was; what is not there is not found', async () => {
    await pair('source-a', 'target-0')
    const { status, body } = await broken('source-a')
    expect([status, body]).toEqual([200, { deleted: true }])
    expect(await pairsIn(two.app, 'staging')).toEqual([])
    expect(await blocksIn(two.app, 'staging')).toEqual([])
    expect((await broken('source-a')).body.code).toBe('not-found')
    const rows = await two.app.deps.db.query(sql`
      SELECT previous->>'target_id' AS was, next->>'blocked' AS blocked FROM audit_log
       WHERE org = 'staging' AND event = 'configuration_lineage_break' AND outcome = 'applied'`)
    expect(rows).toEqual([{ was: 'target-0', blocked: 'false' }])
  })

  test('[CC-7] a pair in which the caller is the source is the other organisation’s, and not found', async () => {
    await pair('source-b', 'target-1')
    const theirs = await breakPair(two.laurel, { type: 'product', source_id: 'source-b' })
    const nobodys = await breakPair(two.laurel, { type: 'product', source_id: 'source-x' })
    expect([theirs.status, theirs.body.detail.replace('source-b', 'source-x')]).toEqual([
      404,
      nobodys.body.detail,
    ])
    expect(await pairsIn(two.app, 'staging')).toContain('source-b > target-1')
  })

  test('[CC-8] of a source id that several organisations have asks which', async () => {
    await pair('shared', 'target-2', 'laurel')
    await pair('shared', 'target-3', 'elsewhere')
    const { status, body } = await broken('shared')
    expect([status, body.code, body.source_org_ids]).toEqual([409, 'conflict', ['elsewhere', 'laurel']])
    expect(body.detail).toContain('elsewhere, laurel')
    expect((await broken('shared', { source_org_id: 'nobody' })).status).toBe(404)
    expect((await broken('shared', { source_org_id: 'laurel' })).status).toBe(200)
    expect(await pairsIn(two.app, 'staging')).toContain('shared > target-3')
    expect((await broken('shared')).status).toBe(200)
  })

  test('[CC-9] with block keeps the two apart from then on', async () => {
    await pair('source-c', 'target-4')
    const plan = await two.staging.call(
      'DELETE',
      '/v1/configs/lineage?type=product&source_id=source-c&block=true&dryRun=true',
    )
    expect(plan.body.plan).toMatchObject({
      changes: [
        { op: 'delete', before: { target_id: 'target-4' } },
        { pointer: '/blocked', after: true },
      ],
    })
    expect(await pairsIn(two.app, 'staging')).toContain('source-c > target-4')
    await broken('source-c', { block: 'true' })
    expect(await blocksIn(two.app, 'staging')).toEqual(['source-c > target-4'])
  })

  test('[CC-9] by an agent blocks unless told otherwise', async () => {
    const owner = await two.app.person('staging', 'owner')
    const agent = await two.app.key({ org: 'staging', role: 'agent', for: owner.email })
    const by = async (query: string) =>
      (await agent.call('DELETE', `/v1/configs/lineage?type=product&source_id=agents${query}`)).body
    await pair('agents', 'target-5')
    expect((await by('&block=false')).plan.arguments.block).toBe(false)
    const refused = await by('')
    expect([refused.code, refused.plan.arguments.block]).toEqual(['approval-required', true])
    const { planDigest } = refused.plan
    const sessionId = await openSession(agent)
    const asked = await agent.call('POST', `/api/agent/sessions/${sessionId}/approvals`, {
      operationId: 'config-hub.lineage.break',
      input: { type: 'product', source_id: 'agents' },
      planDigest,
      reason: 'They are not one.',
    })
    const { id } = asked.body.approval
    await owner.call('PATCH', `/api/agent/sessions/${sessionId}/approvals/${id}`, {
      decision: 'approve',
      planDigest,
    })
    const reply = await agent.call('DELETE', '/v1/configs/lineage?type=product&source_id=agents', undefined, {
      'countersign-approval': `${id} ${planDigest}`,
    })
    expect(reply.status, JSON.stringify(reply.body)).toBe(200)
    expect(await blocksIn(two.app, 'staging')).toContain('agents > target-5')
  })

  test('[CC-10] at once with confirmations, each answer is true of some order, and the last state of all', async () => {
    for (let round = 0; round < 8; round++) {
      const source = `raced-${round}`
      const asked = { type: 'product', source_org_id: 'laurel', source_id: source, target_id: 'target-6' }
      const replies = await Promise.all(
        Array.from({ length: 10 }, (_, n) => (n % 2 === 0 ? confirm(two.staging, asked) : broken(source))),
      )
      const confirmed = replies.filter((_, n) => n % 2 === 0)
      const breaks = replies.filter((_, n) => n % 2 === 1)
      // nobody else is paired with either, so that no confirmation has a reason to fail
      expect(new Set(confirmed.map(({ status }) => status))).toEqual(new Set([201]))
      for (const { status } of breaks) expect([200, 404]).toContain(status)
      const there = (await pairsIn(two.app, 'staging')).includes(`${source} > target-6`)
      const made = await auditedOf('configuration_lineage_confirm', source)
      const ended = await auditedOf('configuration_lineage_break', source)
      // entries made are those ended and the one that is left
      expect(made - ended).toBe(there ? 1 : 0)
      expect(ended).toBe(breaks.filter(({ status }) => status === 200).length)
      if (there) await broken(source)
    }
  })

  /** How many entries were made or ended: a confirmation of one that was there has a state before. */
  async function auditedOf(event: string, source: string): Promise<number> {
    const [row] = await two.app.deps.db.query<{ n: number }>(sql`
      SELECT count(*) AS n FROM audit_log
       WHERE org = 'staging' AND outcome = 'applied' AND event = ${event} AND target_id = ${`laurel/product/${source}`}
         AND (event = 'configuration_lineage_break' OR previous IS NULL)`)
    return row!.n
  }
})
