import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Caller } from '../harness/app.ts'
import { openSession } from '../harness/loop.ts'
import { docs, push, type Side, type SyncApp, settled, syncApp } from './operations.ts'

let world: SyncApp
let owner: Caller & { email: string }
let agent: Side

beforeAll(async () => {
  world = await syncApp()
  owner = await world.app.person('sandbox', 'owner')
  const scopes = ['creator:sandbox:config:read', 'creator:sandbox:config:write']
  agent = await world.app.key({ org: 'sandbox', role: 'agent', for: owner.email, scopes })
})
afterAll(() => world.close())

const ask = async (id: string, headers: Record<string, string> = {}, more: object = {}) => {
  await docs(world.sandbox, 'form').put(id, { key: id, name: 'By an agent' })
  const body = push(world, { resources: [{ type: 'form', id }], name: `Promote ${id}`, ...more })
  const made = await agent.call('POST', '/v1/configs/sync-jobs', body, headers)
  expect(made.status, JSON.stringify(made.body)).toBe(201)
  return settled(agent, made.body.id)
}

const decide = async (job: any, decision: 'approve' | 'reject') => {
  const { session_id, approval_id } = job.waiting_for
  const at = `/api/agent/sessions/${session_id}/approvals/${approval_id}`
  const { body } = await owner.call('GET', at)
  const { planDigest } = body.approval
  const resolved = await owner.call('PATCH', at, { decision, planDigest, reason: 'Looked at it.' })
  expect(resolved.status, JSON.stringify(resolved.body)).toBe(200)
}

/** Once it is no longer waiting. */
async function ended(id: string) {
  for (const until = Date.now() + 20_000; Date.now() < until; ) {
    const job = await settled(agent, id)
    if (job.stage === 'ended') return job
  }
  throw new Error(`job ${id} still waits`)
}

const live = async (id: string) => (await docs(world.live, 'form').get(id)).status

describe('the job of an agent', () => {
  test('[SJ-14] waits with its plan, asks for approval by itself, and is done once a person approved it', async () => {
    const job = await ask('approved')
    expect(job).toMatchObject({ status: 'pending', stage: 'waiting', counts: { pending: 1 } })
    expect(await live('approved')).toBe(404)
    const { body } = await owner.call(
      'GET',
      `/api/agent/sessions/${job.waiting_for.session_id}/approvals/${job.waiting_for.approval_id}`,
    )
    expect(body.approval).toMatchObject({ status: 'pending' })
    expect(JSON.stringify(body)).toContain(job.plan_digest)
    expect(JSON.stringify(body)).toContain('form approved')
    await decide(job, 'approve')
    expect(await ended(job.id)).toMatchObject({ status: 'succeeded', counts: { created: 1 } })
    expect(await live('approved')).toBe(200)
    const { body: log } = await owner.call('GET', `/api/agent/sessions/${job.waiting_for.session_id}/events`)
    const types = log.events.map(({ type }: any) => type)
    expect(types).toEqual(
      expect.arrayContaining(['approval.requested', 'approval.resolved', 'tool.call.completed']),
    )
  })

  test('[SJ-15] asks in the session that its request named', async () => {
    const id = await openSession(agent)
    const job = await ask('named', { 'agent-session-id': id })
    expect(job.waiting_for.session_id).toBe(id)
  })

  test('[SJ-16] that is turned down is cancelled and writes nothing', async () => {
    const job = await ask('refused')
    await decide(job, 'reject')
    const end = await ended(job.id)
    expect(end).toMatchObject({ status: 'cancelled', counts: { created: 0 } })
    expect(end.events.at(-1).message).toContain('rejected')
    expect(await live('refused')).toBe(404)
  })

  test('[SJ-17] that is cancelled cannot be approved any more', async () => {
    const job = await ask('cancelled')
    expect((await agent.call('POST', `/v1/configs/sync-jobs/${job.id}/cancel`)).status).toBe(200)
    const { session_id, approval_id } = job.waiting_for
    const { body } = await owner.call('GET', `/api/agent/sessions/${session_id}/approvals/${approval_id}`)
    expect(body.approval.status).toBe('voided')
    expect(await live('cancelled')).toBe(404)
  })

  test('[SJ-19] that applies a reviewed plan sends the token with the approved write, since it is kept nowhere', async () => {
    const dry = await ask('entrusted', {}, { dry_run: true })
    const sessionId = await openSession(agent)
    const input = { id: dry.id, plan_digest: dry.plan_digest }
    const preview = await agent.call('POST', `/v1/configs/sync-jobs/${dry.id}/apply?dryRun=true`, {
      plan_digest: dry.plan_digest,
    })
    const { planDigest } = preview.body.plan
    const request = (more: object) =>
      agent.call('POST', `/api/agent/sessions/${sessionId}/approvals`, {
        ...{ operationId: 'config-sync.jobs.apply', planDigest, reason: 'Reviewed.' },
        input: { ...input, ...more },
      })
    const refused = await request({ target_auth_token: world.live.bearer })
    expect([refused.status, refused.body.errors[0].pointer]).toEqual([400, '/input/target_auth_token'])
    const asked = await request({})
    expect(asked.status, JSON.stringify(asked.body)).toBe(201)
  })

  test('[SJ-17] that somebody else applies needs its approval no more', async () => {
    const job = await ask('applied')
    const { session_id, approval_id } = job.waiting_for
    const body = { plan_digest: job.plan_digest }
    const applied = await owner.call('POST', `/v1/configs/sync-jobs/${job.id}/apply`, body)
    expect([applied.status, applied.body.id]).toEqual([201, job.id])
    expect(await ended(job.id)).toMatchObject({ status: 'succeeded', counts: { created: 1 } })
    const { body: read } = await owner.call(
      'GET',
      `/api/agent/sessions/${session_id}/approvals/${approval_id}`,
    )
    expect(read.approval.status).toBe('voided')
  })

  test('[SJ-18] with nothing to write ends by itself, and runs at once where policy lets agents', async () => {
    const none = await ask('approved', {}, { resources: [] })
    expect(none).toMatchObject({ status: 'succeeded', stage: 'ended' })
    const rule = { operationId: 'config-sync.jobs.apply', principalKind: 'agent', mode: 'direct' }
    const set = await owner.call('PUT', '/api/admin/policies', rule)
    expect(set.status, JSON.stringify(set.body)).toBe(200)
    expect(await ask('direct')).toMatchObject({ status: 'succeeded', counts: { created: 1 } })
  })
})
