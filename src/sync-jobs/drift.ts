import type { z } from 'zod'
import type { Context } from '../operation/define.ts'
import { type Drift, driftStatement } from './engine/drift.ts'
import type { RunRow } from './engine/runs.ts'
import type { DriftStatement } from './schema.ts'

/** What can be said about drift of a job, in words, and how to check it. `run` is its newest one. */
export async function driftOf(
  ctx: Context,
  jobId: string,
  run: RunRow | undefined,
): Promise<z.input<typeof DriftStatement>> {
  const drift = await driftStatement(ctx.db, ctx.org, jobId)
  return {
    drift: drift.statement,
    statement: wordsOf(drift),
    asOf: drift.asOf?.toISOString() ?? null,
    coverage: drift.coverage,
    completeThrough: drift.completeThrough?.toISOString() ?? null,
    digest: drift.digest,
    openFindings: drift.openFindings,
    notes: run?.notes ?? [],
    howToCheck: HOW_TO_CHECK,
  }
}

/** No more than was seen. */
export function wordsOf({
  statement,
  coverage,
  completeThrough,
  openFindings,
}: Omit<Drift, 'digest' | 'asOf'>): string {
  if (!completeThrough) {
    const nothing = 'Nothing can be said about drift: no scan has completed yet.'
    return openFindings > 0 ? `There is drift: ${counted(openFindings)} so far.` : nothing
  }
  const through = `through ${completeThrough.toISOString()}`
  if (statement === 'drift') return `There is drift: ${counted(openFindings)}, ${through}.`
  if (statement === 'no-drift') return `No drift between the catalog and Stripe, ${through}.`
  return coverage === 'app-side-only'
    ? `Nothing is missing in the catalog, ${through}; nothing can be said about Stripe, which was not looked at.`
    : 'Nothing can be said about drift: no full scan of both sides has completed yet.'
}

const counted = (open: number): string => (open === 1 ? '1 finding is open' : `${open} findings are open`)

const HOW_TO_CHECK =
  'Run a full scan again, here or on another server with the same data: where nothing changed since, it ends with the same digest, whatever its pages. The digest is the sum mod 2^256 of the SHA-256 of each record (RFC 8785 of [sourceKind, key, updatedAt, content]).'
