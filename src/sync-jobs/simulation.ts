import { redactPriceId } from '../catalog/redact.ts'
import type { SourceRecord } from './engine/definition.ts'
import { hashOf } from './engine/digest.ts'
import { replayPages } from './engine/replay.ts'
import { SAMPLE_ENDED_AT, SAMPLE_PAGES, type SamplePage, type SampleRecord } from './sample-pages.ts'
import { judgeItem } from './stripe-catalog/rules.ts'
import type { ItemSide } from './stripe-catalog/sides.ts'

export type Simulation = ReturnType<typeof simulate>

/**
 * Replays pages of sample records: the decision about a page, the digest and the rule of drift are those of real scans;
 * only the database is left out.
 */
export function simulate(pages: readonly SamplePage[] = SAMPLE_PAGES, endedAt = SAMPLE_ENDED_AT) {
  const { checkpoints, stats } = replayPages(
    pages.map(({ records }) => ({ records: records.map(recordOf), position: positionOf(records) })),
    ({ content }) => findingsOf(content as unknown as ItemSide),
  )
  const shown = pages.map((page, index) => {
    const { highWatermark, recordsProcessed, duplicateRecordsSkipped } = checkpoints[index]!
    const outputCursor = positionOf(page.records)
    return {
      id: page.id,
      inputCursor: index === 0 ? null : positionOf(pages[index - 1]!.records),
      outputCursor,
      records: page.records.map((record) => shownRecord(record, pages.slice(0, index))),
      checkpointAfter: {
        cursor: outputCursor,
        highWatermark: highWatermark?.toISOString() ?? null,
        recordsProcessed,
        duplicateRecordsSkipped,
      },
    }
  })
  const last = shown.at(-1)!
  return {
    pages: shown,
    stats,
    /** Where the last page began and ended. */
    cursor: { value: last.inputCursor, nextValue: last.outputCursor },
    checkpoint: {
      ...last.checkpointAfter,
      lastSuccessfulAt: endedAt.toISOString(),
      digest: checkpoints.at(-1)!.digest,
    },
  }
}

/** The app side alone: the sample has no prices to compare with. */
const findingsOf = (item: ItemSide) =>
  judgeItem({ item, price: null, product: null, coverage: 'app-side-only' }).map((each) => ({ class: each }))

/** What is compared of an item, as sources of real scans give it. */
const recordOf = ({ sourceKind, slug, updatedAt, ...more }: SampleRecord): SourceRecord => ({
  sourceKind,
  key: slug,
  updatedAt: new Date(updatedAt),
  content: { sourceKind, key: slug, interval: null, ...more },
})

const referenceOf = ({ sourceKind, slug, updatedAt }: SampleRecord): string =>
  `catalog-ref:${sourceKind}:${slug}:${updatedAt}`

/** A page ends behind its last record. */
const positionOf = (records: SamplePage['records']): string => referenceOf(records.at(-1)!)

const shownRecord = (record: SampleRecord, before: readonly SamplePage[]) => ({
  key: `${record.sourceKind}:${record.slug}`,
  sourceKind: record.sourceKind,
  title: record.title,
  updatedAt: record.updatedAt,
  active: record.active,
  amountCents: record.amountCents,
  currency: record.currency,
  duplicateOfPreviousPage: before.some(({ records }) =>
    records.some((each) => hashOf(recordOf(each)) === hashOf(recordOf(record))),
  ),
  modelVisibleReference: referenceOf(record),
  hasStripePrice: record.stripePriceId !== null,
  redactedStripePriceId: record.stripePriceId === null ? null : redactPriceId(record.stripePriceId),
})
