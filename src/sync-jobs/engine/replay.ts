import type { FindingDraft, SourceRecord } from './definition.ts'
import { digestText, EMPTY_DIGEST } from './digest.ts'
import { type KnownRecord, outcomeOf, subjectText } from './page.ts'

export type ReplayPage = { records: readonly SourceRecord[]; position: string }

export type Replayed = {
  /** After each page. */
  checkpoints: {
    cursor: string
    highWatermark: Date | null
    recordsProcessed: number
    duplicateRecordsSkipped: number
    digest: string
  }[]
  stats: {
    recordsScanned: number
    uniqueRecordsProcessed: number
    duplicateRecordsSkipped: number
    driftFindings: number
    errors: number
  }
}

/**
 * What one run makes of these pages: the decision that each page of a real run goes through (`outcomeOf`), with its
 * records kept in memory. `judge` says what does not agree about a record.
 */
export function replayPages(
  pages: readonly ReplayPage[],
  judge: (record: SourceRecord) => readonly Pick<FindingDraft, 'class'>[],
): Replayed {
  const known = new Map<string, KnownRecord>()
  const latest = new Map<string, SourceRecord>()
  const checkpoints: Replayed['checkpoints'] = []
  const totals = { scanned: 0, processed: 0, duplicates: 0 }
  let digest = EMPTY_DIGEST
  let highWatermark: Date | null = null
  for (const { records, position } of pages) {
    const outcome = outcomeOf(records, known, 'replay', digest)
    digest = outcome.digest
    for (const next of outcome.written) known.set(subjectText(next), next)
    for (const record of outcome.changed) latest.set(subjectText(record), record)
    for (const { updatedAt } of records)
      if (highWatermark === null || updatedAt > highWatermark) highWatermark = updatedAt
    totals.scanned += outcome.scanned
    totals.processed += outcome.processed
    totals.duplicates += outcome.duplicates
    checkpoints.push({
      ...{ cursor: position, highWatermark, digest: digestText(digest) },
      ...{ recordsProcessed: totals.processed, duplicateRecordsSkipped: totals.duplicates },
    })
  }
  const findings = [...latest.values()].flatMap((record) => [...judge(record)])
  return {
    checkpoints,
    stats: {
      recordsScanned: totals.scanned,
      uniqueRecordsProcessed: totals.processed,
      duplicateRecordsSkipped: totals.duplicates,
      driftFindings: findings.length,
      errors: 0,
    },
  }
}
