import { z } from 'zod'
import { presentPreview } from '../live/present-preview.ts'
import type { Context, WriteOperation } from '../operation/define.ts'
import { EnvelopeSchema } from '../operation/envelope.ts'
import { fail } from '../operation/errors.ts'
import type { Plan, PlanBlocker, PlanChange, PlanDraft } from '../operation/plan.ts'
import { stripeOf } from '../stripe/client.ts'
import { type FindingRef, type FindingRow, requireFreshFinding } from '../sync-jobs/engine/findings.ts'
import { changeItem } from './apply.ts'
import { formatPrice } from './money.ts'
import { type ItemChange, type Named, planUpdate, requireItem } from './plan.ts'
import { redactPriceId } from './redact.ts'
import { type CatalogItem, type ItemRef, refOf, SOURCE_KINDS } from './rules.ts'
import { DateTime, WriteOutput } from './schema.ts'
import { askStripe } from './stripe/ask.ts'
import { type Effect, effectOf } from './stripe/rules.ts'
import { presentWrite, StripeWriteSchema } from './stripe/view.ts'
import { type ItemView, presentItem } from './view.ts'

/** Where the manifest is read and every write of the surface is previewed and confirmed. */
export const COMMERCE = '/api/agent/creator-commerce'

/** What every confirmed write of an item that there is carries beside its arguments. */
export const confirmFields = {
  observedUpdatedAt: DateTime.describe('updatedAt of the item as it was previewed'),
  envelope: EnvelopeSchema,
}

/** What a write of an item that there is may say of itself: which finding of a sync job it is to end. */
export const findingField = {
  finding: z
    .strictObject({
      jobId: z.string().min(1).max(200),
      fingerprint: z.string().min(1).max(200),
      evidenceHash: z.string().min(1).max(200),
    })
    .optional()
    .describe(
      'The finding that it fixes, as it was read; refused with 412 when its evidence is another by now',
    ),
}

/** What becomes of a confirmed write at Stripe. */
export const StripeOutcome = z.object({
  status: z.enum(['pending', 'not-configured', 'not-mapped', 'not-affected']),
  note: z.string(),
  write: StripeWriteSchema.optional().describe('Read what became of it by catalog.stripe-writes.list'),
})

export const CommerceOutput = WriteOutput.extend({ stripe: StripeOutcome.optional() })

export const PREVIEW_ERRORS = ['not-found', 'validation-failed', 'stale', 'conflict'] as const

export const CONFIRM_ERRORS = [
  'conflict',
  'not-found',
  'stale',
  'plan-blocked',
  'validation-failed',
  'approval-required',
] as const

export const PREVIEW_AUDIT = {
  none: 'A preview changes nothing.',
  attribution: 'Not recorded; the write that follows is, with its preview’s digest.',
}

export const RECORD = 'catalog_items + stripe_writes + agent_write_idempotency_keys'

export const present = (plan: Plan, write: Pick<WriteOperation, 'audit'>, event: string) =>
  presentPreview('agent-creator-commerce-preview.v1', plan, write, event)

/** What a planner of the surface hands to apply. */
export type CommerceChange = ItemChange & { effect: Effect }

type Asked = {
  /** It is fresh and concerns the item, or nothing is planned. */
  finding?: FindingRef | undefined
  /** Make the price at Stripe even if the catalog has it already, or none is mapped. */
  anew?: boolean
  warnings?: (item: CatalogItem) => readonly string[]
  blockers?: (item: CatalogItem) => readonly PlanBlocker[]
}

/** For a finding a price is made at Stripe even if the catalog has it already. */
export const asked = (anewFor: FindingRef | undefined, finding: FindingRef | undefined = anewFor): Asked => ({
  finding,
  anew: anewFor !== undefined,
})

/** The plan of changing an item, with what it does at Stripe said beforehand. */
export async function planCommerce(
  ctx: Context,
  ref: ItemRef,
  named: Named,
  { finding, anew = false, warnings, blockers }: Asked = {},
): Promise<PlanDraft & { subject: CommerceChange }> {
  const fixed = finding && (await requireFreshFinding(ctx, finding))
  if (fixed && !concerns(fixed, ref))
    fail('validation-failed', {
      detail: `The finding is not of ${refOf(ref)}.`,
      errors: [{ pointer: '/finding/fingerprint', message: 'is of something else' }],
    })
  const before = await requireItem(ctx, ref)
  const configured = stripeOf(ctx.deps, ctx.org) !== undefined
  const plan = planUpdate(ctx, before, named, {
    mayStay: anew && configured,
    ...(warnings ? { warnings: warnings(before) } : {}),
    ...(blockers ? { blockers: blockers(before) } : {}),
  })
  const effect = effectOf(before, plan.subject.next, plan.subject.fields, { configured, anew })
  const isTold = effect.makesPrice || effect.status === 'not-configured'
  return {
    ...plan,
    subject: { ...plan.subject, effect },
    arguments: {
      ...plan.arguments,
      stripe: effect.makesPrice ? 'make-price' : effect.status,
      ...(finding ? { finding } : {}),
    },
    changes: [...plan.changes, ...(effect.makesPrice ? [atStripe(before, plan.subject)] : [])],
    affectedSurfaces: [...(plan.affectedSurfaces ?? []), ...(effect.makesPrice ? ['prices at Stripe'] : [])],
    warnings: [...(plan.warnings ?? []), ...(isTold ? [effect.note] : [])],
    details: {
      stripe: effect.makesPrice ? { makesPrice: true, note: effect.note } : { ...effect },
      ...(fixed ? { finding: { class: fixed.class, summary: fixed.summary } } : {}),
    },
  }
}

/** A finding of an item is fixed by a write of that item; one of what is at Stripe by whichever item it names. */
const concerns = ({ sourceKind, key }: FindingRow, ref: ItemRef): boolean =>
  !(SOURCE_KINDS as readonly string[]).includes(sourceKind) ||
  (sourceKind === ref.sourceKind && (key === ref.key || key === refOf(ref)))

const atStripe = ({ stripePriceId }: CatalogItem, { next }: ItemChange): PlanChange => ({
  target: 'Stripe',
  op: stripePriceId === null ? 'create' : 'update',
  pointer: '/stripe/price',
  label: 'price at Stripe',
  before: stripePriceId === null ? null : redactPriceId(stripePriceId),
  after: `a new price of ${formatPrice(next)}`,
})

type Applied = { output: z.input<typeof CommerceOutput>; previous: ItemView; next: ItemView }

/** Writes what was planned into the catalog, and notes what is wanted at Stripe, in the same transaction. */
export async function applyCommerce(
  ctx: Context,
  plan: Plan,
  { effect, ...change }: CommerceChange,
): Promise<Applied> {
  const after = change.fields.length > 0 ? await changeItem(ctx, plan, change) : change.before
  const stripe = effect.makesPrice
    ? {
        status: 'pending' as const,
        note: effect.note,
        write: presentWrite(await askStripe(ctx, plan.operationId, after)),
      }
    : { status: effect.status, note: effect.note }
  const item = presentItem(after)
  return {
    output: { ok: true as const, mode: 'applied' as const, plan, item, stripe },
    previous: presentItem(change.before),
    next: item,
  }
}
