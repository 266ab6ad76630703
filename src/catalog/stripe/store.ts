import sql, { empty, type Sql } from 'sql-template-tag'
import type { Queryable } from '../../db/pool.ts'
import type { ItemRef } from '../rules.ts'
import type { StripeWrite, WriteStatus } from './rules.ts'

const writeColumns = sql`org, id, source_kind AS "sourceKind", key, amount_cents AS "amountCents", currency,
  bill_interval AS interval, replaces, status, outcome, product_id AS "productId", product_name AS "productName",
  made_price_id AS "madePriceId", archive_price_id AS "archivePriceId", idempotency_key AS "idempotencyKey", attempts,
  first_attempt_at AS "firstAttemptAt", next_at AS "nextAt", error_kind AS "errorKind", operation_id AS "operationId",
  requested_by AS "requestedBy", session_id AS "sessionId", created_at AS "createdAt", updated_at AS "updatedAt",
  finished_at AS "finishedAt"`

export type NewWrite = Pick<
  StripeWrite,
  | 'org'
  | 'id'
  | 'sourceKind'
  | 'key'
  | 'amountCents'
  | 'currency'
  | 'interval'
  | 'replaces'
  | 'productName'
  | 'operationId'
  | 'requestedBy'
  | 'sessionId'
>

/** Notes what is wanted at Stripe; an earlier wish for the same item that still waits is given up. */
export async function insertWrite(db: Queryable, write: NewWrite, now: Date): Promise<StripeWrite> {
  await db.query(sql`
    UPDATE stripe_writes SET status = 'superseded', finished_at = ${now}, updated_at = ${now}
     WHERE org = ${write.org} AND source_kind = ${write.sourceKind} AND key = ${write.key} AND status = 'pending'`)
  const [row] = await db.query<StripeWrite>(sql`
    INSERT INTO stripe_writes (org, id, source_kind, key, amount_cents, currency, bill_interval, replaces, status,
                               product_name, idempotency_key, next_at, operation_id, requested_by, session_id,
                               created_at, updated_at)
    VALUES (${write.org}, ${write.id}, ${write.sourceKind}, ${write.key}, ${write.amountCents}, ${write.currency},
            ${write.interval}, ${write.replaces}, 'pending', ${write.productName}, ${`countersign-${write.id}`}, ${now},
            ${write.operationId}, ${write.requestedBy}, ${write.sessionId}, ${now}, ${now})
    RETURNING ${writeColumns}`)
  return row as StripeWrite
}

/** Counts an attempt at what is still to be done; undefined when nothing is. */
export async function beginAttempt(
  db: Queryable,
  org: string,
  id: string,
  now: Date,
): Promise<StripeWrite | undefined> {
  const [row] = await db.query<StripeWrite>(sql`
    UPDATE stripe_writes SET attempts = attempts + 1, first_attempt_at = coalesce(first_attempt_at, ${now}), updated_at = ${now}
     WHERE org = ${org} AND id = ${id} AND (status = 'pending' OR archive_price_id IS NOT NULL)
    RETURNING ${writeColumns}`)
  return row
}

export async function findWrite(
  db: Queryable,
  org: string,
  id: string,
  lock = false,
): Promise<StripeWrite | undefined> {
  const [row] = await db.query<StripeWrite>(sql`
    SELECT ${writeColumns} FROM stripe_writes WHERE org = ${org} AND id = ${id} ${lock ? sql`FOR UPDATE` : empty}`)
  return row
}

/**
 * Settles, before it is made, which product a price is of; null: a new one. Every attempt asks Stripe for the same, as the
 * first one found it.
 */
export async function settleProduct(
  db: Queryable,
  org: string,
  id: string,
  productId: string | null,
): Promise<string | null> {
  const [row] = await db.query<{ productId: string }>(sql`
    UPDATE stripe_writes SET product_id = coalesce(product_id, ${productId ?? ''}) WHERE org = ${org} AND id = ${id}
    RETURNING product_id AS "productId"`)
  return row?.productId || null
}

export type Progress = Partial<
  Pick<
    StripeWrite,
    'status' | 'outcome' | 'madePriceId' | 'archivePriceId' | 'errorKind' | 'nextAt' | 'finishedAt'
  >
>

/** Notes how far a write is; what is left out stays. */
export async function noteProgress(
  db: Queryable,
  { org, id }: Pick<StripeWrite, 'org' | 'id'>,
  progress: Progress,
  now: Date,
): Promise<void> {
  const set: Sql[] = (Object.keys(progress) as (keyof Progress)[])
    .filter((name) => progress[name] !== undefined)
    .map((name) => sql`, ${COLUMNS[name]} = ${progress[name]}`)
  const all = set.reduce((left, right) => sql`${left}${right}`, empty)
  await db.query(sql`UPDATE stripe_writes SET updated_at = ${now}${all} WHERE org = ${org} AND id = ${id}`)
}

const COLUMNS: Record<keyof Progress, Sql> = {
  status: sql`status`,
  outcome: sql`outcome`,
  madePriceId: sql`made_price_id`,
  archivePriceId: sql`archive_price_id`,
  errorKind: sql`error_kind`,
  nextAt: sql`next_at`,
  finishedAt: sql`finished_at`,
}

/** What is open and was touched by nobody since `before`, over all organisations. */
export async function listStandingWrites(
  db: Queryable,
  { before, now, limit }: { before: Date; now: Date; limit: number },
): Promise<{ org: string; id: string }[]> {
  return db.query(sql`/* every organisation */
    SELECT org, id FROM stripe_writes
     WHERE (status = 'pending' OR archive_price_id IS NOT NULL) AND next_at <= ${now} AND updated_at < ${before}
     ORDER BY next_at LIMIT ${limit}`)
}

/** Whether something of an item is still to be done at Stripe. */
export async function hasOpenWrite(
  db: Queryable,
  org: string,
  { sourceKind, key }: ItemRef,
): Promise<boolean> {
  const rows = await db.query(sql`
    SELECT 1 FROM stripe_writes WHERE org = ${org} AND source_kind = ${sourceKind} AND key = ${key}
       AND (status = 'pending' OR archive_price_id IS NOT NULL) LIMIT 1`)
  return rows.length > 0
}

export type WriteFilter = {
  id?: string | undefined
  item?: ItemRef | undefined
  status?: WriteStatus | undefined
  before?: { createdAt: Date; id: string } | undefined
  limit: number
}

/** Newest first, one more than asked when there are more. */
export async function listWrites(db: Queryable, org: string, filter: WriteFilter): Promise<StripeWrite[]> {
  const { id, item, status, before, limit } = filter
  return db.query<StripeWrite>(sql`
    SELECT ${writeColumns} FROM stripe_writes
     WHERE org = ${org} ${id === undefined ? empty : sql`AND id = ${id}`}
       ${item ? sql`AND source_kind = ${item.sourceKind} AND key = ${item.key}` : empty}
       ${status ? sql`AND status = ${status}` : empty}
       ${before ? sql`AND (created_at, id) < (${before.createdAt}, ${before.id})` : empty}
     ORDER BY created_at DESC, id DESC LIMIT ${limit + 1}`)
}
