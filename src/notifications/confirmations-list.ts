import { z } from 'zod'
import { readCursor, signCursor } from '../operation/cursor.ts'
import { read } from '../operation/define.ts'
import {
  CONFIRM_WITHIN_MS,
  confirmBy,
  confirmToken,
  confirmUrl,
  unsubscribeToken,
  unsubscribeUrl,
} from './links.ts'
import { Cursor, Limit } from './schema.ts'
import { listPending } from './store.ts'

export const confirmationsList = read({
  id: 'notifications.confirmations.list',
  tool: 'notifications_confirmations_list',
  surface: 'notifications',
  summary: 'List subscriptions that wait for confirmation, with the link to deliver to each address.',
  boundaries: [
    'This server sends no mail: whatever delivers mail reads this list, goes on from nextCursor, and sends the links.',
    'A link confirms its address for whoever opens it, so agents get no scope for this by consent.',
  ],
  http: { method: 'GET', path: '/api/notifications/confirmations' },
  access: { auth: 'artist-admin-or-approved-automation', scope: 'notifications:deliver' },
  input: z.strictObject({ cursor: Cursor.optional(), limit: Limit.optional() }),
  output: z.object({
    ok: z.literal(true),
    confirmations: z.array(
      z.object({
        subscriberId: z.string(),
        email: z.string(),
        timeZone: z.string(),
        askedAt: z.string(),
        goodUntil: z.string(),
        confirmUrl: z.string(),
        unsubscribeUrl: z.string(),
      }),
    ),
    /** Goes on after these; there as soon as anything was listed, since more may come. */
    nextCursor: z.string().nullable(),
  }),
  errors: ['cursor-invalid', 'unauthenticated', 'forbidden', 'scope-missing'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, { cursor, limit = 50 }) {
    const listing = { list: 'subscription-confirmations' }
    const at = readCursor(ctx, listing, cursor, z.tuple([z.coerce.date(), z.string()]))
    const rows = await listPending(ctx.db, ctx.org, {
      since: new Date(ctx.now.getTime() - CONFIRM_WITHIN_MS),
      after: at && { askedAt: at[0], id: at[1] },
      limit,
    })
    const { sealing } = ctx.deps
    const { origin } = ctx.call
    const last = rows.at(-1)
    return {
      ok: true as const,
      confirmations: rows.map((row) => ({
        subscriberId: row.id,
        email: row.email,
        timeZone: row.timeZone,
        askedAt: row.askedAt.toISOString(),
        goodUntil: confirmBy(row).toISOString(),
        confirmUrl: confirmUrl(origin, confirmToken(sealing, row)),
        unsubscribeUrl: unsubscribeUrl(origin, unsubscribeToken(sealing, row)),
      })),
      nextCursor: last ? signCursor(ctx, listing, [last.askedAt.toISOString(), last.id]) : (cursor ?? null),
    }
  },
})
