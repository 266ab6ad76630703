import type { Queryable } from '../../db/pool.ts'
import type { Context } from '../../operation/define.ts'
import { fail } from '../../operation/errors.ts'
import {
  type FindingFilter,
  type FindingRow,
  findFindingRow,
  judgeFinding,
  listFindingRows,
} from './findings-store.ts'

export type { ClassCount, FindingRow, FindingStatus } from './findings-store.ts'
export { countOpen } from './findings-store.ts'

/** A finding as an agent names it: which one, and what it saw of it. */
export type FindingRef = { jobId: string; fingerprint: string; evidenceHash: string }

/** The last opened first. */
export const listFindings = (db: Queryable, org: string, filter: FindingFilter): Promise<FindingRow[]> =>
  listFindingRows(db, org, filter)

/** Errors: not-found. */
export async function requireFinding(
  ctx: Context,
  { jobId, fingerprint }: { jobId: string; fingerprint: string },
): Promise<FindingRow> {
  const found = await findFindingRow(ctx.db, { org: ctx.org, jobId }, fingerprint, ctx.lock)
  return (
    found ??
    fail('not-found', {
      detail: `There is no finding ${fingerprint}.`,
      errors: [{ pointer: '/fingerprint', message: 'unknown finding' }],
    })
  )
}

/**
 * The finding, if it still is what the caller saw; where the plan is about to be applied, locked. Errors: not-found;
 * stale (412) when one of its two sides changed since; conflict when it is no longer open.
 */
export async function requireFreshFinding(ctx: Context, ref: FindingRef): Promise<FindingRow> {
  const finding = await requireFinding(ctx, ref)
  if (finding.status !== 'open')
    fail('conflict', `The finding is ${finding.status}; there is nothing to fix.`)
  if (finding.evidenceHash !== ref.evidenceHash)
    fail('stale', {
      detail: 'One of the two sides changed since the finding was read.',
      nextAction: 'Read the finding again, and preview what its evidence asks for now.',
    })
  return finding
}

/** Keeps what a person said of a finding. Errors: stale when it changed meanwhile. */
export async function keepJudgement(
  ctx: Context,
  finding: FindingRow,
  { status, note }: { status: 'open' | 'dismissed'; note: string | null },
): Promise<FindingRow> {
  const by = ctx.principal.displayName ?? ctx.principal.role
  const judged = await judgeFinding(ctx.db, finding, { status, note, by, now: ctx.now })
  return judged ?? fail('stale', 'The finding changed meanwhile.')
}
