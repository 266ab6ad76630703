import { z } from 'zod'
import { record } from '../operation/define.ts'
import { countUnread, markRead } from './inbox/store.ts'
import { Id, OWN } from './schema.ts'

export const inboxMark = record({
  id: 'notifications.inbox.mark',
  tool: 'notifications_inbox_mark_read',
  surface: 'notifications',
  summary: 'Mark own notifications as read: some, or all.',
  boundaries: ['What is not the caller’s, or is read already, stays as it is.'],
  http: { method: 'POST', path: '/api/notifications/inbox/read' },
  access: OWN,
  input: z
    .strictObject({ ids: z.array(Id).min(1).max(100).optional(), all: z.literal(true).optional() })
    .refine(({ ids, all }) => (ids === undefined) !== (all === undefined), {
      path: ['ids'],
      message: 'give either ids or all',
    }),
  output: z.object({
    ok: z.literal(true),
    marked: z.int().describe('How many were not read before'),
    unread: z.int(),
  }),
  errors: ['unauthenticated', 'forbidden', 'idempotency-mismatch'],
  audit: { none: 'What a person has read is nobody else’s business.' },
  async run({ db, org, principal, now }, { ids }) {
    const userId = principal.userId ?? ''
    const marked = await markRead(db, org, userId, { ids, now })
    return { ok: true as const, marked, unread: await countUnread(db, org, userId) }
  },
})
