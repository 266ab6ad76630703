import sql, { empty, type Sql } from 'sql-template-tag'
import type { Queryable } from '../db/pool.ts'
import type { CatalogItem, ItemRef, SourceKind, Status, Written } from './rules.ts'

const itemColumns = sql`i.source_kind AS "sourceKind", i.key, i.title, i.status, i.active, i.visible,
  i.amount_cents AS "amountCents", i.currency, i.bill_interval AS interval, i.stripe_price_id AS "stripePriceId",
  i.details, i.version, i.created_at AS "createdAt", i.updated_at AS "updatedAt"`

/** The item; locked until the transaction ends if asked. */
export async function findItem(
  db: Queryable,
  org: string,
  { sourceKind, key }: ItemRef,
  lock = false,
): Promise<CatalogItem | undefined> {
  const [row] = await db.query<CatalogItem>(sql`
    SELECT ${itemColumns} FROM catalog_items i
     WHERE org = ${org} AND source_kind = ${sourceKind} AND key = ${key} ${lock ? sql`FOR UPDATE` : empty}`)
  return row
}

/** Those that there are, in the order of kind and key, in which they are also locked. */
export async function selectItems(
  db: Queryable,
  org: string,
  refs: readonly ItemRef[],
  lock = false,
): Promise<CatalogItem[]> {
  return db.query<CatalogItem>(sql`
    SELECT ${itemColumns} FROM catalog_items i
     WHERE org = ${org} AND (source_kind, key) IN
           (SELECT * FROM unnest(${refs.map((ref) => ref.sourceKind)}::text[], ${refs.map(({ key }) => key)}::text[]))
     ORDER BY source_kind, key ${lock ? sql`FOR UPDATE` : empty}`)
}

/**
 * Each price is looked up by itself, which the index of mapped items answers whatever the statistics say; with ANY, a
 * catalog that grew since it was looked at is read whole each time (2.6 ms of the 10 that a page of a scan took).
 */
export async function selectMappedTo(
  db: Queryable,
  org: string,
  priceIds: readonly string[],
): Promise<CatalogItem[]> {
  return db.query<CatalogItem>(sql`
    SELECT m.* FROM unnest(${[...new Set(priceIds)]}::text[]) AS p (id), LATERAL (
      SELECT ${itemColumns} FROM catalog_items i WHERE i.org = ${org} AND i.stripe_price_id = p.id OFFSET 0) m
     ORDER BY m."sourceKind", m.key`)
}

export async function selectAfter(
  db: Queryable,
  org: string,
  after: { updatedAt: Date; sourceKind: string; key: string } | null,
  limit: number,
): Promise<CatalogItem[]> {
  const behind = after
    ? sql`AND (updated_at, source_kind, key) > (${after.updatedAt}, ${after.sourceKind}, ${after.key})`
    : empty
  return db.query<CatalogItem>(sql`
    SELECT ${itemColumns} FROM catalog_items i WHERE org = ${org} ${behind}
     ORDER BY updated_at, source_kind, key LIMIT ${limit}`)
}

export type ItemFilter = {
  kinds?: readonly SourceKind[]
  statuses?: readonly Status[]
  /** Only what guests see. */
  listed?: boolean
  after?: ItemRef
  limit: number
}

/** Items by kind and key, one more than asked when there are more. */
export async function listItems(db: Queryable, org: string, filter: ItemFilter): Promise<CatalogItem[]> {
  const { kinds, statuses, listed, after, limit } = filter
  return db.query<CatalogItem>(sql`
    SELECT ${itemColumns} FROM catalog_items i
     WHERE org = ${org} ${listed ? sql`AND active AND visible` : empty}
       ${kinds ? sql`AND source_kind = ANY(${kinds as SourceKind[]})` : empty}
       ${statuses ? sql`AND status = ANY(${statuses as Status[]})` : empty}
       ${after ? sql`AND (source_kind, key) > (${after.sourceKind}, ${after.key})` : empty}
     ORDER BY source_kind, key LIMIT ${limit + 1}`)
}

