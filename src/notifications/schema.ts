import { z } from 'zod'
import { TimeZone } from '../live/schema.ts'

export { TimeZone }

/** What people do with their own follows, inboxes and devices: signed in, by themselves or by a key of theirs. */
export const OWN = { auth: 'signed-in-listener' } as const

export const Email = z
  .string()
  .trim()
  .toLowerCase()
  .max(254)
  .pipe(z.email())
  .describe('Address to follow with; a signed-in person may leave out the own one')

/** A signed link's text: base64url of what it stands for and its signature. */
export const LinkToken = z
  .string()
  .min(20)
  .max(600)
  .regex(/^[\w-]+\.[\w-]+$/, 'must be the token of a link')

export const Cursor = z.string().max(600)
export const Limit = z.int().min(1).max(100)
export const Id = z.string().min(1).max(120)

/** A subscription as its owner sees it. */
export const SubscriptionSchema = z.object({
  status: z.enum(['pending', 'confirmed', 'unsubscribed']),
  timeZone: z.string(),
})
