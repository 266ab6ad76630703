import type { Transaction } from '../../db/pool.ts'
import type { Deps } from '../../deps.ts'
import type { JobRun, QueueJob } from '../../jobs/queue.ts'
import { enqueue } from '../../jobs/send.ts'
import { auditBase } from '../../operation/context.ts'
import { insertAudit } from '../../operation/store.ts'
import { systemContext } from '../../sessions/system.ts'
import { type StripeAccess, stripeOf } from '../../stripe/client.ts'
import { StripeFailure, StripeLimited } from '../../stripe/failures.ts'
import type { StripePrice } from '../../stripe/objects.ts'
import { readPrice, readPrices } from '../../stripe/pages.ts'
import { archivePrice, createPrice } from '../../stripe/writes.ts'
import { type CatalogItem, refOf } from '../rules.ts'
import { findItem, updateItem } from '../store.ts'
import { presentItem } from '../view.ts'
import { STRIPE_WRITES } from './ask.ts'
import { fits, KEYS_HOLD_MS, nicknameOf, type StripeWrite, stillWanted } from './rules.ts'
import { beginAttempt, findWrite, listStandingWrites, noteProgress, settleProduct } from './store.ts'

/** Makes at Stripe what a confirmed write of the catalog wants there; data is {org, id}. */
export const stripeWritesJob: QueueJob = {
  name: STRIPE_WRITES,
  // the client itself repeats what may help within seconds; these span about 20 minutes
  attempts: 8,
  pauseSeconds: 10,
  expireInSeconds: 300,
  concurrency: 2,
  run: writeAtStripe,
}

/**
 * One attempt. However often it is stopped and repeated, Stripe makes one price: every attempt sends the same request
 * under the same idempotency key. What Stripe refuses for good ends it as failed; a pause that Stripe asks for
 * postpones it.
 */
export async function writeAtStripe(deps: Deps, { data, signal, last }: JobRun): Promise<void> {
  const { org, id } = data as { org: string; id: string }
  const write = await beginAttempt(deps.db, org, id, deps.clock())
  if (!write) return
  const access = stripeOf(deps, org)
  if (!access) return failed(deps, write, 'not-configured')
  try {
    if (write.status === 'pending') await makePrice(deps, access, write, signal)
    await archiveRest(deps, access, write, signal)
  } catch (error) {
    if (error instanceof StripeLimited) return postponed(deps, write, error.resumeAt)
    if (!(error instanceof StripeFailure) || (error.kind === 'unavailable' && !last)) throw error
    await failed(deps, write, error.kind)
  }
}

async function makePrice(
  deps: Deps,
  access: StripeAccess,
  write: StripeWrite,
  signal: AbortSignal,
): Promise<void> {
  const { org } = write
  if (!stillWanted(await findItem(deps.db, org, write), write))
    return noteProgress(deps.db, write, { status: 'superseded', finishedAt: deps.clock() }, deps.clock())
  const current = write.replaces === null ? undefined : await ifAny(readPrice(access, write.replaces, signal))
  const product = current && (await activeProduct(access, current, signal))
  if (current && product && fits(current, write)) return land(deps, write, current, undefined)
  const productId = await settleProduct(deps.db, org, write.id, product ?? null)
  const made =
    (await forgottenBy(deps, access, write, signal)) ??
    (await createPrice(
      access,
      {
        product: productId === null ? { name: write.productName } : { id: productId },
        unitAmount: write.amountCents,
        currency: write.currency,
        interval: write.interval,
        nickname: nicknameOf(write),
        metadata: { countersign_item: refOf(write), countersign_write: write.id },
      },
      write.idempotencyKey,
      signal,
    ))
  await land(deps, write, made, current)
}

/** The id of a price's product, unless it is archived: nothing of that can be paid. */
async function activeProduct(
  access: StripeAccess,
  { productId }: StripePrice,
  signal: AbortSignal,
): Promise<string | undefined> {
  const product = await ifAny(access.call((stripe) => stripe.products.retrieve(productId), signal))
  return product?.active ? product.id : undefined
}

/** What Stripe answers; undefined when it has no such thing. */
async function ifAny<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof StripeFailure && error.kind === 'not-found') return undefined
    throw error
  }
}

/** A price that an attempt made so long ago that Stripe has forgotten its key: looked for by its name. */
async function forgottenBy(
  deps: Deps,
  access: StripeAccess,
  write: StripeWrite,
  signal: AbortSignal,
): Promise<StripePrice | undefined> {
  const { firstAttemptAt } = write
  if (!firstAttemptAt || deps.clock().getTime() - firstAttemptAt.getTime() < KEYS_HOLD_MS) return undefined
  let startingAfter: string | null = null
  do {
    const page: Awaited<ReturnType<typeof readPrices>> = await readPrices(
      access,
      { active: true, startingAfter },
      signal,
    )
    const found = page.items.find(({ nickname }) => nickname === nicknameOf(write))
    if (found) return found
    startingAfter = page.next
  } while (startingAfter !== null)
  return undefined
}

