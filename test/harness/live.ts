import sql from 'sql-template-tag'
import type { LiveEvent } from '../../src/live/rules.ts'
import type { Caller, Reply, TestApp } from './app.ts'

export const ADMIN = '/api/admin/live-events'

/** The whole update of an event as the admin route takes it, all of it as it is. */
export const whole = (event: LiveEvent, changes: Record<string, unknown> = {}): Record<string, unknown> => ({
  id: event.id,
  title: event.title,
  status: event.status,
  streamProvider: event.streamProvider,
  chatEnabled: event.chatEnabled,
  subscriberOnly: event.subscriberOnly,
  communityChannelId: event.communityChannelId,
  ...changes,
})

/** What the live audit answers to a query. */
export async function liveAudit(caller: Caller, query = ''): Promise<Reply['body'][]> {
  const { status, body } = await caller.call('GET', `${ADMIN}/audit${query}`)
  if (status !== 200) throw new Error(`audit: ${JSON.stringify(body)}`)
  return body.actions
}

/** A further active channel of an organisation. */
export async function addChannel(app: TestApp, org: string, id: string): Promise<void> {
  await app.deps.db.query(sql`
    INSERT INTO community_channels (org, id, title, position, created_at, updated_at)
    SELECT ${org}, ${id}, ${id}, max(position) + 1, now(), now() FROM community_channels WHERE org = ${org}`)
}
