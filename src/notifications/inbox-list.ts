import { z } from 'zod'
import { readCursor, signCursor } from '../operation/cursor.ts'
import { read } from '../operation/define.ts'
import { listItems } from './inbox/store.ts'
import { Cursor, Limit, OWN } from './schema.ts'

export const inboxList = read({
  id: 'notifications.inbox.list',
  tool: 'notifications_inbox_list',
  surface: 'notifications',
  summary: 'List the own notifications, newest first.',
  boundaries: ['Shows the caller’s own alone, as they were told: in the zone of the subscription.'],
  http: { method: 'GET', path: '/api/notifications/inbox' },
  access: OWN,
  input: z.strictObject({
    unread: z.boolean().optional().describe('Only those not read yet'),
    cursor: Cursor.optional(),
    limit: Limit.optional(),
  }),
  output: z.object({
    ok: z.literal(true),
    notifications: z.array(
      z.object({
        id: z.string(),
        eventId: z.string(),
        title: z.string(),
        body: z.string(),
        startsAt: z.string().nullable(),
        timeZone: z.string(),
        createdAt: z.string(),
        readAt: z.string().nullable(),
      }),
    ),
    nextCursor: z.string().nullable(),
  }),
  errors: ['cursor-invalid', 'unauthenticated', 'forbidden'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, { unread = false, cursor, limit = 25 }) {
    const userId = ctx.principal.userId ?? ''
    const listing = { list: 'notifications', filters: { userId, unread } }
    const at = readCursor(ctx, listing, cursor, z.tuple([z.coerce.date(), z.string()]))
    const before = at && { createdAt: at[0], id: at[1] }
    const rows = await listItems(ctx.db, ctx.org, userId, { before, unread, limit: limit + 1 })
    const shown = rows.slice(0, limit)
    const last = rows.length > limit ? shown.at(-1) : undefined
    return {
      ok: true as const,
      notifications: shown.map(({ startsAt, createdAt, readAt, ...item }) => ({
        ...item,
        startsAt: startsAt?.toISOString() ?? null,
        createdAt: createdAt.toISOString(),
        readAt: readAt?.toISOString() ?? null,
      })),
      nextCursor: last ? signCursor(ctx, listing, [last.createdAt.toISOString(), last.id]) : null,
    }
  },
})