/**
 * What Stripe has goes into the catalog in one transaction, if the item still wants it; else the price that was made
 * for nothing is to be archived.
 */
async function land(
  deps: Deps,
  { org, id }: StripeWrite,
  price: StripePrice,
  replaced: StripePrice | undefined,
): Promise<void> {
  const now = deps.clock()
  await deps.db.transaction(async (tx) => {
    const seen = await findWrite(tx, org, id)
    // whoever changes an item locks it first
    const item = seen && (await findItem(tx, org, seen, true))
    const write = await findWrite(tx, org, id, true)
    if (!write || write.madePriceId === price.id) return
    const isNew = price.id !== write.replaces
    if (!item || !stillWanted(item, write)) {
      const ended = write.status === 'pending' ? { status: 'superseded' as const, finishedAt: now } : {}
      const unused = isNew ? { madePriceId: price.id, archivePriceId: price.id } : {}
      return noteProgress(tx, write, { ...ended, ...unused }, now)
    }
    if (!isNew)
      return noteProgress(
        tx,
        write,
        { status: 'done', outcome: 'kept', errorKind: null, finishedAt: now },
        now,
      )
    const moved = await updateItem(tx, org, { ...item, stripePriceId: price.id }, now)
    if (moved) await recordMove(tx, deps, write, item, moved)
    const rest = replaced?.active
      ? { status: 'mapped' as const, archivePriceId: replaced.id }
      : { status: 'done' as const, finishedAt: now }
    await noteProgress(
      tx,
      write,
      { outcome: 'created', madePriceId: price.id, errorKind: null, ...rest },
      now,
    )
  })
}

async function recordMove(
  tx: Transaction,
  deps: Deps,
  write: StripeWrite,
  before: CatalogItem,
  after: CatalogItem,
): Promise<void> {
  const operation = deps.operations.find(({ id }) => id === write.operationId)
  if (!operation) return
  const system = systemContext(deps, write.org, `job:${STRIPE_WRITES}:${write.id}`)
  await insertAudit(tx, {
    ...auditBase(system, operation),
    ...(write.sessionId === null ? {} : { sessionId: write.sessionId }),
    outcome: 'applied',
    event: 'catalog_stripe_price_made',
    target: { kind: write.sourceKind, id: refOf(write) },
    previous: presentItem(before),
    next: presentItem(after),
    reason: `Confirmed by ${write.requestedBy}.`,
  })
}

/** Archives what is left of an earlier step, of this attempt or another. */
async function archiveRest(
  deps: Deps,
  access: StripeAccess,
  { org, id, idempotencyKey }: StripeWrite,
  signal: AbortSignal,
): Promise<void> {
  const write = await findWrite(deps.db, org, id)
  if (!write || write.archivePriceId === null) return
  // whoever removed it did more
  await ifAny(archivePrice(access, write.archivePriceId, `${idempotencyKey}-archive`, {}, signal))
  await archived(deps, write)
}

async function archived(deps: Deps, { org, id }: StripeWrite): Promise<void> {
  const now = deps.clock()
  await deps.db.transaction(async (tx) => {
    const write = await findWrite(tx, org, id, true)
    if (!write) return
    const ended = write.status === 'mapped' ? { status: 'done' as const, finishedAt: now } : {}
    await noteProgress(tx, write, { ...ended, archivePriceId: null, errorKind: null }, now)
  })
}

async function postponed(deps: Deps, { org, id }: StripeWrite, resumeAt: Date): Promise<void> {
  await deps.db.transaction(async (tx) => {
    await noteProgress(tx, { org, id }, { nextAt: resumeAt, errorKind: 'limited' }, deps.clock())
    await enqueue(tx, STRIPE_WRITES, { org, id }, { startAfter: resumeAt })
  })
}

/** Ends what Stripe will not do. What is only left to be archived ends too: the next scan tells of it. */
async function failed(deps: Deps, { org, id }: StripeWrite, errorKind: string): Promise<void> {
  const now = deps.clock()
  await deps.db.transaction(async (tx) => {
    const write = await findWrite(tx, org, id, true)
    if (!write) return
    const status = write.status === 'superseded' ? write.status : ('failed' as const)
    await noteProgress(tx, write, { status, errorKind, archivePriceId: null, finishedAt: now }, now)
  })
  deps.log.warn({ org, id, errorKind }, 'a price was not written at Stripe')
}

/** By then a process that works on one has made a step. */
const STANDS_MS = 5 * 60_000
const AT_ONCE = 100

/** Takes up writes whose job was lost, or has used up its attempts by crashes. */
export async function resumeStripeWrites(deps: Deps): Promise<void> {
  const now = deps.clock()
  const before = new Date(now.getTime() - STANDS_MS)
  for (const at of await listStandingWrites(deps.db, { before, now, limit: AT_ONCE }))
    await deps.db.transaction(async (tx) => {
      await noteProgress(tx, at, { nextAt: now }, now)
      await enqueue(tx, STRIPE_WRITES, at)
    })
}
