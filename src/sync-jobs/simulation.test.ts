import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SAMPLE_PAGES, type SamplePage, type SampleRecord } from './sample-pages.ts'
import { simulate } from './simulation.ts'

const [first, second] = SAMPLE_PAGES as [SamplePage, SamplePage]
const [lesson, score] = first.records as [SampleRecord, SampleRecord]

test('[JO-3] four records are scanned, three processed, one skipped, and one has no price', () => {
  const { stats, pages } = simulate()
  expect(stats).toEqual({
    recordsScanned: 4,
    uniqueRecordsProcessed: 3,
    duplicateRecordsSkipped: 1,
    driftFindings: 1,
    errors: 0,
  })
  expect(pages.map(({ checkpointAfter }) => checkpointAfter.recordsProcessed)).toEqual([2, 3])
})

test('[JO-3] other records give other numbers, cursors, checkpoints and digest', () => {
  const original = simulate()
  const unpriced = simulate([{ ...first, records: [{ ...lesson, stripePriceId: null }, score] }, second])
  expect(unpriced.stats.driftFindings).toBe(2)
  expect(unpriced.checkpoint.digest).not.toBe(original.checkpoint.digest)

  const changedMeanwhile = { ...score, amountCents: 1900, updatedAt: '2026-05-16T07:20:00.000Z' }
  const moved = simulate([first, { ...second, records: [changedMeanwhile, ...second.records.slice(1)] }])
  expect(moved.stats).toMatchObject({
    uniqueRecordsProcessed: 4,
    duplicateRecordsSkipped: 0,
    driftFindings: 1,
  })
  expect(moved.checkpoint.highWatermark).toBe('2026-05-16T07:20:00.000Z')

  const alone = simulate([first])
  expect(alone.checkpoint.cursor).toBe(
    'catalog-ref:shop-product:signed-score-download:2026-05-16T07:05:00.000Z',
  )
  expect(alone.stats).toMatchObject({ recordsScanned: 2, duplicateRecordsSkipped: 0 })

  const retired = simulate([{ ...first, records: [lesson, { ...score, active: false }] }])
  expect(retired.stats.driftFindings).toBe(0)
})

test('[JO-3] the digest is the same however the records are cut into pages', () => {
  const records = SAMPLE_PAGES.flatMap((page) => page.records)
  fc.assert(
    fc.property(
      fc.shuffledSubarray(records, { minLength: 4 }),
      fc.integer({ min: 1, max: 4 }),
      (order, size) => {
        const pages = Array.from({ length: Math.ceil(order.length / size) }, (_, index) => ({
          id: `page-${index}`,
          records: order.slice(index * size, (index + 1) * size),
        }))
        const { checkpoint, stats } = simulate(pages)
        expect(checkpoint.digest).toBe(simulate().checkpoint.digest)
        expect(stats).toEqual(simulate().stats)
      },
    ),
  )
})
