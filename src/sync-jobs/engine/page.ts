import type { ChangedRecord, JsonObject, SourceRecord, Subject } from './definition.ts'
import { hashOf, movedDigest } from './digest.ts'

/** What is known of a record before a page. */
export type KnownRecord = Subject & {
  updatedAt: Date
  hash: string
  content: JsonObject
  /** The run that saw it last. */
  seenRun: string
  deleted: boolean
}

/** A record as it is to be written. */
export type NextRecord = KnownRecord

/** What a page comes to: what is written, what only was seen again, and what counts. */
export type PageOutcome = {
  written: NextRecord[]
  /** Known already, and as they are; seen by this run for the first time. */
  seen: Subject[]
  changed: ChangedRecord[]
  scanned: number
  processed: number
  duplicates: number
  conflicts: number
  digest: string
}

export const subjectText = ({ sourceKind, key }: Subject): string => JSON.stringify([sourceKind, key])

/**
 * The decision about a page, without a database. A record that this run saw already in this version is a duplicate and
 * skipped, and so is one that is older than what is known. The same version with another content is processed, and
 * counted as a conflict. Whatever else is new to the run is processed; it is written if it is another than before.
 */
export function outcomeOf(
  records: readonly SourceRecord[],
  known: ReadonlyMap<string, KnownRecord>,
  runId: string,
  digest: string,
): PageOutcome {
  const before = new Map(known)
  const now = new Map<string, KnownRecord>()
  const counts = { scanned: records.length, processed: 0, duplicates: 0, conflicts: 0 }
  for (const record of records) {
    const text = subjectText(record)
    const last = now.get(text) ?? before.get(text)
    const next = nextOf(record, runId)
    const order = last ? record.updatedAt.getTime() - last.updatedAt.getTime() : 1
    const isSame = order === 0 && last?.hash === next.hash && last.deleted === next.deleted
    if (last && order < 0) {
      counts.duplicates++
      now.set(text, { ...last, seenRun: runId })
    } else if (last && isSame && last.seenRun === runId) counts.duplicates++
    else {
      counts.processed++
      if (order === 0 && !isSame) counts.conflicts++
      now.set(text, isSame && last ? { ...last, seenRun: runId } : next)
    }
  }
  return { ...counts, ...effectOf(records, before, now, digest) }
}

const nextOf = (record: SourceRecord, runId: string): NextRecord => ({
  ...{ sourceKind: record.sourceKind, key: record.key, updatedAt: record.updatedAt },
  ...{ hash: hashOf(record), content: record.content, seenRun: runId, deleted: record.deleted === true },
})

function effectOf(
  records: readonly SourceRecord[],
  before: ReadonlyMap<string, KnownRecord>,
  now: ReadonlyMap<string, KnownRecord>,
  digest: string,
): Pick<PageOutcome, 'written' | 'seen' | 'changed' | 'digest'> {
  const written: NextRecord[] = []
  const seen: Subject[] = []
  const changed: ChangedRecord[] = []
  const gone: string[] = []
  const come: string[] = []
  // in the order in which keys came first, so that a page always does the same
  for (const text of new Set(records.map(subjectText))) {
    const next = now.get(text)
    if (!next) continue
    const last = before.get(text)
    if (last && last.hash === next.hash && last.deleted === next.deleted) {
      seen.push({ sourceKind: next.sourceKind, key: next.key })
      continue
    }
    written.push(next)
    if (last && !last.deleted) gone.push(last.hash)
    if (!next.deleted) come.push(next.hash)
    const { sourceKind, key, updatedAt, content, deleted } = next
    changed.push({
      ...{ sourceKind, key, updatedAt, content, ...(deleted ? { deleted } : {}) },
      before: last && !last.deleted ? last.content : null,
    })
  }
  return { written, seen, changed, digest: movedDigest(digest, gone, come) }
}
