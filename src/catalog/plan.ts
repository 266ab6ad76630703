import type { Context } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import type { PlanBlocker, PlanDraft } from '../operation/plan.ts'
import { amountMistake } from './money.ts'
import {
  type CatalogItem,
  type Details,
  type ItemRef,
  refOf,
  type SourceKind,
  type Written,
} from './rules.ts'
import { findItem } from './store.ts'
import {
  affected,
  changedFields,
  changesOf,
  createWording,
  FIELDS,
  type Field,
  KIND_NAMES,
  sorted,
  updateWording,
} from './wording.ts'

/** What a planner hands to apply: the item as it was read (and locked), and as it is to be. */
export type ItemChange = { before: CatalogItem; next: Written; fields: readonly Field[] }

const SURFACES = ['creator-commerce manifest', 'public catalog']
export const REDACTIONS = ['stripePriceId']

export const targetOf = (item: Pick<Written, 'sourceKind' | 'key' | 'title'>) => ({
  kind: item.sourceKind,
  id: refOf(item),
  title: item.title,
})

export const observedOf = (item: CatalogItem): PlanDraft['observed'][number] => ({
  kind: item.sourceKind,
  id: refOf(item),
  version: item.version,
  updatedAt: item.updatedAt.toISOString(),
})

/** The item, or 404; locked when the plan is about to be applied. */
export async function requireItem(ctx: Context, ref: ItemRef, pointer = '/key'): Promise<CatalogItem> {
  const item = await findItem(ctx.db, ctx.org, ref, ctx.lock)
  return (
    item ??
    fail('not-found', {
      detail: `There is no ${KIND_NAMES[ref.sourceKind]} ${ref.key}.`,
      errors: [{ pointer, message: `unknown ${KIND_NAMES[ref.sourceKind]}` }],
    })
  )
}

/** Arguments of a plan: the fields that are written, the mapping as a keyed hash, so equal effects have equal digests. */
export function argumentsOf(
  ctx: Context,
  item: Written,
  fields: readonly Field[] = FIELDS,
): PlanDraft['arguments'] {
  const { stripePriceId, details } = item
  const values: Record<string, unknown> = {
    ...item,
    details: sorted(details),
    stripePriceId: stripePriceId === null ? null : { secretHash: ctx.deps.sealing.hash(stripePriceId) },
  }
  return Object.fromEntries(
    ['sourceKind', 'key', ...fields].map((field) => [field, values[field]]),
  ) as PlanDraft['arguments']
}

const DETAILS_OF: Record<SourceKind, readonly (keyof Details)[]> = {
  'lesson-offering': ['description', 'durationMinutes', 'bookedSessions'],
  'shop-product': ['description', 'format'],
  'membership-tier': ['description', 'benefits', 'members'],
}

/** Refuses what no item of the kind can be. `at` is where its fields stand in the input. */
export function requireSound(item: Written, at = ''): void {
  const { sourceKind, interval, amountCents, currency, details } = item
  const isTier = sourceKind === 'membership-tier'
  const amount = amountMistake(amountCents, currency)
  const foreign = Object.keys(details).filter(
    (name) => !(DETAILS_OF[sourceKind] as readonly string[]).includes(name),
  )
  const errors = [
    ...(isTier && interval === null ? [{ pointer: `${at}/interval`, message: 'a tier needs it' }] : []),
    ...(!isTier && interval !== null
      ? [{ pointer: `${at}/interval`, message: `a ${KIND_NAMES[sourceKind]} takes none` }]
      : []),
    ...(amount ? [{ pointer: `${at}/amountCents`, message: amount }] : []),
    ...foreign.map((name) => ({
      pointer: `${at}/details/${name}`,
      message: `a ${KIND_NAMES[sourceKind]} has none`,
    })),
  ]
  if (errors.length > 0)
    fail('validation-failed', { detail: 'The fields do not fit the kind of the item.', errors })
}

/** Fields of an item that an input names; those left out stay as they are. */
export type Named = { [F in Field]?: Written[F] | undefined }

export const withNamed = (before: CatalogItem, named: Named): Written => {
  const given = Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined))
  const { active: _a, version: _v, createdAt: _c, updatedAt: _u, ...written } = before
  return { ...written, ...given }
}

const capital = (text: string): string => `${text[0]?.toUpperCase()}${text.slice(1)}`

/** The plan of changing an item that there is. `mayStay`: something is done although nothing of it changes. */
export function planUpdate(
  ctx: Context,
  before: CatalogItem,
  named: Named,
  more: { warnings?: readonly string[]; blockers?: readonly PlanBlocker[]; mayStay?: boolean } = {},
): PlanDraft & { subject: ItemChange } {
  const next = withNamed(before, named)
  requireSound(next)
  const fields = changedFields(before, next)
  const said = updateWording(before, next, fields)
  const { warnings = [], blockers = [], mayStay = false } = more
  const nothing: PlanBlocker = { code: 'plan-blocked', message: 'Nothing would change.' }
  return {
    subject: { before, next, fields },
    target: targetOf(before),
    targetSummary: `${capital(said)}.`,
    observed: [observedOf(before)],
    arguments: argumentsOf(ctx, next, fields),
    changes: changesOf(before, next),
    affectedSurfaces: SURFACES,
    blockers: blockers.length > 0 || fields.length > 0 || mayStay ? [...blockers] : [nothing],
    warnings: [...affected(before, fields, next), ...warnings],
    confirmationText: `I confirm ${said}.`,
    redactions: REDACTIONS,
  }
}

/** The plan of a new item; its key is blocked when it is taken. */
export async function planCreate(ctx: Context, item: Written): Promise<PlanDraft & { subject: Written }> {
  requireSound(item)
  const there = await findItem(ctx.db, ctx.org, item)
  const said = createWording(item)
  return {
    subject: item,
    target: { ...targetOf(item), id: null },
    targetSummary: `${capital(said)}.`,
    observed: [],
    arguments: argumentsOf(ctx, item, FIELDS),
    changes: changesOf(undefined, item),
    affectedSurfaces: SURFACES,
    blockers: there
      ? [{ code: 'conflict', message: `There is a ${KIND_NAMES[item.sourceKind]} ${item.key} already.` }]
      : [],
    confirmationText: `I confirm ${said}.`,
    redactions: REDACTIONS,
  }
}
