import { z } from 'zod'
import type { OperationAccess } from '../operation/define.ts'
import { PlanSchema } from '../operation/plan.ts'
import { secret } from '../operation/redact.ts'
import { isCurrency, MOST } from './money.ts'
import { INTERVALS, SOURCE_KINDS, STATUSES } from './rules.ts'

export const READS = {
  auth: 'artist-admin-or-approved-automation',
  scope: 'catalog:read',
} as const satisfies OperationAccess
export const WRITES = {
  auth: 'artist-admin-or-approved-automation',
  scope: 'catalog:write',
} as const satisfies OperationAccess

/** The family of every write of this surface. */
export const CONTRACT_ID = 'creator.commerce.catalog'

export const Kind = z.enum(SOURCE_KINDS)
export const Key = z
  .string()
  .max(80)
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'lower-case letters, digits and single inner hyphens')
export const Title = z.string().trim().min(1).max(180)
export const Status = z.enum(STATUSES)
export const Interval = z.enum(INTERVALS)
export const AmountCents = z
  .int()
  .min(0)
  .max(MOST)
  .describe('In the smallest unit of the currency: 80.00 USD is 8000, 80 JPY is 80')
export const Currency = z
  .string()
  .regex(/^[a-z]{3}$/, 'lower-case ISO 4217 code')
  .refine(isCurrency, 'must be an ISO 4217 currency')

/** Taken and stored, shown only redacted. At least one character more than what is shown of it. */
export const PriceId = secret(
  z
    .string()
    .max(255)
    .regex(/^price_[A-Za-z0-9_]{5,}$/, 'must be the id of a price at Stripe'),
).describe('Stored, and shown only as price_… and its last four characters')

export const DateTime = z.iso.datetime({ offset: true })
export const ExpectedVersion = z.int().min(1).optional().describe('Refuse with 412 when the item moved on')
export const ObservedUpdatedAt = DateTime.optional().describe('Refuse with 412 when the item changed since')
export const DryRun = z.boolean().optional().describe('Answer the plan and change nothing')

const count = z.int().min(0).max(1_000_000_000)
const detailsFields = {
  description: z.string().trim().min(1).max(2000),
  durationMinutes: z.int().min(1).max(1440),
  bookedSessions: count,
  format: z.enum(['digital', 'physical']),
  benefits: z.array(z.string().trim().min(1).max(200)).max(20),
  members: count,
}
export const Details = z
  .strictObject(detailsFields)
  .partial()
  .describe(
    'Of all: description. Of lessons: durationMinutes, bookedSessions. Of store items: format. Of tiers: benefits, members',
  )

/** An item as those see it who administer; guests see it without its mapping, status and counts of people. */
export const ItemSchema = z.object({
  id: z.string().describe('Its kind and its key'),
  sourceKind: Kind,
  key: z.string(),
  title: z.string(),
  status: Status,
  active: z.boolean(),
  visible: z.boolean(),
  amountCents: z.number().int(),
  currency: z.string(),
  interval: Interval.nullable(),
  price: z.string().describe('As people read it'),
  hasStripePrice: z.boolean(),
  redactedStripePriceId: z.string().nullable(),
  details: z.object(detailsFields).partial(),
  version: z.number().int(),
  createdAt: z.string(),
  updatedAt: z.string(),
})

/** What an operation answers that wrote an item, or its plan. */
export const WriteOutput = z.object({
  ok: z.literal(true),
  mode: z.enum(['applied', 'preview']),
  plan: PlanSchema,
  item: ItemSchema.optional(),
})
