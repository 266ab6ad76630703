import { type CatalogItem, type ItemPlace, listItemsAfter, SOURCE_KINDS } from '../../catalog/items.ts'
import type { Queryable } from '../../db/pool.ts'
import { fail } from '../../operation/errors.ts'
import type { JsonObject, SourceRecord } from '../engine/definition.ts'
import type { ItemSide } from './sides.ts'

/** Changes take their times in the order in which they commit, so none can come before one that was read. */
export const APP_OVERLAP_MS = 1_000

/** A place as the contract writes it: `catalog-ref:membership-tier:studio-circle:2026-05-16T07:10:00.000Z`. */
export const cursorOf = ({ sourceKind, key, updatedAt }: ItemPlace): string =>
  `catalog-ref:${sourceKind}:${key}:${updatedAt.toISOString()}`

export function placeOf(cursor: string): ItemPlace {
  const [, sourceKind, key, time] = /^catalog-ref:([a-z-]+):([a-z0-9-]*):(\d{4}-.+Z)$/.exec(cursor) ?? []
  const updatedAt = new Date(time ?? Number.NaN)
  if (sourceKind === undefined || key === undefined || Number.isNaN(updatedAt.getTime()))
    return fail('cursor-invalid', 'The cursor is not one of the catalog.')
  return { sourceKind, key, updatedAt }
}

/** Behind everything that changed before the watermark. */
export const placeBefore = (watermark: Date): ItemPlace => ({
  updatedAt: new Date(watermark.getTime() - APP_OVERLAP_MS),
  sourceKind: '',
  key: '',
})

/** One page of items, from a place on. A full page has a next one, which may be empty. */
export async function readItems(
  db: Queryable,
  org: string,
  after: ItemPlace | null,
  limit: number,
): Promise<{ items: CatalogItem[]; next: string | null }> {
  const items = await listItemsAfter(db, org, after, limit)
  const last = items.at(-1)
  return { items, next: last && items.length === limit ? cursorOf(last) : null }
}

export const itemRecord = (item: ItemSide & { updatedAt: Date }): SourceRecord => ({
  sourceKind: item.sourceKind,
  key: item.key,
  updatedAt: item.updatedAt,
  content: {
    title: item.title,
    active: item.active,
    amountCents: item.amountCents,
    currency: item.currency,
    interval: item.interval,
    stripePriceId: item.stripePriceId,
  },
})

export const itemIn = (sourceKind: string, key: string, content: JsonObject): ItemSide =>
  ({ sourceKind, key, ...content }) as unknown as ItemSide

export const isItem = (sourceKind: string): boolean =>
  (SOURCE_KINDS as readonly string[]).includes(sourceKind)
