import sql from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { revokeGrant, revokeKey } from '../../src/access/keys.ts'
import { removeMember } from '../../src/access/users.ts'
import type { Caller } from '../harness/app.ts'
import { docs, done, push, type Side, type SyncApp, settled, syncApp } from './operations.ts'

let world: SyncApp
let owner: Caller & { email: string }

beforeAll(async () => {
  world = await syncApp()
  owner = await world.app.person('sandbox', 'owner')
  // an organisation always has an owner
  await world.app.person('live', 'owner')
})
afterAll(() => world.close())

const jobs = '/v1/configs/sync-jobs'
const form = (...ids: string[]) => ({ resources: ids.map((id) => ({ type: 'form', id })) })
const make = async (...ids: string[]) => {
  for (const id of ids) await docs(world.sandbox, 'form').put(id, { key: id, name: id })
}
const inLive = async (id: string) => (await docs(world.live, 'form').get(id)).status

/** Nobody works on jobs while `during` runs; then they are. */
async function unworked<T>(during: () => Promise<T>): Promise<T> {
  await world.jobs.stop()
  try {
    return await during()
  } finally {
    await world.work()
  }
}

/** A key of the organisation that is promoted to. */
const liveKey = (scopes?: string[]) =>
  world.app.key({ org: 'live', role: 'automation', ...(scopes ? { scopes } : {}) })

/** Who may use `live`, by what, and how that ends. */
const ALLOWED: Record<string, () => Promise<{ token: string; end(): Promise<unknown> }>> = {
  'a key that is revoked': async () => {
    const { bearer, id } = await liveKey()
    return { token: bearer, end: () => revokeKey(world.app.deps.access, { org: 'live', id }) }
  },
  'a key that lost its scope': async () => {
    const { bearer, id } = await liveKey()
    const end = () =>
      world.app.deps.db.query(sql`
        UPDATE access_keys SET scopes = '{creator:live:config:read}' WHERE org = 'live' AND id = ${id}`)
    return { token: bearer, end }
  },
  'a key that expired': async () => {
    const { bearer, id } = await liveKey()
    const end = () =>
      world.app.deps.db.query(sql`
        UPDATE access_keys SET expires_at = now() - interval '1 minute' WHERE org = 'live' AND id = ${id}`)
    return { token: bearer, end }
  },
  'a key of a person who was removed': async () => {
    const person = await world.app.person('live', 'admin')
    const { bearer } = await world.app.key({ org: 'live', role: 'artist-admin', user: person.email })
    return {
      token: bearer,
      end: () => removeMember(world.app.deps.access, { org: 'live', email: person.email }),
    }
  },
}

describe.each(Object.entries(ALLOWED))(
  '[SJ-45] the use of a target that was allowed by %s',
  (what, allowed) => {
    const named = (n: number) => `${what.replaceAll(' ', '-')}-${n}`

    test('ends a job that has not begun: forbidden, and nothing is written', async () => {
      await make(named(1))
      const { token, end } = await allowed()
      const made = await unworked(async () => {
        const asked = { ...push(world, form(named(1))), target_auth_token: token }
        const answer = await world.sandbox.call('POST', jobs, asked)
        expect(answer.status, JSON.stringify(answer.body)).toBe(201)
        await end()
        return answer.body
      })
      const job = await settled(world.sandbox, made.id)
      expect(job).toMatchObject({ status: 'failed', counts: { created: 0 } })
      expect(job.error).toContain('may not do so any more')
      expect(await inLive(named(1))).toBe(404)
    })

    test('ends what follows from one that was done: apply, retry and rollback', async () => {
      await make(named(2), named(3))
      const { token, end } = await allowed()
      const asked = { ...push(world, form(named(2))), target_auth_token: token }
      const job = await done(world.sandbox, 'sync-jobs', asked)
      expect(job.status).toBe('succeeded')
      const other = { ...push(world, form(named(3))), target_auth_token: token }
      const dry = await done(world.sandbox, 'sync-jobs', { ...other, dry_run: true })
      const nothing = { ...push(world, form('nowhere')), target_auth_token: token }
      const failed = await done(world.sandbox, 'sync-jobs', nothing)
      expect(failed.status).toBe('failed')
      await end()
      const followed = {
        apply: [`${dry.id}/apply`, { plan_digest: dry.plan_digest }],
        retry: [`${failed.id}/retry`, {}],
        rollback: [`${job.id}/rollback`, {}],
      } as const
      for (const [name, [path, body]] of Object.entries(followed)) {
        const answer = await world.sandbox.call('POST', `${jobs}/${path}`, body)
        expect(answer.status, `${name} ${JSON.stringify(answer.body)}`).toBe(201)
        const end = await settled(world.sandbox, answer.body.id)
        expect([name, end.status]).toEqual([name, 'failed'])
        expect(end.error).toContain('may not do so any more')
        expect(end.counts).toMatchObject({ created: 0, patched: 0, deleted: 0 })
        // and with the token of before it does not even begin
        const token2 = await world.sandbox.call('POST', `${jobs}/${path}`, {
          ...body,
          target_auth_token: token,
        })
        expect(token2.status, name).toBe(403)
      }
      expect(await inLive(named(3))).toBe(404)
      expect(await inLive(named(2))).toBe(200)
    })
  },
)

