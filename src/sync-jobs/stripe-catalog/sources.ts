import { SOURCE_KINDS } from '../../catalog/items.ts'
import { pseudonym } from '../../catalog/redact.ts'
import type { Deps } from '../../deps.ts'
import type { StripeAccess } from '../../stripe/client.ts'
import { StripeFailure, StripeLimited } from '../../stripe/failures.ts'
import { type FailureCode, type Source, SourceFailure, SourceLimited } from '../engine/definition.ts'
import { recordsOf } from '../engine/records-store.ts'
import { cursorOf, itemRecord, placeBefore, placeOf, readItems } from './app-state.ts'
import { PRICE } from './sides.ts'
import { type AsOf, EVENTS_OVERLAP_MS, readMissing } from './stripe-side.ts'

const CODES: Record<StripeFailure['kind'], FailureCode> = {
  unauthorized: 'credential-refused',
  forbidden: 'credential-refused',
  unavailable: 'unavailable',
  'not-found': 'source-invalid',
  invalid: 'source-invalid',
  mismatch: 'source-invalid',
}

/** What Stripe refuses, in the engine's words. */
function meaningOf(error: unknown): unknown {
  if (error instanceof StripeLimited) return new SourceLimited(error.resumeAt)
  return error instanceof StripeFailure ? new SourceFailure(CODES[error.kind]) : error
}

async function told<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw meaningOf(error)
  }
}

/** A source at Stripe: its failures in the engine's words, and its places without ids of Stripe. */
export const shown = (deps: Deps, source: Source): Source => ({
  ...source,
  async read(cursor, limit, signal) {
    const page = await told(source.read(cursor, limit, signal))
    return page.next === null
      ? page
      : { ...page, position: `${source.id}:${pseudonym(deps.sealing, page.next)}` }
  },
})

export type AppState = {
  deps: Deps
  org: string
  jobId: string
  /** Only what changed since; null: everything. */
  since: Date | null
  /** Where there is an account: when the run began, and how to ask for single prices. */
  stripe: { access: StripeAccess; asOf: AsOf; startedAt: Date } | null
}

/**
 * The catalog in the order of its changes, after everything of Stripe: so a price that is not known by then is missing.
 * Only one that was made while Stripe was read is not, and it is mapped by an item that changed since: such a price is
 * asked for by its id, and comes with the page.
 */
export const appStateSource = ({ deps, org, jobId, since, stripe }: AppState): Source => ({
  id: 'app-state',
  complete: since === null,
  sourceKinds: SOURCE_KINDS,
  async read(cursor, limit, signal) {
    const place = cursor === null ? (since ? placeBefore(since) : null) : placeOf(cursor)
    const { items, next } = await readItems(deps.db, org, place, limit)
    const last = items.at(-1)
    const recent = items.flatMap(({ stripePriceId, updatedAt }) =>
      stripe && stripePriceId !== null && updatedAt.getTime() > stripe.startedAt.getTime() - EVENTS_OVERLAP_MS
        ? [stripePriceId]
        : [],
    )
    const asked = stripe ? await unknown(deps, { org, jobId }, recent) : []
    const prices = stripe ? await told(readMissing(stripe.access, asked, stripe.asOf, signal)) : []
    return {
      records: [...prices, ...items.map(itemRecord)],
      next,
      ...(last ? { position: cursorOf(last), highWatermark: last.updatedAt } : {}),
    }
  },
})

async function unknown(
  deps: Deps,
  owner: { org: string; jobId: string },
  ids: readonly string[],
): Promise<string[]> {
  const distinct = [...new Set(ids)]
  const subjects = distinct.map((key) => ({ sourceKind: PRICE, key }))
  const known = new Set((await recordsOf(deps.db, owner, subjects)).map(({ key }) => key))
  return distinct.filter((id) => !known.has(id))
}
