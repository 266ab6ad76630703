import sql from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { ADMIN, liveAudit, whole } from '../../test/harness/live.ts'
import type { LiveEvent } from './rules.ts'

let app: TestApp
let owner: Caller
let event: LiveEvent

beforeAll(async () => {
  app = await testApp()
  for (const org of ['laurel', 'juniper']) await app.org(org)
  owner = await app.person('laurel', 'owner')
  event = await app.event('laurel')
  const other = await app.event('laurel', { id: 'another-00000001' })
  for (let n = 0; n < 7; n++) {
    const changes = { title: `Title ${n}`, communityChannelId: n % 2 ? null : 'general' }
    expect((await owner.call('PATCH', ADMIN, whole(event, changes))).status).toBe(200)
  }
  await owner.call('PATCH', `${ADMIN}/status`, { id: other.id, status: 'live', confirmed: true })
  // refused, and so no action
  await owner.call('PATCH', `${ADMIN}/status`, { id: other.id, status: 'scheduled', confirmed: true })
  // what moderation of a room's note writes
  await app.deps.db.query(sql`
    INSERT INTO audit_log (org, occurred_at, outcome, event, operation_id, tool, principal, target_kind, target_id, next, request_id)
    VALUES ('laurel', now(), 'applied', 'live_note_moderate', 'live.chat.moderation.manage', 'live_chat_moderation_manage',
            '{"source":"first-party-session","role":"creator","displayName":"Ada"}', 'live-note', 'note-1',
            ${JSON.stringify({ id: 'note-1', eventId: event.id, status: 'hidden' })}, 'request-1')`)
})
afterAll(() => app.close())

describe('the live audit', () => {
  test('[LA-13] pages of any size give the same entries, newest first', async () => {
    const all = await liveAudit(owner, '?limit=100')
    expect(all).toHaveLength(9)
    expect(all.map(({ id }) => id)).toEqual(all.map(({ id }) => id).sort((a, b) => b - a))
    for (const limit of [1, 2, 4]) {
      const read: any[] = []
      for (let cursor = ''; ; ) {
        const { body } = await owner.call('GET', `${ADMIN}/audit?limit=${limit}${cursor}`)
        expect(body.actions.length).toBeLessThanOrEqual(limit)
        read.push(...body.actions)
        if (body.nextCursor === null) break
        cursor = `&cursor=${encodeURIComponent(body.nextCursor)}`
      }
      expect(read).toEqual(all)
    }
  })

  test('[LA-13] every filter holds, also together', async () => {
    const count = async (query: string): Promise<number> => (await liveAudit(owner, query)).length
    expect(await count(`?eventId=${event.id}`)).toBe(8)
    expect(await count('?messageId=note-1')).toBe(1)
    expect(await count('?communityChannelId=general')).toBe(7)
    expect(await count('?action=community_channel_link')).toBe(4)
    expect(await count('?action=community_channel_unlink')).toBe(3)
    expect(await count('?action=event_update')).toBe(7)
    expect(await count('?action=status_transition')).toBe(1)
    expect(await count(`?action=status_transition&eventId=${event.id}`)).toBe(0)
    expect(await liveAudit(owner, '?action=live_note_moderate')).toMatchObject([
      { eventId: event.id, messageId: 'note-1', action: 'live_note_moderate' },
    ])
  })

  test('[LA-13] a cursor of other filters is refused', async () => {
    const { body } = await owner.call('GET', `${ADMIN}/audit?limit=1`)
    const path = `${ADMIN}/audit?limit=1&eventId=${event.id}&cursor=${encodeURIComponent(body.nextCursor)}`
    expect((await owner.call('GET', path)).body.code).toBe('cursor-invalid')
  })

  test('[LA-14] nothing of another organisation, and nothing for who does not administer', async () => {
    const stranger = await app.person('juniper', 'owner')
    expect(await liveAudit(stranger)).toEqual([])
    expect((await stranger.call('GET', `${ADMIN}/audit?eventId=${event.id}`)).status).toBe(404)
    const member = await app.person('laurel', 'member')
    expect((await member.call('GET', `${ADMIN}/audit`)).status).toBe(403)
    expect((await app.guest().call('GET', `${ADMIN}/audit`)).status).toBe(401)
  })
})
