import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { post, react, read } from '../../test/harness/community.ts'

let app: TestApp
let owner: Caller
let fans: Caller[]

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  fans = await Promise.all(Array.from({ length: 5 }, () => app.person('laurel', 'member')))
})
afterAll(() => app.close())

describe('reacting', () => {
  test('[CM-16] each reaction counts once per person, however often it is given at once, and is taken back', async () => {
    const { id } = (await post(owner, 'React to me')).body.message
    const replies = await Promise.all(fans.flatMap((fan) => [1, 2, 3].map(() => react(fan, id, 'love'))))
    expect(replies.filter(({ body }) => body.changed)).toHaveLength(5)
    expect((await react(fans[0]!, id, 'love', false)).body).toMatchObject({
      changed: true,
      message: { reactions: { love: 4 } },
    })
    expect((await react(fans[0]!, id, 'love', false)).body.changed).toBe(false)
    const [message] = (await read(fans[1]!)).body.messages
    expect(message).toMatchObject({ reactions: { love: 4 }, ownReactions: ['love'] })
  })

  test('[CM-16] only known reactions, and only people', async () => {
    const { id } = (await post(owner, 'And me')).body.message
    expect((await react(fans[0]!, id, 'facepalm')).status).toBe(400)
    const automation = await app.key({ org: 'laurel', role: 'automation' })
    const agent = await app.key({ org: 'laurel', role: 'agent' })
    const codes = []
    for (const who of [automation, agent, app.guest()]) codes.push((await react(who, id, 'like')).body.code)
    expect(codes).toEqual(['forbidden', 'forbidden', 'unauthenticated'])
  })

  test('[CM-6] reactions have a pace of their own', async () => {
    const { id } = (await post(owner, 'Many')).body.message
    const fan = await app.person('laurel', 'member')
    const started = Date.now()
    const replies = await Promise.all(
      Array.from({ length: 60 }, (_, n) => react(fan, id, 'like', n % 2 === 0)),
    )
    // on a machine that takes its time one more becomes free every second
    const freed = Math.floor((Date.now() - started) / 1_000)
    const done = replies.filter(({ status }) => status === 200).length
    expect(done).toBeGreaterThanOrEqual(20)
    expect(done).toBeLessThanOrEqual(20 + freed)
    for (const { status, body } of replies) if (status !== 200) expect(body.code).toBe('rate-limited')
    expect((await post(fan, 'Still talking')).status).toBe(201)
  })
})