describe('[SJ-46] without a token', () => {
  test('only who made a job retries, applies or takes it back, by the very same credential', async () => {
    await make('same')
    const job = await done(world.sandbox, 'sync-jobs', push(world, form('same')))
    const dry = await done(world.sandbox, 'sync-jobs', push(world, { ...form('same'), dry_run: true }))
    const failed = await done(world.sandbox, 'sync-jobs', push(world, form('nowhere')))
    const others: Record<string, Caller> = {
      'another key': await world.app.key({ org: 'sandbox', role: 'automation' }),
      'an owner': owner,
      'a person’s key': await world.app.key({ org: 'sandbox', role: 'artist-admin', user: owner.email }),
      'an agent': await world.app.key({
        ...{ org: 'sandbox', role: 'agent', for: owner.email },
        scopes: ['creator:sandbox:config:read', 'creator:sandbox:config:write'],
      }),
    }
    const { body: before } = await world.sandbox.call('GET', `${jobs}?size=100`)
    for (const [who, caller] of Object.entries(others))
      for (const path of [`${failed.id}/retry`, `${job.id}/rollback`]) {
        const { status, body } = await caller.call('POST', `${jobs}/${path}?artistId=sandbox`, {})
        expect([who, path, status, body.errors?.[0].pointer]).toEqual([who, path, 400, '/target_auth_token'])
      }
    for (const [who, caller] of Object.entries(others)) {
      if (who === 'an agent') continue // whose writes wait for people, who have no token either
      const path = `${jobs}/${dry.id}/apply?artistId=sandbox`
      const { status } = await caller.call('POST', path, { plan_digest: dry.plan_digest })
      expect([who, status]).toEqual([who, 400])
    }
    const { body: after } = await world.sandbox.call('GET', `${jobs}?size=100`)
    expect(after.results.length).toBe(before.results.length)
  })

  test('who made a job and lost its own scope, key or membership does nothing more by it', async () => {
    const person = await world.app.person('sandbox', 'admin')
    const mine = await world.app.key({ org: 'sandbox', role: 'artist-admin', user: person.email })
    const failed = await done(mine as Side, 'sync-jobs', push(world, form('nowhere')))
    await removeMember(world.app.deps.access, { org: 'sandbox', email: person.email })
    const answer = await mine.call('POST', `${jobs}/${failed.id}/retry`, {})
    expect([401, 403]).toContain(answer.status)
  })
})

describe('[SJ-47] an agent’s job that waits', () => {
  test('is not done once its grant is revoked, although people approved it', async () => {
    await make('revoked')
    const scopes = ['creator:sandbox:config:read', 'creator:sandbox:config:write']
    const agent = await world.app.key({ org: 'sandbox', role: 'agent', for: owner.email, scopes })
    const made = await agent.call('POST', jobs, push(world, form('revoked')))
    const job = await settled(world.sandbox, made.body.id)
    expect(job).toMatchObject({ stage: 'waiting', counts: { pending: 1 } })
    const [grant] = await world.app.deps.db.query<{ id: string }>(sql`
      SELECT id FROM grants WHERE org = 'sandbox' AND key_id = ${agent.id}`)
    const { session_id, approval_id } = job.waiting_for
    const at = `/api/agent/sessions/${session_id}/approvals/${approval_id}`
    const { planDigest } = (await owner.call('GET', at)).body.approval
    const decided = await unworked(async () => {
      const answer = await owner.call('PATCH', at, { decision: 'approve', planDigest, reason: 'Yes.' })
      await revokeGrant(world.app.deps.access, { org: 'sandbox', id: (grant as { id: string }).id })
      return answer
    })
    expect(decided.status, JSON.stringify(decided.body)).toBe(200)
    for (const until = Date.now() + 20_000; Date.now() < until; ) {
      const now = await settled(world.sandbox, job.id)
      if (now.stage === 'ended') break
    }
    expect(await settled(world.sandbox, job.id)).toMatchObject({
      status: 'cancelled',
      counts: { created: 0 },
    })
    expect(await inLive('revoked')).toBe(404)
  })
})
