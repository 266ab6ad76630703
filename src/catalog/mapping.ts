import { z } from 'zod'
import type { Context } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import type { PlanBlocker, PlanDraft } from '../operation/plan.ts'
import { stripeOf } from '../stripe/client.ts'
import type { FindingRef } from '../sync-jobs/engine/findings.ts'
import { type CommerceChange, findingField, planCommerce } from './commerce.ts'
import { itemsMappedTo } from './items.ts'
import { formatPrice } from './money.ts'
import { refOf, type SourceKind } from './rules.ts'
import { Key, PriceId } from './schema.ts'

export const mappingFields = {
  key: Key.describe('The item'),
  stripePriceId: PriceId.nullable().optional().describe('The price to map it to; null removes the mapping'),
  createPrice: z
    .literal(true)
    .optional()
    .describe('In place of stripePriceId: a price is made at Stripe as the catalog has it, and mapped'),
  ...findingField,
}

type Mapping = {
  key: string
  stripePriceId?: string | null | undefined
  createPrice?: true | undefined
  finding?: FindingRef | undefined
}

/** The plan of mapping an item to a price that is given, or to one that is made. */
export async function planMapping(
  ctx: Context,
  sourceKind: SourceKind,
  { key, stripePriceId, createPrice, finding }: Mapping,
): Promise<PlanDraft & { subject: CommerceChange }> {
  if ((stripePriceId === undefined) === (createPrice === undefined))
    fail('validation-failed', {
      detail: 'Give either stripePriceId or createPrice.',
      errors: [{ pointer: '/stripePriceId', message: 'or createPrice is needed, and not both' }],
    })
  const ref = { sourceKind, key }
  if (createPrice) {
    const blockers: PlanBlocker[] = stripeOf(ctx.deps, ctx.org) ? [] : [UNCONFIGURED]
    const plan = await planCommerce(ctx, ref, {}, { finding, anew: true, blockers: () => blockers })
    const { title } = plan.target
    const said = `mapping ${title} to a new price at Stripe`
    return {
      ...plan,
      targetSummary: `M${said.slice(1)}.`,
      confirmationText: `I confirm ${said} of ${formatPrice(plan.subject.next)}.`,
    }
  }
  const others =
    typeof stripePriceId === 'string'
      ? (await itemsMappedTo(ctx.db, ctx.org, [stripePriceId])).filter((item) => refOf(item) !== refOf(ref))
      : []
  return planCommerce(
    ctx,
    ref,
    { stripePriceId },
    { finding, warnings: () => others.map(({ title }) => `${title} is mapped to the same price.`) },
  )
}

const UNCONFIGURED: PlanBlocker = {
  code: 'plan-blocked',
  message: 'This deployment has no Stripe account of the organisation; give the id of a price.',
}
