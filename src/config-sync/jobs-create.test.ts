import sql from 'sql-template-tag'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { docs, done, pull, push, type SyncApp, settled, syncApp } from '../../test/config-sync/operations.ts'
import type { Caller } from '../../test/harness/app.ts'
import { dump } from '../../test/security/world.ts'

let world: SyncApp

beforeAll(async () => {
  world = await syncApp()
})
afterAll(() => world.close())

/** Names of their own for each test. */
let n = 0
beforeEach(() => {
  n++
})
const named = (name: string) => `${name}-${n}`

/** Two flows in a circle, and the form that both need. */
async function circle() {
  const [form, first, second] = ['form', 'first', 'second'].map(named) as [string, string, string]
  const flows = docs(world.sandbox, 'flow')
  await docs(world.sandbox, 'form').put(form, { key: form, name: 'Contact' })
  await flows.put(first, { key: first, name: 'First', form, next: [second], text: `see ${second}.` })
  await flows.put(second, { key: second, name: 'Second', form, next: [first], token: 'canary-4711' })
  return { form, first, second }
}

/** Makes somebody an admin of another organisation too. */
const member = (org: string, email: string) =>
  world.app.deps.db.query(sql`
    INSERT INTO auth_member (id, organization_id, user_id, role, created_at)
    SELECT ${`member-${n}`}, ${org}, id, 'admin', now() FROM auth_user WHERE email = ${email}`)

const flow = (id: string) => ({ resources: [{ type: 'flow', id }] })

