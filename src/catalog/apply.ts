import type { Context } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import type { Plan } from '../operation/plan.ts'
import type { ItemChange } from './plan.ts'
import { type CatalogItem, refOf, type Written } from './rules.ts'
import { insertItem, updateItem } from './store.ts'
import { type ItemView, presentItem } from './view.ts'

/** Writes a planned item; answers it as it is shown. Errors: `conflict` when somebody took its key meanwhile. */
export async function createItem(ctx: Context, item: Written): Promise<ItemView> {
  const made = await insertItem(ctx.db, ctx.org, item, ctx.now)
  return presentItem(made ?? fail('conflict', `There is an item ${refOf(item)} already.`))
}

/** Writes a planned change where the item still is as it was read; answers the item as it is now. */
export async function changeItem(
  ctx: Context,
  plan: Plan,
  { before, next }: ItemChange,
): Promise<CatalogItem> {
  const changed = await updateItem(ctx.db, ctx.org, { ...next, version: before.version }, ctx.now)
  return changed ?? fail('stale', { detail: `${before.title} changed meanwhile.`, extra: { plan } })
}
