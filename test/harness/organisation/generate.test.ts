import { describe, expect, test } from 'vitest'
import { BUILT_IN_REGISTRY } from '../../../src/config-hub/types/registry.ts'
import { type Generated, generate, generateOne } from './generate.ts'
import { layoutOf, TYPES } from './layout.ts'
import { SMALL } from './small.ts'

const SEED = 20_260_501
const all = [...generate({ seed: SEED, documents: 20_000 })]
const keyOf = ({ type, id }: { type: string; id: string }) => `${type}/${id}`
const keys = new Set(all.map(keyOf))
const sizes = all.map(({ document }) => JSON.stringify(document).length).sort((a, b) => a - b)
const at = (part: number) => sizes[Math.floor(part * (sizes.length - 1))] as number
/** What a path without wildcards leads to. */
const valueAt = (document: unknown, pointer: string): unknown =>
  pointer
    .split('/')
    .slice(1)
    .reduce<any>((value, name) => value?.[name], document)

const taken = (from: Generator<Generated>, count: number): Generated[] =>
  Array.from({ length: count }, () => from.next().value)

const first = (count: number, seed: number, documents = 1_000): Generated[] =>
  taken(generate({ seed, documents }), count)

describe('a generated organisation', () => {
  test('follows from its seed alone', () => {
    expect(first(1_000, 1)).toEqual(first(1_000, 1))
    expect(first(50, 1)).not.toEqual(first(50, 2))
  })

  test('comes one at a time, and any one without the others', () => {
    const large = { seed: 3, documents: 200_000 }
    const few = taken(generate(large), 20)
    expect(few).toHaveLength(20)
    const layout = layoutOf(large.documents)
    expect(generateOne({ seed: 3, layout }, few[7]!.type, 7)).toEqual(few[7])
  })

  test.each([33, 1_000, 20_000, 200_000])('of %i has that many, of every type', (documents) => {
    const layout = layoutOf(documents)
    expect(Object.values(layout).reduce((sum, count) => sum + count, 0)).toBe(documents)
    expect(Math.min(...Object.values(layout))).toBeGreaterThanOrEqual(1)
    expect(new Set(TYPES)).toEqual(new Set(BUILT_IN_REGISTRY.keys()))
  })

  test('of fewer than one of each type there is none', () => {
    expect(() => [...generate({ seed: 1, documents: 32 })]).toThrow(RangeError)
  })

  test('has the types in their proportions, and each id once', () => {
    expect(all).toHaveLength(20_000)
    expect(keys.size).toBe(20_000)
    const counts = Object.groupBy(all, ({ type }) => type)
    const share = (type: string) => (counts[type as 'file']?.length ?? 0) / all.length
    expect(share('file')).toBeGreaterThan(0.13)
    expect(share('price')).toBeGreaterThan(share('product'))
    expect(share('portal_config')).toBeLessThan(0.01)
  })

  test('has documents of 150 bytes to 200 kB, half of them below 1.7 kB and with a heavy tail', () => {
    expect(sizes[0]).toBeGreaterThan(150)
    expect(sizes.at(-1)).toBeLessThan(200_000)
    expect(at(0.5)).toBeGreaterThan(1_300)
    expect(at(0.5)).toBeLessThan(1_700)
    expect(at(0.99)).toBeGreaterThan(20_000)
    const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length
    expect(mean).toBeLessThan(4_000)
    expect(mean).toBeGreaterThan(2_500)
  })

  test('says in its documents what its types look for there', () => {
    for (const { type, id, document } of all) {
      const of = BUILT_IN_REGISTRY.get(type)!
      expect(valueAt(document, of.id_path), type).toBe(id)
      expect(
        of.title_paths.some((path) => typeof valueAt(document, path) === 'string'),
        type,
      ).toBe(true)
      const updated = of.updated_at_path && valueAt(document, of.updated_at_path)
      if (updated !== undefined) expect(Date.parse(String(updated)), type).toBeGreaterThan(0)
    }
    const has = (path: 'active_path' | 'updated_at_path' | 'usage_path') =>
      all.filter(({ type, document }) => {
        const pointer = BUILT_IN_REGISTRY.get(type)![path]
        return pointer !== undefined && valueAt(document, pointer) !== undefined
      }).length
    expect(has('active_path')).toBeGreaterThan(5_000)
    expect(has('updated_at_path')).toBeGreaterThan(19_000)
    expect(has('usage_path')).toBeGreaterThan(2_000)
  })

  test('was changed over three years, lately more often', () => {
    const times = all.flatMap(({ type, document }) => {
      const path = BUILT_IN_REGISTRY.get(type)!.updated_at_path
      return path ? [Date.parse(String(valueAt(document, path)))] : []
    })
    const known = times.filter(Number.isFinite).sort((a, b) => a - b)
    const years = (known.at(-1)! - known[0]!) / (365 * 86_400_000)
    expect(years).toBeGreaterThan(2.9)
    expect(known[Math.floor(known.length / 2)]).toBeGreaterThan(Date.parse('2025-06-01T00:00:00Z'))
  })

  test('has titles that several share', () => {
    const titles = Map.groupBy(all, ({ document }) => `${document._title ?? document.name}`)
    const shared = [...titles.values()].filter((group) => group.length > 1)
    expect(shared.length).toBeGreaterThan(5)
  })
})

