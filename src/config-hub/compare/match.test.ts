import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Candidate, type MatchedBy, match } from './match.ts'

const candidate = (id: string, more: Partial<Candidate> = {}): Candidate => ({
  ...{ id, title: '', naturalKey: null, names: [] },
  ...more,
})
const nothing = { claimed: new Set<string>(), blocked: [], translate: () => undefined }
const titled = (...entries: [string, string][]) => entries.map(([id, title]) => candidate(id, { title }))

describe('[CC-18] matching', () => {
  test('goes by natural key, else by alias or slug, else by title, and says by which', () => {
    const sources = [
      candidate('s1', { naturalKey: '["k"]', title: 'B' }),
      candidate('s2', { names: ['x', 'y'] }),
      candidate('s3', { title: ' Solar ' }),
      candidate('s4', { title: 'Nowhere' }),
    ]
    const targets = [
      candidate('t1', { naturalKey: '["k"]', title: 'A' }),
      candidate('t2', { names: ['y'] }),
      candidate('t3', { title: 'solar' }),
      candidate('t4', { title: 'B' }),
    ]
    const { matches, ambiguous } = match({ ...nothing, sources, targets })
    expect(matches).toEqual([
      { sourceId: 's1', targetId: 't1', by: 'natural_key' },
      { sourceId: 's2', targetId: 't2', by: 'name' },
      { sourceId: 's3', targetId: 't3', by: 'title' },
    ])
    expect(ambiguous.size).toBe(0)
  })

  test('takes none where several would do, on either side, and does not try them by less', () => {
    const several = match({
      ...nothing,
      sources: titled(['s', 'A']),
      targets: titled(['t2', 'A'], ['t1', 'a']),
    })
    expect(several).toEqual({ matches: [], ambiguous: new Map([['s', ['t1', 't2']]]) })
    const rivals = match({
      ...nothing,
      sources: titled(['s1', 'A'], ['s2', 'A']),
      targets: titled(['t', 'A']),
    })
    expect([...rivals.ambiguous.keys()]).toEqual(['s1', 's2'])
    const byLess = match({
      ...nothing,
      sources: [candidate('s', { names: ['x'], title: 'Only' })],
      targets: [candidate('t1', { names: ['x'] }), candidate('t2', { names: ['x'], title: 'Only' })],
    })
    expect(byLess).toEqual({ matches: [], ambiguous: new Map([['s', ['t1', 't2']]]) })
  })

  test('translates ids of the source within natural keys', () => {
    const found = match({
      ...nothing,
      sources: [candidate('s', { naturalKey: '["parent-s","de",1]' })],
      targets: [
        candidate('t', { naturalKey: '["parent-t","de",1]' }),
        candidate('u', { naturalKey: '["parent-s","de",1]' }),
      ],
      translate: (id) => (id === 'parent-s' ? 'parent-t' : undefined),
    })
    expect(found.matches).toEqual([{ sourceId: 's', targetId: 't', by: 'natural_key' }])
  })

  test('leaves out what is claimed, and pairs that are blocked', () => {
    const [sources, targets] = [titled(['s', 'A']), titled(['t', 'A'], ['u', 'A'])]
    const found = (more: object) => match({ ...nothing, sources, targets, ...more }).matches
    expect(found({ claimed: new Set(['u']) })).toEqual([{ sourceId: 's', targetId: 't', by: 'title' }])
    expect(found({ claimed: new Set(['u']), blocked: [{ sourceId: 's', targetId: 't' }] })).toEqual([])
    expect(found({ claimed: new Set(['u']), blocked: [{ sourceId: 'x', targetId: 't' }] })).toHaveLength(1)
  })

  const side = (prefix: string) =>
    fc.uniqueArray(
      fc.record({
        id: fc.nat(9).map((n) => `${prefix}${n}`),
        title: fc.constantFrom('', ' ', 'A', 'a', 'B', 'C', 'D'),
        naturalKey: fc.constantFrom(null, '["k"]', '["s1"]', '["t1"]', '["l","m"]'),
        names: fc.uniqueArray(fc.constantFrom('x', 'y', 'z'), { maxLength: 2 }),
      }),
      { selector: ({ id }) => id, maxLength: 7 },
    )
  const given = fc.record({
    sources: side('s'),
    targets: side('t'),
    claimed: fc.uniqueArray(
      fc.nat(9).map((n) => `t${n}`),
      { maxLength: 3 },
    ),
    blocked: fc.array(
      fc.record({ sourceId: fc.nat(9).map((n) => `s${n}`), targetId: fc.nat(9).map((n) => `t${n}`) }),
      { maxLength: 4 },
    ),
  })
  const translate = (id: string) => (id === 's1' ? 't1' : undefined)
  const matched = ({
    claimed,
    ...rest
  }: {
    sources: Candidate[]
    targets: Candidate[]
    claimed: string[]
    blocked: { sourceId: string; targetId: string }[]
  }) => match({ ...rest, claimed: new Set(claimed), translate })
  const keysBy: Record<MatchedBy, (each: Candidate, isSource: boolean) => string[]> = {
    natural_key: ({ naturalKey }, isSource) =>
      naturalKey === null ? [] : [isSource && naturalKey === '["s1"]' ? '["t1"]' : naturalKey],
    name: ({ names }) => [...names],
    title: ({ title }) => (title.trim() === '' ? [] : [title.trim().toLowerCase()]),
  }

  test('is one to one, of what is neither claimed nor blocked, and nothing is both matched and ambiguous', () => {
    fc.assert(
      fc.property(given, (input) => {
        const { matches, ambiguous } = matched(input)
        const [lefts, rights] = [matches.map((each) => each.sourceId), matches.map((each) => each.targetId)]
        expect([new Set(lefts).size, new Set(rights).size]).toEqual([lefts.length, rights.length])
        for (const { sourceId, targetId } of matches) {
          expect(input.claimed).not.toContain(targetId)
          expect(input.blocked).not.toContainEqual({ sourceId, targetId })
          expect(ambiguous.has(sourceId)).toBe(false)
        }
      }),
      { numRuns: 3_000 },
    )
  })

  test('never takes one of several: no other that is free by then shares what two were matched by', () => {
    const order: MatchedBy[] = ['natural_key', 'name', 'title']
    fc.assert(
      fc.property(given, (input) => {
        const { matches, ambiguous } = matched(input)
        for (const { sourceId, targetId, by } of matches) {
          const source = input.sources.find(({ id }) => id === sourceId) as Candidate
          const target = input.targets.find(({ id }) => id === targetId) as Candidate
          const keys = keysBy[by](source, true)
          expect(keysBy[by](target, false).some((key) => keys.includes(key))).toBe(true)
          const before = matches.filter((each) => order.indexOf(each.by) < order.indexOf(by))
          const others = input.targets.filter(
            ({ id }) =>
              id !== targetId &&
              !input.claimed.includes(id) &&
              !before.some((each) => each.targetId === id) &&
              !input.blocked.some((each) => each.sourceId === sourceId && each.targetId === id),
          )
          expect(others.filter((each) => keysBy[by](each, false).some((key) => keys.includes(key)))).toEqual(
            [],
          )
          const rivals = input.sources.filter(
            ({ id }) => id !== sourceId && !before.some((each) => each.sourceId === id) && !ambiguous.has(id),
          )
          expect(rivals.filter((each) => keysBy[by](each, true).some((key) => keys.includes(key)))).toEqual(
            [],
          )
        }
      }),
      { numRuns: 3_000 },
    )
  })

  test('is the same whatever the order', () => {
    const shuffled = given.chain((input) =>
      fc.record({
        input: fc.constant(input),
        other: fc.record({
          sources: fc.shuffledSubarray(input.sources, { minLength: input.sources.length }),
          targets: fc.shuffledSubarray(input.targets, { minLength: input.targets.length }),
          claimed: fc.constant(input.claimed),
          blocked: fc.shuffledSubarray(input.blocked, { minLength: input.blocked.length }),
        }),
      }),
    )
    const ordered = ({ matches, ambiguous }: ReturnType<typeof match>) => [
      matches.map((each) => JSON.stringify(each)).sort(),
      [...ambiguous].sort(([a], [b]) => (a < b ? -1 : 1)),
    ]
    fc.assert(
      fc.property(shuffled, ({ input, other }) => {
        expect(ordered(matched(other))).toEqual(ordered(matched(input)))
      }),
      { numRuns: 3_000 },
    )
  })
})
