import type { Sealing } from '../operation/sealing.ts'

/**
 * An id of Stripe as it may be shown: what it is of, and its last four characters. `price_abcdintro` is
 * `price_...ntro`.
 */
export function redactPriceId(id: string): string {
  const at = id.indexOf('_') + 1
  return `${id.slice(0, at)}...${id.slice(at).slice(-4)}`
}

/** A name for an id of somebody else's that is always the same here and says nothing of it: `price-1f0c…`, 64 bits. */
export function pseudonym(sealing: Pick<Sealing, 'hash'>, id: string): string {
  const prefix = /^[a-z]+(?=_)/.exec(id)?.[0] ?? 'id'
  return `${prefix}-${sealing.hash(`provider id ${id}`).slice(0, 16)}`
}