describe('what was planted', () => {
  const planted = all.flatMap((one) => one.planted.map((each) => ({ ...each, from: one })))

  test('is about five references for each document, to few often and to most seldom', () => {
    expect(planted.length / all.length).toBeGreaterThan(4.5)
    expect(planted.length / all.length).toBeLessThan(5.5)
    const counts = Map.groupBy(
      planted.filter(({ to }) => to),
      ({ to }) => keyOf(to!),
    )
    const fan = [...counts.values()].map((group) => group.length).sort((a, b) => b - a)
    expect(fan[0]).toBeGreaterThan(500)
    expect(fan[Math.floor(fan.length / 2)]).toBeLessThan(6)
  })

  test('leads to what there is, or dangles, which nothing required does', () => {
    for (const { to } of planted) if (to) expect(keys.has(keyOf(to))).toBe(true)
    const dangling = planted.filter(({ to }) => !to)
    expect(dangling.length).toBeGreaterThan(50)
    for (const { required, kind, name } of dangling) {
      expect([required, ['id', 'slug', 'any'].includes(kind)]).toEqual([false, true])
      expect([...TYPES].some((type) => keys.has(`${type}/${name}`))).toBe(false)
    }
  })

  test('stands in the document, once in the list', () => {
    for (const { document, planted: list } of all) {
      const text = JSON.stringify(document)
      for (const { name } of list) expect(text).toContain(name)
      const names = list.map(({ name, kind, toType }) => `${kind} ${toType} ${name}`)
      expect(new Set(names).size).toBe(names.length)
    }
  })

  test('has cycles of three and references to oneself, and none among those required', () => {
    const edges = new Map(all.map((one) => [keyOf(one), one.planted]))
    const goesTo = (from: string, type: string) =>
      (edges.get(from) ?? []).flatMap(({ to, kind }) =>
        to?.type === type && kind === 'id' ? [keyOf(to)] : [],
      )
    const cycles = all
      .filter(({ type }) => type === 'journey')
      .filter((journey) =>
        goesTo(keyOf(journey), 'automation_flow')
          .flatMap((flow) => goesTo(flow, 'entity_mapping'))
          .some((mapping) => goesTo(mapping, 'journey').includes(keyOf(journey))),
      )
    expect(cycles.length).toBeGreaterThan(500)
    const selfReferences = planted.filter(({ from, to }) => to && keyOf(to) === keyOf(from))
    expect(new Set(selfReferences.map(({ from }) => from.type))).toEqual(new Set(['product', 'schema']))
    expect(planted.filter(({ required }) => required).length).toBeGreaterThan(5_000)
    expect(isAcyclic(planted.filter(({ required }) => required))).toBe(true)
  })

  test('is declared, in texts and in templates', () => {
    const kinds = Object.groupBy(planted, ({ kind }) => kind)
    for (const kind of ['id', 'slug', 'any', 'text', 'template'] as const)
      expect(kinds[kind]?.length, kind).toBeGreaterThan(500)
  })
})

type Edge = { from: Generated; to: { type: string; id: string } | null }

/** Takes away whatever nothing refers to, until nothing is left or everything goes round. */
function isAcyclic(edges: readonly Edge[]): boolean {
  const targets = new Map<string, string[]>()
  const indegree = new Map<string, number>()
  for (const { from, to } of edges) {
    const [a, b] = [keyOf(from), keyOf(to!)]
    targets.set(a, [...(targets.get(a) ?? []), b])
    indegree.set(a, indegree.get(a) ?? 0)
    indegree.set(b, (indegree.get(b) ?? 0) + 1)
  }
  const free = [...indegree].filter(([, count]) => count === 0).map(([key]) => key)
  let taken = 0
  for (let key = free.pop(); key !== undefined; key = free.pop()) {
    taken++
    for (const next of targets.get(key) ?? []) {
      const left = indegree.get(next)! - 1
      indegree.set(next, left)
      if (left === 0) free.push(next)
    }
  }
  return taken === indegree.size
}

describe.each(Object.entries(SMALL))('the small organisation %s', (_name, small) => {
  test('says the same of both ends', () => {
    const pairs = (map: Record<string, string[]>, turn: boolean) =>
      Object.entries(map)
        .flatMap(([key, others]) => others.map((other) => (turn ? `${other} ${key}` : `${key} ${other}`)))
        .sort()
    expect(pairs(small.usedBy, true)).toEqual(pairs(small.dependencies, false))
    const known = new Set(small.documents.map(keyOf))
    for (const key of [...Object.keys(small.dependencies), ...Object.keys(small.usedBy)])
      expect(known.has(key), key).toBe(true)
  })

  test('has types that there are, with the id where the type says', () => {
    for (const { type, id, document } of small.documents)
      expect(valueAt(document, BUILT_IN_REGISTRY.get(type)!.id_path)).toBe(id)
  })
})
