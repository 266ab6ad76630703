import type { Context } from '../operation/define.ts'
import { findAudience } from './store.ts'

// what other features ask: rooms that are for subscribers only
export { isSubscriber } from './store.ts'

/** Everybody who would be told: how many, which version, and a keyed hash of who. */
export type Audience = { size: number; version: number; hash: string }

/**
 * The confirmed subscribers of the organisation. Equal audiences have equal hashes; where the plan is about to be
 * applied nobody joins or leaves before it is.
 */
export async function audienceOf(ctx: Pick<Context, 'db' | 'org' | 'lock' | 'deps'>): Promise<Audience> {
  const { size, version, digest } = await findAudience(ctx.db, ctx.org, ctx.lock)
  return { size, version, hash: ctx.deps.sealing.hash(`audience ${ctx.org} ${size === 0 ? '' : digest}`) }
}
