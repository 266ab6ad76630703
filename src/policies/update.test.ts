import sql from 'sql-template-tag'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { confirm, decide, previewedMove, requestedMove } from '../../test/harness/moves.ts'

const UPDATE = 'live.events.schedule.confirmed-update'

let app: TestApp
let owner: Caller & { email: string }

beforeEach(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
})
afterEach(() => app.close())

const set = (caller: Caller, body: Record<string, unknown>, headers?: Record<string, string>) =>
  caller.call(
    'PUT',
    '/api/admin/policies',
    { operationId: UPDATE, principalKind: 'agent', mode: 'confirm', ...body },
    headers,
  )
const policies = async (caller: Caller = owner) => (await caller.call('GET', '/api/admin/policies')).body
const ruleOf = async (kind: string, operationId = UPDATE) =>
  (await policies()).policies.find(
    (rule: any) => rule.operationId === operationId && rule.principalKind === kind,
  )

describe('setting a policy', () => {
  test('[P-20] an owner sets it, it is read back, counted and audited', async () => {
    const reply = await set(owner, { mode: 'confirm' })
    expect(reply.body).toMatchObject({ ok: true, mode: 'applied' })
    expect(reply.body.plan.changes).toMatchObject([{ pointer: '/mode', before: 'approve', after: 'confirm' }])
    expect(await ruleOf('agent')).toMatchObject({ mode: 'confirm', source: 'organisation' })
    expect(await ruleOf('automation')).toMatchObject({ source: 'default' })
    expect((await policies()).version).toBe(1)
    const rows = await app.deps.db.query(sql`
      SELECT outcome, target_id, previous->>'mode' AS was, next->>'mode' AS is FROM audit_log
       WHERE org = 'laurel' AND event = 'policy_update'`)
    expect(rows).toEqual([
      { outcome: 'applied', target_id: `${UPDATE}:agent`, was: 'approve', is: 'confirm' },
    ])
  })

  test('[P-20] it counts at once, and default takes it back', async () => {
    const agent = await app.key({ org: 'laurel', role: 'agent' })
    const event = await app.event('laurel')
    const move = await previewedMove(agent, event.id)
    expect((await confirm(agent, move.body('before-the-rule'))).body.code).toBe('approval-required')
    await set(owner, { mode: 'confirm' })
    const allowed = await previewedMove(agent, event.id)
    expect((await confirm(agent, allowed.body('under-the-rule'))).status).toBe(200)
    await set(owner, { mode: 'default' })
    expect(await ruleOf('agent')).toMatchObject({ mode: 'approve', source: 'default' })
    const after = await previewedMove(agent, event.id, '2026-05-22T02:00:00.000Z')
    expect((await confirm(agent, after.body('after-the-rule'))).body.code).toBe('approval-required')
  })

  test('[P-21] nobody but a signed-in owner', async () => {
    const admin = await app.person('laurel', 'admin')
    const others: [Caller, string][] = [
      [admin, 'forbidden'],
      [await app.person('laurel', 'member'), 'forbidden'],
      [await app.key({ org: 'laurel', role: 'automation' }), 'forbidden'],
      [await app.key({ org: 'laurel', role: 'artist-admin', user: owner.email }), 'forbidden'],
      [await app.key({ org: 'laurel', role: 'agent', for: owner.email }), 'forbidden'],
      [app.guest(), 'unauthenticated'],
    ]
    for (const [caller, code] of others) expect((await set(caller, {})).body.code).toBe(code)
    expect(await policies()).toMatchObject({ version: 0 })
    expect((await policies(admin)).ok).toBe(true)
  })

  test('[P-22] a rule that the people there are could not satisfy is refused', async () => {
    const two = { mode: 'approve', approvers: 2 }
    expect((await set(owner, two)).body).toMatchObject({ code: 'policy-unsatisfiable', status: 422 })
    // one owner who is always the delegator
    expect((await set(owner, { mode: 'approve', delegatorMayConfirm: false })).body.code).toBe(
      'policy-unsatisfiable',
    )
    await app.person('laurel', 'member')
    expect((await set(owner, { ...two, delegatorMayConfirm: true })).body.code).toBe('policy-unsatisfiable')
    await app.person('laurel', 'admin')
    expect((await set(owner, { ...two, delegatorMayConfirm: true })).status).toBe(200)
    // two people less the delegator is one
    expect((await set(owner, two)).body.code).toBe('policy-unsatisfiable')
    expect((await policies()).version).toBe(1)
  })

  test('[P-22] a route without an envelope cannot be asked for what it cannot carry', async () => {
    const reply = await set(owner, {
      operationId: 'policies.update',
      principalKind: 'person',
      mode: 'confirm',
    })
    expect(reply.body.code).toBe('policy-unsatisfiable')
    // every write leaves such routes out, so the owner does not lock himself out
    expect((await set(owner, { operationId: '*', principalKind: 'person', mode: 'approve' })).status).toBe(
      200,
    )
    expect((await set(owner, { mode: 'confirm' })).status).toBe(200)
  })

  test.each([
    ['an unknown operation', { operationId: 'live.events.no-such' }, '/operationId'],
    ['a read', { operationId: 'sessions.read' }, '/operationId'],
    ['a record', { operationId: 'sessions.create' }, '/operationId'],
    ['an unknown kind', { principalKind: 'guest' }, '/principalKind'],
    ['no approver', { mode: 'approve', approvers: 0 }, '/approvers'],
    ['an unknown field', { quorum: 2 }, '/quorum'],
  ])('[P-23] %s is refused by its field', async (_what, body, pointer) => {
    expect((await set(owner, body)).body.errors).toMatchObject([{ pointer }])
  })

  test('[P-24] dryRun answers the plan, blockers included, and changes nothing', async () => {
    const dry = await set(owner, { dryRun: true })
    expect(dry.body).toMatchObject({ ok: true, mode: 'preview', plan: { blockers: [] } })
    const blocked = await set(owner, { mode: 'approve', approvers: 5, dryRun: true })
    expect(blocked.status).toBe(200)
    expect(blocked.body.plan.blockers).toMatchObject([{ code: 'policy-unsatisfiable' }])
    expect(await policies()).toMatchObject({ version: 0 })
    const rows = await app.deps.db.query(
      sql`SELECT 1 FROM audit_log WHERE org = 'laurel' AND event = 'policy_update'`,
    )
    expect(rows).toEqual([])
  })

  test('[P-25] expectedVersion: a stale one is refused with the fresh plan', async () => {
    expect((await set(owner, { expectedVersion: 0 })).status).toBe(200)
    const stale = await set(owner, { mode: 'approve', expectedVersion: 0 })
    expect([stale.status, stale.body.code]).toEqual([412, 'stale'])
    expect(stale.body.plan.observed).toMatchObject([{ kind: 'policy', version: 1 }])
    expect((await set(owner, { mode: 'approve', expectedVersion: 1 })).status).toBe(200)
    expect((await policies()).version).toBe(2)
  })

  test('[P-25] many changes at once: each counts once, none is lost', async () => {
    const kinds = ['person', 'automation', 'agent']
    const operations = [
      UPDATE,
      'live.events.schedule.confirmed-create',
      'live.events.status.confirmed-update',
      '*',
    ]
    const bodies = operations.flatMap((operationId) =>
      kinds.map((principalKind) => ({ operationId, principalKind, mode: 'approve' })),
    )
    const replies = await Promise.all(bodies.map((body) => set(owner, body)))
    const applied = replies.filter(({ status }) => status === 200).length
    for (const { status, body } of replies) if (status !== 200) expect(body.code).toBe('conflict')
    expect((await policies()).version).toBe(applied)
    const rows = await app.deps.db.query(sql`SELECT 1 FROM action_policies WHERE org = 'laurel'`)
    expect(rows).toHaveLength(applied)
    expect(applied).toBeGreaterThan(0)
  })

  test('[P-26] every change voids the digests of plans made before, confirmed or approved', async () => {
    const agent = await app.key({ org: 'laurel', role: 'agent' })
    const automation = await app.key({ org: 'laurel', role: 'automation' })
    const event = await app.event('laurel')
    const approved = await requestedMove(agent, event.id)
    await decide(owner, approved, 'approve')
    const seen = await previewedMove(automation, event.id)
    // a rule for something else altogether
    await set(owner, {
      operationId: 'live.events.status.confirmed-update',
      principalKind: 'person',
      mode: 'direct',
    })
    const used = await confirm(agent, approved.body('approved-before'))
    expect([used.status, used.body.code]).toEqual([412, 'plan-changed'])
    const body = seen.body('previewed-before')
    const named = {
      ...body,
      envelope: { ...(body.envelope as object), planDigest: seen.preview.body.planDigest },
    }
    expect((await confirm(automation, named)).body.code).toBe('plan-changed')
    const fresh = await previewedMove(automation, event.id)
    expect(fresh.preview.body.planDigest).not.toBe(seen.preview.body.planDigest)
    expect((await confirm(automation, fresh.body('previewed-after'))).status).toBe(200)
  })

  test('[P-27] one organisation’s rules say nothing in another', async () => {
    await app.org('other')
    const stranger = await app.person('other', 'owner')
    await set(owner, { operationId: '*', mode: 'confirm' })
    expect(await policies(stranger)).toMatchObject({ version: 0 })
    expect((await policies(stranger)).policies.filter((rule: any) => rule.source !== 'default')).toEqual([])
  })
})
