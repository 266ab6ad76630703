import { z } from 'zod'
import { read } from '../operation/define.ts'
import { requireItem } from './plan.ts'
import { ItemSchema, Key, Kind, READS } from './schema.ts'
import { presentItem } from './view.ts'

export const itemsRead = read({
  id: 'catalog.items.read',
  tool: 'catalog_items_read',
  surface: 'creator-commerce',
  summary: 'Read one lesson, store item or membership tier.',
  boundaries: ['Its price at Stripe appears by its last four characters only.'],
  http: { method: 'GET', path: '/api/admin/catalog/items/{sourceKind}/{key}' },
  access: READS,
  input: z.strictObject({ sourceKind: Kind, key: Key }),
  output: z.object({ ok: z.literal(true), item: ItemSchema }),
  errors: ['not-found'],
  audit: { none: 'A read changes nothing.' },
  run: async (ctx, ref) => ({ ok: true as const, item: presentItem(await requireItem(ctx, ref)) }),
})
