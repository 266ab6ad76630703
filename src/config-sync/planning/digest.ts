import { canonical, sha256 } from '../../operation/plan.ts'
import type { PlanRow, SyncPlan } from './plan.ts'

/**
 * SHA-256 over the canonical rows and requests of a plan: what is written where, on which state of the target, in which
 * order. Secrets enter as keyed hashes only. What a pair will remember (`base`) follows from the rest.
 */
export function planDigest(
  { rows, tasks }: Omit<SyncPlan, 'digest'>,
  hash: (text: string) => string,
): string {
  const all = rows.map((row) => sha256(canonical(rowOf(row, hash))))
  return sha256(canonical([all, tasks]))
}

function rowOf({ secrets, base: _, ...row }: PlanRow, hash: (text: string) => string): object {
  const hashes = Object.entries(secrets).map(([pointer, value]) => [pointer, hash(canonical(value))])
  return { ...row, secrets: Object.fromEntries(hashes) }
}
