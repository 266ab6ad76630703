import { canonical, sha256 } from '../../operation/plan.ts'
import type { PlanRow, SyncPlan } from './plan.ts'

/**
 * SHA-256 over the rows and requests of a plan: what is written where, on which state of the target, in which order.
 * Secrets enter as keyed hashes only. What a pair will remember (`base`) follows from the rest. The JSON text of a row is
 * written member by member, so that it does not depend on how the row was put together; its documents stand in the order
 * in which they are written.
 */
export function planDigest(
  { rows, tasks }: Omit<SyncPlan, 'digest'>,
  hash: (text: string) => string,
): string {
  const all = rows.map((row) => sha256(JSON.stringify(rowOf(row, hash))))
  const requests = tasks.map(({ row, kind, after, omits, level }) => [row, kind, after, omits, level])
  return sha256(JSON.stringify([all, requests]))
}

function rowOf(row: PlanRow, hash: (text: string) => string): readonly unknown[] {
  const { type, sourceId, title, action, targetId, matchedBy, revision, desired, mayDuplicate } = row
  const hashes = Object.entries(row.secrets).map(([pointer, value]) => [pointer, hash(canonical(value))])
  const changes = row.changes.map((each) => [
    ...[each.pointer, each.change, each.state, 'before' in each, each.before, 'after' in each, each.after],
    each.secret,
  ])
  const refusal = row.refusal && [row.refusal.code, row.refusal.message, row.refusal.among]
  const derives = row.derives?.map(({ symbol, pointer }) => [symbol, pointer])
  return [
    ...[type, sourceId, title, action, targetId, matchedBy, revision],
    row.references.map(({ to, required }) => [to, required]),
    ...[changes, desired, hashes.sort(), mayDuplicate, derives, refusal, row.warnings],
  ]
}
