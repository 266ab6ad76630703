import { z } from 'zod'
import { type Context, write } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { type Plan, PlanSchema } from '../operation/plan.ts'
import { changeItem, createItem } from './apply.ts'
import { type NewItem, newFields, newItem } from './items-create.ts'
import { argumentsOf, observedOf, REDACTIONS, requireSound } from './plan.ts'
import { type CatalogItem, refOf, type Written } from './rules.ts'
import { CONTRACT_ID, DryRun, Interval, ItemSchema, Kind, PriceId, WRITES } from './schema.ts'
import { selectItems } from './store.ts'
import { type ItemView, presentItem } from './view.ts'
import { changedFields, changesOf } from './wording.ts'

const MOST_AT_ONCE = 200

const Input = z.strictObject({
  items: z
    .array(
      z.strictObject({
        sourceKind: Kind,
        ...newFields,
        interval: Interval.optional(),
        stripePriceId: PriceId.nullable().optional().describe('Left out: as it was; null: none'),
      }),
    )
    .min(1)
    .max(MOST_AT_ONCE),
  dryRun: DryRun,
})

type Row = { before: CatalogItem | undefined; next: Written }

export const itemsImport = write({
  id: 'catalog.items.import',
  tool: 'catalog_items_import',
  surface: 'creator-commerce',
  summary: `Create or replace up to ${MOST_AT_ONCE} items at once: all of them or none.`,
  boundaries: [
    'An item that is there already is replaced whole; its price at Stripe stays unless one is given.',
    'What would not change is left alone, with its version.',
    'Nothing is made or changed at Stripe.',
  ],
  http: { method: 'POST', path: '/api/admin/catalog/imports' },
  access: WRITES,
  input: Input,
  output: z.object({
    ok: z.literal(true),
    mode: z.enum(['applied', 'preview']),
    plan: PlanSchema,
    items: z.array(ItemSchema).optional().describe('Those that were written, in the order of the request'),
    unchanged: z.number().int().optional(),
  }),
  errors: ['stale', 'conflict', 'validation-failed', 'approval-required'],
  confirmation: {
    kind: 'catalog-change',
    reason: 'What is offered, and for how much, is what people buy.',
    contractId: CONTRACT_ID,
    action: 'creator.commerce.items.import-directly',
    envelope: false,
  },
  audit: {
    event: 'catalog_items_import',
    record: 'catalog_items',
    attribution: 'The redacted items before and after, with the identity of the admin or the automation.',
  },
  // ids of prices stand in a list, where marks on the schema are not looked for
  secrets: async (_ctx, { items }) => items.map((_, index) => `/items/${index}/stripePriceId`),
  async preview(ctx, { items }) {
    const rows = await rowsOf(ctx, items)
    const written = rows.filter(({ before, next }) => !before || changedFields(before, next).length > 0)
    const created = written.filter(({ before }) => !before).length
    const said = `importing ${counted(rows.length)} into the catalog: ${created} new, ${written.length - created} changed`
    return {
      subject: { written, unchanged: rows.length - written.length },
      target: { kind: 'catalog', id: ctx.org, title: 'the catalog' },
      targetSummary: `I${said.slice(1)}.`,
      observed: rows.flatMap(({ before }) => (before ? [observedOf(before)] : [])),
      arguments: { items: rows.map(({ next }) => argumentsOf(ctx, next)) },
      changes: written.flatMap(({ before, next }) =>
        changesOf(before, next).map((change) => ({
          ...change,
          target: refOf(next),
          pointer: `/${refOf(next)}${change.pointer}`,
          label: `${change.label} of ${next.title}`,
        })),
      ),
      affectedSurfaces: ['creator-commerce manifest'],
      confirmationText: `I confirm ${said}.`,
      redactions: REDACTIONS,
    }
  },
  async apply(ctx, plan, _input, { written, unchanged }) {
    const items = []
    for (const row of written) items.push(await put(ctx, plan, row))
    return {
      output: { ok: true as const, mode: 'applied' as const, plan, items, unchanged },
      previous: { items: written.flatMap(({ before }) => (before ? [presentItem(before)] : [])) },
      next: { id: ctx.org, items },
    }
  },
})

const counted = (n: number): string => (n === 1 ? '1 item' : `${n} items`)

/** Each item beside what is there of its name, locked when the plan is about to be applied. */
async function rowsOf(ctx: Context, items: z.output<typeof Input>['items']): Promise<Row[]> {
  const wanted = items.map(({ sourceKind, stripePriceId, ...fields }, index) => {
    const at = `/items/${index}`
    const next = newItem(sourceKind, fields as NewItem, at)
    return { at, next, mapping: stripePriceId }
  })
  const names = wanted.map(({ next }) => refOf(next))
  const twice = names.findIndex((name, index) => names.indexOf(name) !== index)
  if (twice >= 0)
    fail('validation-failed', {
      detail: `${names[twice]} is there twice.`,
      errors: [{ pointer: `/items/${twice}/key`, message: 'is in the list already' }],
    })
  const there = await selectItems(
    ctx.db,
    ctx.org,
    wanted.map(({ next }) => next),
    ctx.lock,
  )
  const byName = new Map(there.map((item) => [refOf(item), item]))
  return wanted.map(({ at, next, mapping }) => {
    const before = byName.get(refOf(next))
    const stripePriceId = mapping === undefined ? (before?.stripePriceId ?? null) : mapping
    requireSound(next, at)
    return { before, next: { ...next, stripePriceId } }
  })
}

const put = async (ctx: Context, plan: Plan, { before, next }: Row): Promise<ItemView> =>
  before ? presentItem(await changeItem(ctx, plan, { before, next })) : createItem(ctx, next)
