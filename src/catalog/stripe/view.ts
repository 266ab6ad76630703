import { z } from 'zod'
import { formatPrice } from '../money.ts'
import { redactPriceId } from '../redact.ts'
import { refOf } from '../rules.ts'
import { Interval } from '../schema.ts'
import { type StripeWrite, WRITE_STATUSES } from './rules.ts'

/** A write at Stripe as it may be shown. */
export const StripeWriteSchema = z.object({
  id: z.string(),
  itemId: z.string(),
  status: z
    .enum(WRITE_STATUSES)
    .describe('mapped: the catalog has the new price, the old one is still to be archived'),
  outcome: z.enum(['created', 'kept']).nullable().describe('kept: the mapped price was as wanted already'),
  amountCents: z.number().int(),
  currency: z.string(),
  interval: Interval.nullable(),
  price: z.string(),
  redactedReplacedPriceId: z.string().nullable(),
  redactedMadePriceId: z.string().nullable(),
  toArchive: z.boolean().describe('A price is still to be archived at Stripe'),
  attempts: z.number().int(),
  nextAttemptAt: z.string().nullable(),
  error: z.object({ kind: z.string(), nextAction: z.string() }).nullable(),
  operationId: z.string(),
  requestedBy: z.string(),
  sessionId: z.string().nullable(),
  createdAt: z.string(),
  updatedAt: z.string(),
  finishedAt: z.string().nullable(),
})

const shown = (id: string | null): string | null => (id === null ? null : redactPriceId(id))

export function presentWrite(write: StripeWrite): z.input<typeof StripeWriteSchema> {
  const isOpen = write.status === 'pending' || write.archivePriceId !== null
  return {
    id: write.id,
    itemId: refOf(write),
    status: write.status,
    outcome: write.outcome,
    amountCents: write.amountCents,
    currency: write.currency,
    interval: write.interval,
    price: formatPrice(write),
    redactedReplacedPriceId: shown(write.replaces),
    redactedMadePriceId: shown(write.madePriceId),
    toArchive: write.archivePriceId !== null,
    attempts: write.attempts,
    nextAttemptAt: isOpen ? write.nextAt.toISOString() : null,
    error:
      write.errorKind === null
        ? null
        : { kind: write.errorKind, nextAction: NEXT_ACTIONS[write.errorKind] ?? OTHERWISE },
    operationId: write.operationId,
    requestedBy: write.requestedBy,
    sessionId: write.sessionId,
    createdAt: write.createdAt.toISOString(),
    updatedAt: write.updatedAt.toISOString(),
    finishedAt: write.finishedAt?.toISOString() ?? null,
  }
}

const NEXT_ACTIONS: Record<string, string> = {
  limited: 'Stripe asked for a pause; it goes on by itself.',
  unavailable: 'Stripe could not be reached; scan, and confirm the price again for the finding.',
  unauthorized: 'Ask the operator to correct the key of the organisation, then confirm the price again.',
  forbidden: 'Ask the operator for a key that may write prices, then confirm the price again.',
  'not-configured': 'Ask the operator to configure the Stripe account, then confirm the price again.',
  invalid: 'Stripe does not take this price; look at its amount and currency, then confirm it again.',
}
const OTHERWISE = 'Scan the catalog against Stripe and decide again.'
