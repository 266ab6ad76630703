import type { Deps } from '../deps.ts'
import type { Reply } from './context.ts'
import type { Context, Operation } from './define.ts'
import { fail } from './errors.ts'
import { canonical, sha256 } from './plan.ts'
import type { PolicySet } from './policy.ts'
import { type ClaimKey, claimKey } from './store.ts'

/** Keyed hash of a validated input: equal inputs, equal fingerprints; secrets in it stay unreadable. */
const fingerprint = (deps: Deps, input: unknown): string => sha256(deps.sealing.hash(canonical(input)))

const replayed = (status: number, body: Record<string, unknown>): Reply => ({
  status,
  body,
  headers: { 'idempotency-replayed': 'true' },
})

export const claimOf = (ctx: Context, operation: Operation, key: string): ClaimKey => ({
  org: ctx.org,
  principalId: ctx.principal.id,
  operationId: operation.id,
  key,
})

/** The key is ours (with the organisation's policies, read by the same statement), or what it answered before. */
export type Claimed = { policies: PolicySet } | { stored: Reply }

/** Claims the key, or answers what the same request got before. Errors: `idempotency-mismatch`. */
export async function claimOrReplay(ctx: Context, at: ClaimKey, input: unknown): Promise<Claimed> {
  const print = fingerprint(ctx.deps, input)
  const claim = await claimKey(ctx.db, at, print, ctx.now)
  if (claim.state === 'claimed') return { policies: claim.policies }
  if (claim.fingerprint !== print)
    fail('idempotency-mismatch', 'This idempotency key was used for another request.')
  return { stored: replayed(claim.status, claim.response) }
}
