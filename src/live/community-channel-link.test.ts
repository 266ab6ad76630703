import sql from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type Reply, type TestApp, testApp } from '../../test/harness/app.ts'
import { ADMIN, addChannel, liveAudit, whole } from '../../test/harness/live.ts'
import type { LiveEvent } from './rules.ts'

let app: TestApp
let owner: Caller
let rooms = 0

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  await addChannel(app, 'laurel', 'stage')
})
afterAll(() => app.close())

const room = (overrides: Partial<LiveEvent> = {}): Promise<LiveEvent> =>
  app.event('laurel', { id: `room-${(++rooms).toString(16).padStart(8, '0')}`, ...overrides })
const patch = (event: LiveEvent, changes: Record<string, unknown>): Promise<Reply> =>
  owner.call('PATCH', ADMIN, whole(event, changes))
const actionsOf = async ({ id }: LiveEvent): Promise<string[][]> =>
  (await liveAudit(owner, `?eventId=${id}`)).map(({ actions }) => actions)
const linkOf = async ({ id }: LiveEvent): Promise<{ link: string | null; version: number }> => {
  const [row] = await app.deps.db.query<{ link: string | null; version: number }>(
    sql`SELECT community_channel_id AS link, version FROM live_events WHERE org = 'laurel' AND id = ${id}`,
  )
  return row!
}

describe('linking and unlinking', () => {
  test('[LA-5] a channel is linked, exchanged and unlinked by null, each under its own actions', async () => {
    const event = await room()
    const linked = await patch(event, { communityChannelId: 'general' })
    expect(linked.body.event).toMatchObject({ communityChannel: { id: 'general', title: 'General' } })
    expect((await patch(event, { communityChannelId: 'stage' })).status).toBe(200)
    expect((await patch(event, { communityChannelId: null })).body.event.communityChannel).toBeNull()
    expect(await actionsOf(event)).toEqual([
      ['community_channel_unlink'],
      ['community_channel_unlink', 'community_channel_link'],
      ['community_channel_link'],
    ])
    expect(await liveAudit(owner, `?communityChannelId=stage&eventId=${event.id}`)).toHaveLength(2)
  })

  test('[LA-3] a write that links, sets up the stream and renames is found under each of the three', async () => {
    const event = await room()
    const changes = {
      title: 'Renamed',
      communityChannelId: 'general',
      streamProvider: 'external_url',
      streamUrl: 'https://stream.example/hidden-path',
    }
    expect((await patch(event, changes)).status).toBe(200)
    expect(await actionsOf(event)).toEqual([
      ['stream_setup_update', 'community_channel_link', 'event_update'],
    ])
    for (const action of ['stream_setup_update', 'community_channel_link', 'event_update'])
      expect(await liveAudit(owner, `?eventId=${event.id}&action=${action}`), action).toHaveLength(1)
    expect(await liveAudit(owner, `?eventId=${event.id}&action=community_channel_unlink`)).toEqual([])
  })

  test('[LA-6] the gate: an active channel of the organisation, of an unlocked community; unlinking is always free', async () => {
    await app.org('juniper')
    await addChannel(app, 'juniper', 'theirs')
    const [event, linked] = [await room(), await room({ communityChannelId: 'general' })]
    expect((await patch(event, { communityChannelId: 'theirs' })).body.code).toBe('plan-blocked')
    await app.deps.db.query(
      sql`INSERT INTO communities (org, unlocked, version, updated_at) VALUES ('laurel', false, 1, now())`,
    )
    const locked = await patch(event, { communityChannelId: 'general' })
    expect(locked.body.blockers).toMatchObject([{ message: expect.stringContaining('locked') }])
    expect((await patch(linked, { communityChannelId: null })).status).toBe(200)
    await app.deps.db.query(sql`DELETE FROM communities WHERE org = 'laurel'`)
  })

  test('[LA-7] another status is refused here, and an unchanged update too', async () => {
    const event = await room()
    expect((await patch(event, { status: 'live' })).body).toMatchObject({
      code: 'status-forbidden',
      allowed: ['scheduled'],
    })
    expect((await patch(event, {})).body.code).toBe('plan-blocked')
    expect(await linkOf(event)).toEqual({ link: null, version: 1 })
  })

  test('[LA-8] a stale observedUpdatedAt is refused with the fresh plan', async () => {
    const event = await room()
    const observedUpdatedAt = event.updatedAt.toISOString()
    expect((await patch(event, { title: 'One', observedUpdatedAt })).status).toBe(200)
    const stale = await patch(event, { title: 'Two', observedUpdatedAt })
    expect([stale.status, stale.body.code]).toEqual([412, 'stale'])
    expect(stale.body.plan.changes).toMatchObject([{ before: 'One', after: 'Two' }])
  })
})

test('[LA-15] the manifest says who links, and that the admin routes are there', async () => {
  const agent = await app.key({ org: 'laurel', role: 'agent', scopes: ['creator:laurel:live:read'] })
  const ids = ['live.events.schedule', 'live.community-channel.link', 'live.events.status.update']
  for (const [who, may] of [
    [owner, true],
    [agent, false],
    [app.guest(), false],
  ] as const) {
    const { principal, operations } = (await who.call('GET', '/api/agent/live-controls')).body
    expect(principal.capabilities.linkCommunityChannel).toBe(may)
    for (const { id, status, enabled } of operations)
      if (ids.includes(id)) expect({ id, status, enabled }).toEqual({ id, status: 'ready', enabled: may })
  }
})

test('[LA-9] link against unlink, many at once: each applied write found the state that the one before it left', async () => {
  const event = await room()
  const links = ['general', 'stage', null]
  const replies = await Promise.all(
    Array.from({ length: 30 }, (_, n) => patch(event, { communityChannelId: links[n % 3] })),
  )
  const applied = replies.filter(({ status }) => status === 200)
  for (const { status, body } of replies)
    if (status !== 200) expect(['plan-blocked', 'stale']).toContain(body.code)
  const history = (await liveAudit(owner, `?eventId=${event.id}&limit=100`)).reverse()
  expect(history).toHaveLength(applied.length)
  let link: string | null = null
  for (const { previous, next, actions } of history) {
    expect(previous!.communityChannelId).toBe(link)
    const expected = [
      ...(link === null ? [] : ['community_channel_unlink']),
      ...(next!.communityChannelId === null ? [] : ['community_channel_link']),
    ]
    expect(actions).toEqual(expected)
    link = next!.communityChannelId
  }
  expect(await linkOf(event)).toEqual({ link, version: 1 + applied.length })
})
