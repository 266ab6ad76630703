import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { CHAT, moderate, post } from '../../test/harness/community.ts'

let app: TestApp
let owner: Caller

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  await app.event('laurel', { communityChannelId: 'general' })
  const first = (await post(owner, 'Pinned words')).body.message
  await moderate(owner, first, { pinned: true })
  const second = (await post(owner, 'Flagged words')).body.message
  await moderate(owner, second, { status: 'flagged' })
})
afterAll(() => app.close())

const manifest = async (who: Caller): Promise<any> => {
  const { status, body } = await who.call('GET', CHAT)
  expect(status).toBe(200)
  return body
}
const enabled = ({ operations }: any): string[] =>
  operations.filter((each: any) => each.enabled).map(({ id }: any) => id)

describe('[CM-22] the manifest of community chat', () => {
  test('has the conventions of every manifest, its channels with their events, and what was said', async () => {
    const body = await manifest(app.guest())
    expect(body).toMatchObject({
      ok: true,
      version: 'agent-community-chat.v1',
      surface: {
        id: 'community-chat',
        artistId: 'laurel',
        safeForAgent: true,
        browserAutomationRequired: false,
      },
      principal: { source: 'guest', userId: null, capabilities: { readCommunityChat: true } },
      community: {
        id: 'community_laurel_public',
        unlocked: true,
        defaultChannelId: 'general',
        maxActiveChannels: 4,
        channels: [
          {
            id: 'general',
            isDefault: true,
            flaggedMessages: null,
            linkedEvents: [{ title: 'Laurel Studio Room' }],
          },
        ],
        pinnedMessages: [{ body: 'Pinned words' }],
        recentMessages: [{ body: 'Pinned words' }, { body: 'Flagged words' }],
      },
    })
    expect(body.operations.map(({ id }: any) => id)).toEqual([
      'community.chat.read',
      'community.messages.read',
      'community.messages.post',
      'community.messages.react',
      'community.messages.moderate',
      'community.channels.manage',
    ])
    for (const { endpoint } of body.operations) expect(endpoint.href).toMatch(app.url)
    expect((await manifest(owner)).community.channels[0].flaggedMessages).toBe(1)
  })

  test('says of each operation and capability what holds for the caller', async () => {
    const automation = await app.key({ org: 'laurel', role: 'automation' })
    const fan = await app.person('laurel', 'member')
    const reads = ['community.chat.read', 'community.messages.read']
    const talks = ['community.messages.post', 'community.messages.react']
    const runs = ['community.messages.moderate', 'community.channels.manage']
    expect(enabled(await manifest(app.guest()))).toEqual(reads)
    expect(enabled(await manifest(fan))).toEqual([...reads, ...talks])
    expect(enabled(await manifest(automation))).toEqual([...reads, ...runs])
    expect(enabled(await manifest(owner))).toEqual([...reads, ...talks, ...runs])
    expect((await manifest(fan)).principal.capabilities).toEqual({
      readCommunityChat: true,
      readHiddenMessages: false,
      postCommunityMessage: true,
      reactToCommunityMessage: true,
      moderateCommunityChat: false,
      manageCommunityChannels: false,
    })
  })

  test('is a resource of MCP, and the surface stands in the list', async () => {
    const { body } = await app.guest().call('GET', '/api/agent/surfaces')
    expect(body.surfaces).toContainEqual(
      expect.objectContaining({
        id: 'community-chat',
        manifest: `${app.url}${CHAT}`,
        resourceUri: 'fanful://agent/community-chat/manifest',
      }),
    )
  })

  test('an unknown channel to focus on is not found', async () => {
    expect((await app.guest().call('GET', `${CHAT}?channelId=nowhere`)).status).toBe(404)
  })
})
