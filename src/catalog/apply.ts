import type { Context } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import type { Plan } from '../operation/plan.ts'
import { logItem } from '../sync-feeds/work-log/write.ts'
import { formatPrice } from './money.ts'
import type { ItemChange } from './plan.ts'
import { type CatalogItem, refOf, type Written } from './rules.ts'
import { insertItem, updateItem } from './store.ts'
import { type ItemView, presentItem } from './view.ts'

/**
 * Writes a planned item, and tells the public work log of it; answers it as it is shown. Errors: `conflict` when somebody
 * took its key meanwhile.
 */
export async function createItem(ctx: Context, item: Written): Promise<ItemView> {
  const made =
    (await insertItem(ctx.db, ctx.org, item, ctx.now)) ??
    fail('conflict', `There is an item ${refOf(item)} already.`)
  await tellWorkLog(ctx, made)
  return presentItem(made)
}

/** The same of a planned change where the item still is as it was read; answers the item as it is now. */
export async function changeItem(
  ctx: Context,
  plan: Plan,
  { before, next }: Pick<ItemChange, 'before' | 'next'>,
): Promise<CatalogItem> {
  const changed = await updateItem(ctx.db, ctx.org, { ...next, version: before.version }, ctx.now)
  if (!changed) fail('stale', { detail: `${before.title} changed meanwhile.`, extra: { plan } })
  await tellWorkLog(ctx, changed)
  return changed
}

const tellWorkLog = (ctx: Context, item: CatalogItem): Promise<void> => {
  const { sourceKind, key, title, active, visible } = item
  return logItem(ctx, { sourceKind, key, title, offered: active && visible, price: formatPrice(item) })
}
