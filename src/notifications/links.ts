import { z } from 'zod'
import { fail } from '../operation/errors.ts'
import type { Sealing } from '../operation/sealing.ts'

/** A week: people read mail late, and an address that is not confirmed by then is asked again. */
export const CONFIRM_WITHIN_MS = 7 * 24 * 3_600_000

type Subscription = { org: string; id: string; version: number; askedAt: Date }

// the first member keeps what is signed here apart from what is signed elsewhere, such as cursors
const Confirm = z.tuple([z.literal('subscription-confirm'), z.string(), z.string(), z.int(), z.int()])
const Unsubscribe = z.tuple([z.literal('subscription-end'), z.string(), z.string()])

export const confirmBy = ({ askedAt }: Pick<Subscription, 'askedAt'>): Date =>
  new Date(askedAt.getTime() + CONFIRM_WITHIN_MS)

/** Confirms this version of a subscription, until a week after it was asked for. */
export const confirmToken = (sealing: Sealing, row: Subscription): string =>
  sealing.sign(['subscription-confirm', row.org, row.id, row.version, confirmBy(row).getTime()])

/** Ends a subscription, whenever: a link in an old message must still work. */
export const unsubscribeToken = (sealing: Sealing, { org, id }: Pick<Subscription, 'org' | 'id'>): string =>
  sealing.sign(['subscription-end', org, id])

/** Which subscription a link confirms; undefined for what was not signed here for that, or is past its time. */
export function readConfirmToken(
  sealing: Sealing,
  token: string,
  now: Date,
): { org: string; id: string; version: number } | undefined {
  const { data } = Confirm.safeParse(sealing.verify(token))
  if (!data || data[4] <= now.getTime()) return undefined
  return { org: data[1], id: data[2], version: data[3] }
}

export function readUnsubscribeToken(
  sealing: Sealing,
  token: string,
): { org: string; id: string } | undefined {
  const { data } = Unsubscribe.safeParse(sealing.verify(token))
  return data && { org: data[1], id: data[2] }
}

/** One answer for whatever is wrong with a link: made up, of another organisation, too old, or used up. */
export const refuseLink = (): never =>
  fail('not-found', {
    detail: 'The link is not good, or not any more.',
    nextAction: 'Subscribe again for a fresh link.',
  })

export const confirmUrl = (origin: string, token: string): string =>
  `${origin}/subscriptions/confirm?token=${token}`

export const unsubscribeUrl = (origin: string, token: string): string =>
  `${origin}/subscriptions/unsubscribe?token=${token}`