describe('a promotion', () => {
  test('[SJ-1] takes along what the selection refers to, writes nothing in a dry run, and nothing twice', async () => {
    const { first, second } = await circle()
    const dry = await done(
      world.sandbox,
      'sync-jobs',
      push(world, { ...flow(first), dry_run: true, name: 'Look' }),
    )
    expect(dry).toMatchObject({
      ...{
        status: 'succeeded',
        stage: 'ended',
        dry_run: true,
        name: 'Look',
        direction: 'push',
        kind: 'sync',
      },
      counts: { total: 3, would_create: 3, succeeded: 0, failed: 0 },
      plan: { create: 3, patch: 0, refused: 0, requests: 3 },
    })
    expect((await docs(world.live, 'flow').get(first)).status).toBe(404)
    const job = await done(world.sandbox, 'sync-jobs', push(world, flow(first)))
    expect(job).toMatchObject({ status: 'succeeded', counts: { total: 3, created: 3, succeeded: 3 } })
    expect(job.plan_digest).toBe(dry.plan_digest)
    const { body } = await docs(world.live, 'flow').get(second)
    expect(body).toMatchObject({ name: 'Second', next: [first] })
    const again = await done(world.sandbox, 'sync-jobs', push(world, flow(first)))
    expect(again).toMatchObject({
      status: 'succeeded',
      counts: { total: 3, skipped_unchanged: 3, succeeded: 0 },
    })
  })

  test('[SJ-1] of the selection alone refuses what would miss something that it needs', async () => {
    const { first } = await circle()
    const job = await done(
      world.sandbox,
      'sync-jobs',
      push(world, { ...flow(first), include_dependencies: false }),
    )
    expect(job).toMatchObject({ status: 'failed', counts: { total: 1, failed: 1 } })
    expect(job.errors_sample[0].error).toContain(named('form'))
  })

  test('[SJ-2] pulls with a token that may only read the source', async () => {
    const { first, second } = await circle()
    const scopes = ['creator:sandbox:config:read']
    const reader = await world.app.key({ org: 'sandbox', role: 'automation', scopes })
    const asked = { ...pull(world, flow(first)), source_auth_token: reader.bearer }
    const job = await done(world.live, 'sync-jobs', asked)
    expect(job).toMatchObject({ status: 'succeeded', direction: 'pull', counts: { created: 3 } })
    const { body } = await world.live.call('POST', '/v1/configs/compare', {
      ...{ source_org_id: 'sandbox', source_auth_token: world.sandbox.bearer, type: 'flow' },
      include: ['custom', 'diff'],
    })
    const row = body.rows.find(({ current }: any) => current?.id === second)
    expect(row).toMatchObject({ match_status: 'matched', base: 'last_sync', diff: [] })
  })

  test('[SJ-2] pulls without a token of the source as somebody who administers both organisations', async () => {
    const { first } = await circle()
    const both = await world.app.person('live', 'admin')
    const alone = await world.app.person('live', 'admin')
    await member('sandbox', both.email)
    const path = '/v1/configs/sync-jobs?artistId=live'
    const asked = { ...pull(world, flow(first)), source_auth_token: undefined }
    const refused = await alone.call('POST', path, asked)
    expect([refused.status, refused.body.errors[0].pointer]).toEqual([400, '/source_auth_token'])
    const foreign = { ...asked, target_auth_token: world.sandbox.bearer }
    expect((await both.call('POST', path, foreign)).status).toBe(403)
    const { body } = await both.call('POST', path, asked)
    const job = await settled(world.live, body.id)
    expect(job).toMatchObject({ status: 'succeeded', counts: { created: 3 } })
  })

  test('[SJ-3] is refused where the caller is no side, both sides are one, or the token is not of the other', async () => {
    const create = (body: object) => world.sandbox.call('POST', '/v1/configs/sync-jobs', body)
    const ask = push(world, flow('any'))
    const neither = await create({ ...ask, source_org_id: 'elsewhere' })
    expect([neither.status, neither.body.errors[0].pointer]).toEqual([400, '/source_org_id'])
    const same = await create({ ...ask, target_org_id: 'sandbox' })
    expect([same.status, same.body.errors[0].pointer]).toEqual([400, '/target_org_id'])
    const reader = await world.app.key({
      ...{ org: 'live', role: 'automation', scopes: ['creator:live:config:read'] },
    })
    const answers = await Promise.all(
      ['made-up', world.sandbox.bearer, reader.bearer].map((target_auth_token) =>
        create({ ...ask, target_auth_token }),
      ),
    )
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403])
    expect(new Set(answers.map(({ body }) => body.detail)).size).toBe(1)
    const missing = await create({ ...ask, target_auth_token: undefined })
    expect([missing.status, missing.body.errors[0].pointer]).toEqual([400, '/target_auth_token'])
  })

  test('[SJ-4] takes secrets along and shows none, nor the token', async () => {
    const { first, second } = await circle()
    const job = await done(world.sandbox, 'sync-jobs', push(world, flow(first)))
    const { body: plan } = await world.sandbox.call('GET', `/v1/configs/sync-jobs/${job.id}/plan`)
    const row = plan.results.find(({ source_id }: any) => source_id === second)
    expect(row.changes).toContainEqual(expect.objectContaining({ pointer: '/token', secret: true }))
    const again = await done(world.sandbox, 'sync-jobs', push(world, { ...flow(second), dry_run: true }))
    expect(again.counts).toMatchObject({ would_skip_unchanged: 3 })
    await docs(world.sandbox, 'flow').patch(second, { token: 'canary-4712' })
    const changed = await done(world.sandbox, 'sync-jobs', push(world, { ...flow(second), dry_run: true }))
    expect(changed.counts).toMatchObject({ would_patch: 1 })
    const text = [...Object.values(await dump(world.app)), ...world.app.logged].join('\n')
    // it is the whole database that was looked at
    expect(text).toContain(second)
    expect(text).not.toContain('canary-47')
    expect(text).not.toContain(world.live.bearer)
  })

  test('[SJ-5] refuses what both sides changed, and takes the side that is chosen for a place', async () => {
    const { first } = await circle()
    await done(world.sandbox, 'sync-jobs', push(world, flow(first)))
    await docs(world.sandbox, 'flow').patch(first, { name: 'Ours', text: 'ours' })
    await docs(world.live, 'flow').patch(first, { name: 'Theirs', text: 'theirs', note: 'kept' })
    const job = await done(world.sandbox, 'sync-jobs', push(world, flow(first)))
    expect(job).toMatchObject({ status: 'partial', plan: { refused: 1 }, counts: { failed: 1 } })
    const { body } = await world.sandbox.call(
      'GET',
      `/v1/configs/sync-jobs/${job.id}/resources?status=failed`,
    )
    expect(body.results).toMatchObject([{ source_id: first, code: 'conflict', action: 'refused' }])
    const chosen = await done(
      world.sandbox,
      'sync-jobs',
      push(world, {
        ...flow(first),
        conflicts: {
          default: 'source',
          places: [{ type: 'flow', id: first, pointer: '/text', choice: 'target' }],
        },
      }),
    )
    expect(chosen).toMatchObject({ status: 'succeeded', counts: { patched: 1 } })
    const { body: live } = await docs(world.live, 'flow').get(first)
    expect(live).toMatchObject({ name: 'Ours', text: 'theirs', note: 'kept' })
  })

  test('[SJ-6] takes what is given for single configurations on top of what the source has', async () => {
    const { first } = await circle()
    const payload_overrides = { [`flow:${first}`]: { name: 'For live only', token: 'canary-4713' } }
    const job = await done(world.sandbox, 'sync-jobs', push(world, { ...flow(first), payload_overrides }))
    expect(job.status).toBe('succeeded')
    expect((await docs(world.live, 'flow').get(first)).body.name).toBe('For live only')
    expect((await docs(world.sandbox, 'flow').get(first)).body.name).toBe('First')
    expect(Object.values(await dump(world.app)).join('\n')).not.toContain('canary-4713')
  })

  test('[SJ-7] makes one job for one idempotency key', async () => {
    const { first } = await circle()
    const ask = () =>
      world.sandbox.call('POST', '/v1/configs/sync-jobs', push(world, { ...flow(first), dry_run: true }), {
        'idempotency-key': named('once'),
      })
    const answers = await Promise.all(Array.from({ length: 5 }, ask))
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
  })

  test('[SJ-8] is in the audit of both organisations once it has ended', async () => {
    const { first } = await circle()
    const job = await done(world.sandbox, 'sync-jobs', push(world, flow(first)))
    const query = `?targetKind=configuration-job&targetId=${job.id}`
    const auditOf = async (caller: Caller) =>
      (await caller.call('GET', `/api/admin/audit${query}`)).body.entries
    const [ours, theirs] = [await auditOf(world.sandbox), await auditOf(world.live)]
    const end = {
      ...{ event: 'configuration_sync_job_end', planDigest: job.plan_digest },
      next: { status: 'succeeded', source_org: 'sandbox', target_org: 'live', created: 3 },
    }
    expect(ours).toMatchObject([end, { event: 'configuration_sync_job_create' }])
    expect(theirs).toMatchObject([end])
  })
})
