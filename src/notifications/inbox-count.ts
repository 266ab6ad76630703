import { z } from 'zod'
import { read } from '../operation/define.ts'
import { countUnread } from './inbox/store.ts'
import { OWN } from './schema.ts'

export const inboxCount = read({
  id: 'notifications.inbox.count',
  tool: 'notifications_inbox_count',
  surface: 'notifications',
  summary: 'Count the own notifications that are not read yet.',
  boundaries: ['Counts the caller’s own alone.'],
  http: { method: 'GET', path: '/api/notifications/inbox/unread' },
  access: OWN,
  input: z.strictObject({}),
  output: z.object({ ok: z.literal(true), unread: z.int() }),
  errors: ['unauthenticated', 'forbidden'],
  audit: { none: 'A read changes nothing.' },
  run: async ({ db, org, principal }) => ({
    ok: true as const,
    unread: await countUnread(db, org, principal.userId ?? ''),
  }),
})
