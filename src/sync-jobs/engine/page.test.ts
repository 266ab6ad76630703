import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SourceRecord } from './definition.ts'
import { EMPTY_DIGEST, movedDigest } from './digest.ts'
import { type KnownRecord, outcomeOf, subjectText } from './page.ts'
import { replayPages } from './replay.ts'

const record = (key: string, at: number, content: number): SourceRecord => ({
  sourceKind: 'thing',
  key,
  updatedAt: new Date(at),
  content: { content },
})

const Records = fc.array(
  fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd', 'e'), at: fc.nat(3), overlap: fc.nat(2) }),
  { minLength: 1, maxLength: 30 },
)

/** Pages of a given size, each of which begins with the last `overlap` records of the one before. */
const pagesOf = (records: readonly SourceRecord[], size: number, overlap: number) =>
  Array.from({ length: Math.ceil(records.length / size) }, (_, n) => ({
    records: records.slice(Math.max(0, n * size - overlap), (n + 1) * size),
    position: String(n),
  }))

describe('[SE-1] the digest of what was seen', () => {
  test('is the same whatever the size of pages, their overlap and the order of records', () => {
    fc.assert(
      fc.property(
        Records,
        fc.integer({ min: 1, max: 7 }),
        fc.nat(3),
        fc.nat(),
        (drawn, size, overlap, seed) => {
          // a version has one content: what has several is a conflict, where the last one counts
          const records = drawn.map(({ key, at }) => record(key, at, at))
          const whole = replayPages([{ records, position: '' }], () => [])
          const paged = replayPages(pagesOf(records, size, overlap), () => [])
          const turned = [
            ...records.slice(seed % (records.length + 1)),
            ...records.slice(0, seed % (records.length + 1)),
          ]
          const other = replayPages(pagesOf(turned, size, 0), () => [])
          const digest = (replayed: typeof whole) => replayed.checkpoints.at(-1)?.digest
          expect(digest(paged)).toBe(digest(whole))
          expect(digest(other)).toBe(digest(whole))
        },
      ),
    )
  })

  test('is the sum of the hashes of what is there, moved on by each change', () => {
    const one = 'ff'.repeat(32)
    const two = `${'0'.repeat(63)}2`
    const both = movedDigest(EMPTY_DIGEST, [], [one, two])
    expect(both).toBe(`${'0'.repeat(63)}1`)
    expect(movedDigest(both, [one], [])).toBe(two)
    expect(movedDigest(both, [one, two], [])).toBe(EMPTY_DIGEST)
  })
})

describe('[SE-2] of each page', () => {
  test('every record is processed or skipped as a duplicate, and nothing older replaces what is newer', () => {
    fc.assert(
      fc.property(Records, fc.integer({ min: 1, max: 5 }), (drawn, size) => {
        const known = new Map<string, KnownRecord>()
        let digest = EMPTY_DIGEST
        for (const { records } of pagesOf(
          drawn.map(({ key, at }) => record(key, at, at)),
          size,
          0,
        )) {
          const outcome = outcomeOf(records, known, 'run', digest)
          expect(outcome.processed + outcome.duplicates).toBe(outcome.scanned)
          digest = outcome.digest
          for (const next of outcome.written) {
            const before = known.get(subjectText(next))
            expect(next.updatedAt.getTime()).toBeGreaterThanOrEqual(before?.updatedAt.getTime() ?? 0)
            known.set(subjectText(next), next)
          }
        }
        const newest = Map.groupBy(drawn, ({ key }) => key)
        for (const { key, updatedAt } of known.values())
          expect(updatedAt.getTime()).toBe(Math.max(...(newest.get(key as 'a') ?? []).map(({ at }) => at)))
        expect(digest).toBe(
          movedDigest(
            EMPTY_DIGEST,
            [],
            [...known.values()].map(({ hash }) => hash),
          ),
        )
      }),
    )
  })

  test('one version with another content is processed, and counted as a conflict', () => {
    const outcome = outcomeOf([record('a', 1, 1), record('a', 1, 2)], new Map(), 'run', EMPTY_DIGEST)
    expect(outcome).toMatchObject({ scanned: 2, processed: 2, duplicates: 0, conflicts: 1 })
    expect(outcome.written).toMatchObject([{ key: 'a', content: { content: 2 } }])
  })

  test('what the run saw is skipped, what an earlier run saw is processed and not written', () => {
    const first = outcomeOf([record('a', 1, 1)], new Map(), 'first', EMPTY_DIGEST)
    const known = new Map(first.written.map((each) => [subjectText(each), each]))
    const again = outcomeOf([record('a', 1, 1), record('a', 1, 1)], known, 'second', first.digest)
    expect(again).toMatchObject({
      processed: 1,
      duplicates: 1,
      conflicts: 0,
      written: [],
      digest: first.digest,
    })
    expect(again.seen).toEqual([{ sourceKind: 'thing', key: 'a' }])
  })
})
