import pg from 'pg'
import sql from 'sql-template-tag'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { CHAT, confirmed, manage, post, preview, read } from '../../test/harness/community.ts'
import { ADMIN, whole } from '../../test/harness/live.ts'

let app: TestApp | undefined
let owner: Caller
let fan: Caller

beforeEach(async () => {
  await app?.close()
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  fan = await app.person('laurel', 'member')
})
afterAll(() => app?.close())

const here = (): TestApp => app as TestApp
const channelsOf = async (who: Caller = owner): Promise<[string, number | null][]> => {
  const { community } = (await who.call('GET', CHAT)).body
  return community.channels.map(({ id, position }: any) => [id, position])
}

/** Until somebody waits for the table communities. */
async function untilWaiting(client: pg.Client): Promise<void> {
  const deadline = Date.now() + 20_000
  for (;;) {
    const { rowCount } = await client.query(
      `SELECT FROM pg_locks WHERE relation = 'communities'::regclass AND NOT granted`,
    )
    if (rowCount) return
    if (Date.now() > deadline) throw new Error('nobody waits for the table communities')
  }
}

describe('managing channels', () => {
  test('[CM-17] every organisation has general; others are created, renamed, ordered, archived and restored', async () => {
    expect(await channelsOf(here().guest())).toEqual([['general', 1]])
    expect((await manage(owner, { change: 'create', title: 'Tape Club' })).body.mode).toBe('applied')
    await manage(owner, { change: 'create', title: 'Stage', channelId: 'on-stage' })
    const renamed = await manage(owner, { change: 'update', channelId: 'on-stage', title: 'On stage' })
    expect(renamed.body.plan.confirmationText).toBe('I confirm updating the channel Stage to On stage.')
    expect(
      (await manage(owner, { change: 'order', order: ['on-stage', 'general', 'tape-club'] })).status,
    ).toBe(200)
    expect(await channelsOf()).toEqual([
      ['on-stage', 1],
      ['general', 2],
      ['tape-club', 3],
    ])
    await manage(owner, { change: 'archive', channelId: 'general' })
    expect((await manage(owner, { change: 'archive', channelId: 'on-stage' })).status).toBe(200)
    expect(await channelsOf(fan)).toEqual([
      ['general', 1],
      ['tape-club', 2],
    ])
    expect((await manage(owner, { change: 'restore', channelId: 'on-stage' })).status).toBe(200)
    expect(await channelsOf(fan)).toEqual([
      ['general', 1],
      ['tape-club', 2],
      ['on-stage', 3],
    ])
    const events = await here().deps.db.query<{ event: string }>(sql`
      SELECT event FROM audit_log WHERE org = 'laurel' AND outcome = 'applied' AND operation_id = 'community.channels.manage' ORDER BY seq`)
    expect(events.map(({ event }) => event)).toEqual(
      ['create', 'create', 'update', 'order', 'archive', 'restore'].map(
        (change) => `community_channel_${change}`,
      ),
    )
  })

  test('[CM-18] of ten created at once three join general, with the places 2 to 4', async () => {
    const replies = await Promise.all(
      Array.from({ length: 10 }, (_, n) => manage(owner, { change: 'create', title: `Channel ${n}` })),
    )
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(3)
    for (const { status, body } of replies) if (status !== 200) expect(body.code).toBe('plan-blocked')
    expect((await channelsOf()).map(([, position]) => position)).toEqual([1, 2, 3, 4])
  })

  test('[CM-18] the database itself takes no fifth active channel', async () => {
    const insert = (position: number) =>
      here().deps.db.query(sql`
        INSERT INTO community_channels (org, id, title, position, created_at, updated_at)
        VALUES ('laurel', ${`c${position}`}, 'C', ${position}, now(), now())`)
    for (const position of [2, 3, 4]) await insert(position)
    await expect(insert(5)).rejects.toMatchObject({ code: '23514' })
    await expect(
      here().deps.db.query(sql`
        INSERT INTO community_channels (org, id, title, position, created_at, updated_at)
        VALUES ('laurel', 'twice', 'C', 4, now(), now())`),
    ).rejects.toMatchObject({ code: '23P01' })
  })

  test('[CM-19] expectedVersion counts every change; a stale one is refused', async () => {
    expect((await manage(owner, { change: 'create', title: 'A', expectedVersion: 0 })).status).toBe(200)
    const stale = await manage(owner, { change: 'create', title: 'B', expectedVersion: 0 })
    expect([stale.status, stale.body.code]).toEqual([412, 'stale'])
    expect(
      (await manage(owner, { change: 'create', title: 'B', expectedVersion: 1 })).body.community.version,
    ).toBe(2)
  })

  test.each([
    ['create without a title', { change: 'create' }, '/title'],
    ['archive without a channel', { change: 'archive' }, '/channelId'],
    ['lock with a title', { change: 'lock', title: 'X' }, '/title'],
    ['order with a channel', { change: 'order', order: ['general'], channelId: 'general' }, '/channelId'],
    ['an id with a space', { change: 'create', title: 'X', channelId: 'a b' }, '/channelId'],
  ])('[CM-19] %s is refused by its field', async (_, input, pointer) => {
    expect((await preview(owner, 'manage', input)).body.errors).toMatchObject([{ pointer }])
  })

  test('[CM-20] while the community is locked listeners neither read nor post, no event is linked, and moderators go on', async () => {
    await post(fan, 'Before the lock')
    expect((await manage(owner, { change: 'lock' })).body.community).toMatchObject({ unlocked: false })
    expect((await read(fan)).status).toBe(404)
    expect((await read(here().guest())).status).toBe(404)
    expect((await post(fan, 'Behind the lock')).body.code).toBe('not-found')
    const { community } = (await fan.call('GET', CHAT)).body
    expect(community).toMatchObject({ unlocked: false, channels: [], recentMessages: [] })
    expect((await post(owner, 'An announcement')).status).toBe(201)
    const event = await here().event('laurel')
    const link = () => owner.call('PATCH', ADMIN, whole(event, { communityChannelId: 'general' }))
    expect((await link()).body.code).toBe('plan-blocked')
    await manage(owner, { change: 'unlock' })
    expect((await read(fan)).body.messages.map(({ body }: any) => body)).toEqual([
      'Before the lock',
      'An announcement',
    ])
    expect((await link()).status).toBe(200)
  })

  test('[CM-21] linking against archiving, many at once: no event is ever linked to an archived channel', async () => {
    await manage(owner, { change: 'create', title: 'Stage' })
    for (let round = 0; round < 4; round++) {
      const event = await here().event('laurel', { id: `room-0000000${round}` })
      const link = (id: string | null) => owner.call('PATCH', ADMIN, whole(event, { communityChannelId: id }))
      const replies = await Promise.all([
        link('stage'),
        manage(owner, { change: 'archive', channelId: 'stage' }),
        link('stage'),
        manage(owner, { change: 'archive', channelId: 'stage' }),
      ])
      const [row] = await here().deps.db.query<{ linked: boolean; active: boolean }>(sql`
        SELECT (SELECT community_channel_id IS NOT NULL FROM live_events WHERE org = 'laurel' AND id = ${event.id}) AS linked,
               (SELECT active FROM community_channels WHERE org = 'laurel' AND id = 'stage') AS active`)
      expect(
        [
          [true, true],
          [false, false],
        ],
        JSON.stringify(replies.map(({ status }) => status)),
      ).toContainEqual([row!.linked, row!.active])
      await link(null)
      await manage(owner, { change: 'restore', channelId: 'stage' })
    }
  })

  test('[CM-21] a channel that a link has found active stays so until the link is written', async () => {
    await manage(owner, { change: 'create', title: 'Stage' })
    const event = await here().event('laurel')
    const other = new pg.Client(here().database.connection)
    await other.connect()
    try {
      await other.query('BEGIN')
      // the link reads the gate after the channel, and waits there
      await other.query('LOCK TABLE communities')
      const linking = owner.call('PATCH', ADMIN, whole(event, { communityChannelId: 'stage' }))
      await untilWaiting(other)
      await other.query(`SET LOCAL lock_timeout = '50ms'`)
      const archive = other.query(
        `UPDATE community_channels SET active = false, position = NULL WHERE org = 'laurel' AND id = 'stage'`,
      )
      await expect(archive).rejects.toMatchObject({ code: '55P03' })
      await other.query('ROLLBACK')
      expect((await linking).status).toBe(200)
    } finally {
      await other.end()
    }
  })

  test('[CM-20] a post that races with the lock is before it or refused', async () => {
    const [locked, ...posts] = await Promise.all([
      manage(owner, { change: 'lock' }),
      ...Array.from({ length: 5 }, (_, n) => post(fan, `Racing ${n}`)),
    ])
    expect(locked.status).toBe(200)
    for (const { status } of posts) expect([201, 404]).toContain(status)
    expect((await read(owner)).body.messages).toHaveLength(
      posts.filter(({ status }) => status === 201).length,
    )
  })

  test('[CM-15] nobody manages but who administers; a grant needs an approval', async () => {
    const agent = await here().key({ org: 'laurel', role: 'agent' })
    const codes = []
    for (const who of [fan, here().guest(), agent])
      codes.push((await confirmed(who, 'manage', { change: 'lock' })).body.code)
    expect(codes).toEqual(['forbidden', 'unauthenticated', 'approval-required'])
    expect((await read(fan)).status).toBe(200)
  })
})