/** Takes the next time of the organisation's catalog, and keeps others from changing it until the transaction ends. */
const nextTime = (org: string, now: Date): Sql => sql`
  INSERT INTO catalog_heads AS h (org, updated_at) VALUES (${org}, ${now})
  ON CONFLICT (org) DO UPDATE SET updated_at = greatest(excluded.updated_at, h.updated_at + interval '1 millisecond')
   WHERE h.org = ${org} RETURNING updated_at AS at`

/** A new item; undefined when its key is taken. */
export async function insertItem(
  db: Queryable,
  org: string,
  item: Written,
  now: Date,
): Promise<CatalogItem | undefined> {
  const [row] = await db.query<CatalogItem>(sql`
    WITH next AS (${nextTime(org, now)})
    INSERT INTO catalog_items AS i (org, source_kind, key, title, status, visible, amount_cents, currency, bill_interval,
                                    stripe_price_id, details, created_at, updated_at)
    SELECT ${org}, ${item.sourceKind}, ${item.key}, ${item.title}, ${item.status}, ${item.visible}, ${item.amountCents},
           ${item.currency}, ${item.interval}, ${item.stripePriceId}, ${JSON.stringify(item.details)}::jsonb, next.at, next.at
      FROM next
    ON CONFLICT DO NOTHING RETURNING ${itemColumns}`)
  return row
}

/** Replaces what is written of an item where it still has this version; undefined when it moved on. */
export async function updateItem(
  db: Queryable,
  org: string,
  item: Written & { version: number },
  now: Date,
): Promise<CatalogItem | undefined> {
  const [row] = await db.query<CatalogItem>(sql`
    WITH next AS (${nextTime(org, now)})
    UPDATE catalog_items i
       SET title = ${item.title}, status = ${item.status}, visible = ${item.visible}, amount_cents = ${item.amountCents},
           currency = ${item.currency}, bill_interval = ${item.interval}, stripe_price_id = ${item.stripePriceId},
           details = ${JSON.stringify(item.details)}::jsonb, version = i.version + 1, updated_at = next.at
      FROM next
     WHERE i.org = ${org} AND i.source_kind = ${item.sourceKind} AND i.key = ${item.key} AND i.version = ${item.version}
    RETURNING ${itemColumns}`)
  return row
}

/** Removes an item, and what was noted of its writes at Stripe. */
export async function deleteItem(db: Queryable, org: string, { sourceKind, key }: ItemRef): Promise<void> {
  await db.query(
    sql`DELETE FROM catalog_items WHERE org = ${org} AND source_kind = ${sourceKind} AND key = ${key}`,
  )
}

export type Readiness = {
  kinds: { sourceKind: SourceKind; total: number; active: number; mapped: number; activeUnmapped: number }[]
  /** Prices that more than one item is mapped to. */
  sharedPrices: number
}

/** How many items there are and are mapped, by kind. */
export async function countReadiness(db: Queryable, org: string): Promise<Readiness> {
  const kinds = await db.query<Readiness['kinds'][number]>(sql`
    SELECT source_kind AS "sourceKind", count(*) AS total, count(*) FILTER (WHERE active) AS active,
           count(stripe_price_id) AS mapped,
           count(*) FILTER (WHERE active AND amount_cents > 0 AND stripe_price_id IS NULL) AS "activeUnmapped"
      FROM catalog_items WHERE org = ${org} GROUP BY source_kind`)
  const [row] = await db.query<{ shared: number }>(sql`
    SELECT count(*) AS shared FROM (SELECT FROM catalog_items WHERE org = ${org} AND stripe_price_id IS NOT NULL
                                     GROUP BY stripe_price_id HAVING count(*) > 1) prices`)
  return { kinds, sharedPrices: row?.shared ?? 0 }
}
