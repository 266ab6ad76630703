import { randomBytes } from 'node:crypto'
import { enqueue } from '../../jobs/send.ts'
import type { Context } from '../../operation/define.ts'
import type { CatalogItem } from '../rules.ts'
import type { StripeWrite } from './rules.ts'
import { insertWrite } from './store.ts'

export const STRIPE_WRITES = 'catalog.stripe-writes'

/**
 * Notes, in the transaction of a confirmed write, that the item's price is wanted at Stripe. A job does it once that
 * committed.
 */
export async function askStripe(ctx: Context, operationId: string, item: CatalogItem): Promise<StripeWrite> {
  const write = await insertWrite(
    ctx.db,
    {
      org: ctx.org,
      id: `stripe-write-${randomBytes(8).toString('hex')}`,
      sourceKind: item.sourceKind,
      key: item.key,
      amountCents: item.amountCents,
      currency: item.currency,
      interval: item.interval,
      replaces: item.stripePriceId,
      productName: item.title,
      operationId,
      requestedBy: ctx.principal.displayName,
      sessionId: ctx.call.sessionId ?? null,
    },
    ctx.now,
  )
  await enqueue(ctx.db, STRIPE_WRITES, { org: ctx.org, id: write.id })
  return write
}
