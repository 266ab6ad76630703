import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { followed, manage, moderate, post, react, read, stored } from '../../test/harness/community.ts'

let app: TestApp
let owner: Caller
let fan: Caller

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  fan = await app.person('laurel', 'member')
  for (let n = 0; n < 12; n++) await post(owner, `Message ${n}`)
})
afterAll(() => app.close())

const at = (page: Record<string, any>): string => `?after=${encodeURIComponent(page.cursor)}`

describe('reading a channel', () => {
  test('[CM-8] the latest, then older pages to the start: every message once, in order', async () => {
    const pages: any[][] = []
    for (let earlier = ''; ; ) {
      const { body } = await read(app.guest(), `?limit=5${earlier}`)
      pages.unshift(body.messages)
      if (body.earlier === null) break
      earlier = `&before=${encodeURIComponent(body.earlier)}`
    }
    expect(pages.map(({ length }) => length)).toEqual([2, 5, 5])
    expect(pages.flat().map(({ seq }) => seq)).toEqual((await stored(app, 'laurel')).map(({ seq }) => seq))
  })

  test('[CM-9] behind a cursor comes what is new or different since, each once and as it is now', async () => {
    const start = (await read(app.guest())).body
    expect((await read(app.guest(), at(start))).body).toMatchObject({ messages: [], more: false })
    const [first, second] = start.messages
    await react(fan, first.id, 'love')
    await moderate(owner, second, { pinned: true })
    const posted = (await post(owner, 'New')).body.message
    await react(fan, first.id, 'like')
    const { body } = await read(app.guest(), at(start))
    expect(body.messages.map(({ id }: any) => id)).toEqual([second.id, posted.id, first.id])
    expect(body.messages[2]).toMatchObject({ reactions: { love: 1, like: 1 }, ownReactions: [] })
    expect(body.messages[0].pinned).toBe(true)
    expect((await read(app.guest(), at(body))).body.messages).toEqual([])
  })

  test('[CM-10] what was hidden comes as hidden without its body, and moderators see it', async () => {
    const secret = (await post(fan, 'A canary in a coal mine')).body.message
    const start = (await read(app.guest())).body
    expect((await moderate(owner, secret, { status: 'hidden' })).status).toBe(200)
    for (const reader of [app.guest(), fan]) {
      const pages = [
        await read(reader),
        await read(reader, at(start)),
        await reader.call('GET', '/api/agent/community-chat'),
      ]
      expect(JSON.stringify(pages.map(({ body }) => body))).not.toContain('canary')
      expect(pages[1]!.body.messages).toMatchObject([
        { id: secret.id, status: 'hidden', body: null, displayName: null },
      ])
      expect((await react(reader, secret.id, 'like')).status).toBeGreaterThanOrEqual(400)
    }
    expect((await read(owner)).body.messages.at(-1)).toMatchObject({ body: 'A canary in a coal mine' })
    await moderate(owner, secret, { status: 'visible' })
    expect((await read(app.guest())).body.messages.at(-1).body).toBe('A canary in a coal mine')
  })

  test('[CM-11] cursors of another channel, another kind or made up are refused', async () => {
    expect((await manage(owner, { change: 'create', title: 'Stage' })).status).toBe(200)
    const { cursor, earlier } = (await read(app.guest(), '?limit=2')).body
    for (const query of [
      `?channelId=stage&after=${encodeURIComponent(cursor)}`,
      `?after=${encodeURIComponent(earlier)}`,
      '?after=made-up',
    ])
      expect((await read(app.guest(), query)).body.code, query).toBe('cursor-invalid')
    const both = `?after=${encodeURIComponent(cursor)}&before=${encodeURIComponent(earlier)}`
    expect((await read(app.guest(), both)).status).toBe(400)
  })

  test('[CM-2] a channel for members, an archived and a missing one look alike to a guest', async () => {
    await manage(owner, { change: 'create', title: 'Members', membersOnly: true })
    await manage(owner, { change: 'create', title: 'Gone' })
    await manage(owner, { change: 'archive', channelId: 'gone' })
    const seen = async (who: Caller) =>
      Promise.all(
        ['members', 'gone', 'nowhere'].map(async (id) => (await read(who, `?channelId=${id}`)).status),
      )
    expect(await seen(app.guest())).toEqual([404, 404, 404])
    expect(await seen(fan)).toEqual([200, 404, 404])
    expect(await seen(owner)).toEqual([200, 200, 404])
  })
})

test('[CM-12] who follows by cursors while people post, react and moderate holds in the end what there is', async () => {
  const channelId = 'busy'
  await manage(owner, { change: 'create', title: 'Busy' })
  const start = (await read(app.guest(), `?channelId=${channelId}`)).body
  const fans = await Promise.all(Array.from({ length: 4 }, () => app.person('laurel', 'member')))
  let isDone = false
  const held = new Map<string, any>()
  const following = (async () => {
    let { cursor } = start
    for (let last = false; ; ) {
      const step = await followed(app.guest(), cursor, channelId, 3)
      for (const [id, message] of step.held) held.set(id, message)
      cursor = step.cursor
      if (last) return
      last = isDone
    }
  })()
  await Promise.all(
    fans.map(async (each, n) => {
      for (let round = 0; round < 5; round++) {
        const { body } = await post(each, `Said ${n}.${round}`, channelId)
        await react(fans[(n + 1) % 4]!, body.message.id, 'like')
        if ((n + round) % 3 === 0) await moderate(owner, body.message, { status: 'hidden' })
      }
    }),
  )
  isDone = true
  await following
  const rows = await stored(app, 'laurel', channelId)
  expect(rows).toHaveLength(20)
  expect(rows.map(({ seq }) => held.get(rows.find((row) => row.seq === seq)!.id)?.seq)).toEqual(
    rows.map(({ seq }) => seq),
  )
  for (const { id, status, body } of rows)
    expect(held.get(id)).toMatchObject({ status, body: status === 'hidden' ? null : body })
  expect(new Set(rows.map(({ atSeq }) => atSeq)).size).toBe(20)
})
