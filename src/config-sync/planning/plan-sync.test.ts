import { describe, expect, test } from 'vitest'
import type { Document } from '../../config-hub/index/entry.ts'
import type { KnownPair, SyncInput } from './input.ts'
import type { SyncPlan } from './plan.ts'
import { planSync } from './plan-sync.ts'
import { inputOf, type Pairs, put, type World, worldOf } from './testing.ts'
import { apply } from './testing-apply.ts'

type Documents = Readonly<Record<string, Document>>

/** Documents by `type/id`. */
const world = (documents: Documents, kind: World['kind'] = 'store'): World =>
  worldOf(
    kind,
    Object.entries(documents).map(([key, document]) => {
      const [type, id] = key.split('/') as [string, string]
      return { type, id, document }
    }),
  )

const pair = (type: string, sourceId: string, targetId: string): [string, KnownPair] => [
  `${type}/${sourceId}`,
  { type, sourceId, targetId, mirrored: false, base: null, baseMirrored: false },
]

const planned = (
  source: Documents,
  target: Documents,
  { kind = 'store' as World['kind'], pairs = [] as [string, KnownPair][], ...more } = {} as Partial<
    Omit<SyncInput, 'pairs'>
  > & {
    kind?: World['kind']
    pairs?: [string, KnownPair][]
  },
): SyncPlan => planSync(inputOf(world(source), world(target, kind), new Map(pairs), more))

const rowOf = ({ rows }: SyncPlan, key: string) => {
  const found = rows.find(({ type, sourceId }) => `${type}/${sourceId}` === key)
  if (!found) throw new Error(`no row ${key}`)
  return found
}
const brief = (plan: SyncPlan) =>
  Object.fromEntries(
    plan.rows.map(({ sourceId, action, targetId, matchedBy, refusal }) => [
      sourceId,
      [action, targetId, matchedBy, ...(refusal ? [refusal.code] : [])],
    ]),
  )

describe('what a source is at the target', () => {
  test('[SP-23] is what lineage says, else what has its natural key, else its alias, else its title', () => {
    const target = {
      'thing/t1': { key: 'a', title: 'A' },
      'thing/t2': { key: 'b', title: 'B' },
      'thing/t3': { slug: 'cc', title: 'C' },
      'thing/t4': { title: ' the title' },
    }
    const source = {
      'thing/s1': { key: 'b', title: 'A', slug: 'cc' },
      'thing/s2': { key: 'a', title: 'B' },
      'thing/s3': { slug: 'cc', title: 'B' },
      'thing/s4': { title: 'The Title' },
    }
    expect(brief(planned(source, target))).toMatchObject({
      s1: [expect.any(String), 't2', 'natural_key'],
      s2: [expect.any(String), 't1', 'natural_key'],
      s3: [expect.any(String), 't3', 'name'],
      s4: [expect.any(String), 't4', 'title'],
    })
    const pairs = [pair('thing', 's2', 't4')]
    const withLineage = brief(planned(source, target, { pairs }))
    expect(withLineage.s2).toEqual(['patch', 't4', 'lineage'])
    // what lineage gave away is nobody else's
    expect(withLineage.s4?.slice(0, 2)).toEqual(['create', 's4'])
  })

  test('[SP-23] is never one that people parted it from', () => {
    const blocked = [{ type: 'thing', sourceId: 's1', targetId: 't1' }]
    const plan = planned({ 'thing/s1': { key: 'a' } }, { 'thing/t1': { key: 'a' } }, { blocked })
    expect(brief(plan)).toEqual({ s1: ['create', 's1', null] })
  })

  test('[SP-23] is found by natural keys that hold ids, as the target knows those', () => {
    const types = new Map(inputOf(world({}), world({})).sourceTypes)
    types.set('leaf', {
      ...(types.get('leaf') as NonNullable<ReturnType<typeof types.get>>),
      natural_key: ['/owner'],
    })
    const key = (id: string) => JSON.stringify([id])
    const input = inputOf(
      world({ 'thing/s1': { key: 'a' }, 'leaf/l1': { owner: 's1', title: 'one' } }),
      world({ 'thing/t1': { key: 'a' }, 'leaf/m1': { owner: 't1', title: 'other' } }),
      new Map([pair('thing', 's1', 't1')]),
    )
    const keyed = <T extends { type: string; document: Document }>(items: readonly T[]): T[] =>
      items.map((each) =>
        each.type === 'leaf' ? { ...each, naturalKey: key(String(each.document.owner)) } : each,
      )
    const plan = planSync({ ...input, sources: keyed(input.sources), targets: keyed(input.targets) })
    expect(rowOf(plan, 'leaf/l1')).toMatchObject({
      targetId: 'm1',
      matchedBy: 'natural_key',
      action: 'patch',
    })
  })

  test('[SP-23] is found by a natural key that is called like its id, which stays what it is', () => {
    const taken = { 'thing/s-one': { key: 'other', title: 'Other' } }
    const source = { 'thing/s-one': { id: 's-one', key: 's-one', note: 'of s-one' } }
    for (const kind of ['store', 'place'] as const) {
      const row = rowOf(planned(source, taken, { kind }), 'thing/s-one')
      expect(row.desired).toMatchObject({ key: 's-one' })
      expect(row.desired?.note).toBe(`of ${row.targetId ?? '⟨thing/s-one⟩'}`)
    }
  })

  test('[SP-24] is reported and not guessed where several could be', () => {
    const several = { 'thing/t1': { title: 'Same' }, 'thing/t2': { title: 'Same' } }
    const row = rowOf(planned({ 'thing/s1': { title: 'Same' } }, several), 'thing/s1')
    expect(row).toMatchObject({
      action: 'refused',
      refusal: { code: 'ambiguous-match', among: ['t1', 't2'] },
    })
    const both = planned({ 'thing/s1': { key: 'a' }, 'thing/s2': { key: 'a' } }, { 'thing/t1': { key: 'a' } })
    expect(both.rows.map(({ refusal }) => refusal?.code)).toEqual(['ambiguous-match', 'ambiguous-match'])
    expect(both.tasks).toEqual([])
  })

  test('[SP-25] keeps its id where that is free at the target, else has one that follows from it', () => {
    const taken = planned({ 'thing/x': { key: 'a' } }, { 'thing/x': { key: 'other', title: 'Other' } })
    const id = rowOf(taken, 'thing/x').targetId
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(
      rowOf(
        planned({ 'thing/x': { key: 'a', n: 2 } }, { 'thing/x': { key: 'other', title: 'Other' } }),
        'thing/x',
      ).targetId,
    ).toBe(id)
    expect(rowOf(planned({ 'thing/x': { key: 'a' } }, {}), 'thing/x').targetId).toBe('x')
    expect(rowOf(planned({ 'thing/x': { key: 'a' } }, {}, { kind: 'place' }), 'thing/x').targetId).toBeNull()
  })

  test('[SP-26] is created again where the target deleted it, under its id of before, and the plan warns', () => {
    const pairs = [pair('thing', 's1', 't1')]
    const row = rowOf(planned({ 'thing/s1': { key: 'a' } }, {}, { pairs }), 'thing/s1')
    expect(row).toMatchObject({ action: 'create', targetId: 't1' })
    expect(row.warnings).toEqual(['The target had its counterpart and deleted it; it is created again.'])
  })
})

describe('what is refused', () => {
  test('[SP-27] creates that need what will not be there, and whatever needs those; others go on', () => {
    const plan = planned(
      {
        'leaf/l3': { owner: 'gone', title: '3' },
        'leaf/l2': { twin: 'l3', title: '2' },
        'leaf/l1': { twin: 'l2', title: '1' },
        'thing/s1': { leaf: 'l1', key: 'a' },
      },
      {},
    )
    expect(brief(plan)).toEqual({
      l1: ['refused', 'l1', null, 'required-missing'],
      l2: ['refused', 'l2', null, 'required-missing'],
      l3: ['refused', 'l3', null, 'required-missing'],
      s1: ['create', 's1', null],
    })
    expect(rowOf(plan, 'leaf/l1').refusal?.message).toContain('leaf l2')
    expect(rowOf(plan, 'thing/s1').warnings).toEqual([
      'It refers to leaf l1, which has no counterpart at the target.',
    ])
  })

  test('[SP-27] not what the target has under that name itself', () => {
    const plan = planned({ 'leaf/l1': { owner: 'there' } }, { 'thing/there': { key: 'z' } })
    expect(rowOf(plan, 'leaf/l1').action).toBe('create')
  })

  test('[SP-28] circles of what cannot be without each other, named, with all that waits for them; where ids are chosen too', () => {
    const source = {
      'leaf/l1': { twin: 'l2', title: '1' },
      'leaf/l2': { twin: 'l1', title: '2' },
      'leaf/l3': { twin: 'l1', title: '3' },
      'leaf/l4': { title: '4' },
    }
    const plan = planned(source, {}, { kind: 'place' })
    expect(plan.rows.map(({ refusal }) => refusal?.code)).toEqual([
      ...['required-circle', 'required-circle', 'required-circle'],
      undefined,
    ])
    const { message = '', among } = rowOf(plan, 'leaf/l3').refusal ?? {}
    expect([...(among ?? [])].sort()).toEqual(['leaf l1', 'leaf l2'])
    expect(message).toMatch(/(leaf l1 > leaf l2 > leaf l1|leaf l2 > leaf l1 > leaf l2)/)
    expect(plan.tasks).toHaveLength(1)
    // ids that are known can be written before what they name is there
    expect(planned(source, {}).rows.map(({ action }) => action)).toEqual([
      'create',
      'create',
      'create',
      'create',
    ])
  })

  test('[SP-29] what the target has no place for, cannot create or cannot change', () => {
    const places = new Map([
      ['thing', { choosesIds: true, creates: false, patches: true, deletes: true }],
      ['flow', { choosesIds: true, creates: true, patches: false, deletes: true }],
    ])
    const plan = planned(
      { 'thing/s1': { key: 'a' }, 'leaf/l1': {}, 'flow/f1': { key: 'f', title: 'new' } },
      { 'flow/f9': { key: 'f', title: 'old' } },
      {
        places,
        selected: [
          { type: 'thing', id: 'nobody' },
          { type: 'unheard', id: 'x' },
        ],
      },
    )
    expect(plan.rows.map(({ sourceId, refusal }) => [sourceId, refusal?.code])).toEqual([
      ['f1', 'not-writable'],
      ['l1', 'not-writable'],
      ['nobody', 'source-missing'],
      ['s1', 'not-writable'],
      ['x', 'source-missing'],
    ])
    expect(plan.tasks).toEqual([])
  })
})

describe('conflicts', () => {
  const synced = () => {
    const [source, target] = [world({ 'thing/s1': { key: 'a', one: 1, two: { x: 1, y: 1 } } }), world({})]
    const pairs: Pairs = new Map()
    apply(planSync(inputOf(source, target, pairs)), target, pairs)
    put(source, { type: 'thing', id: 's1' }, { key: 'a', one: 2, two: { x: 2, y: 2 } })
    put(target, { type: 'thing', id: 's1' }, { key: 'a', one: 3, two: { x: 3, y: 1 }, own: true })
    return { source, target, pairs }
  }
  const resolved = (conflicts: SyncInput['conflicts']) => {
    const { source, target, pairs } = synced()
    return rowOf(planSync(inputOf(source, target, pairs, { conflicts })), 'thing/s1')
  }

  test('[SP-30] are refused with their places where nobody chose, and show both sides', () => {
    const row = resolved({ default: 'fail', places: [] })
    expect(row).toMatchObject({ action: 'refused', refusal: { code: 'conflict', among: ['/one', '/two/x'] } })
    expect(row.changes).toContainEqual({
      pointer: '/one',
      change: 'changed',
      state: 'conflict',
      before: 3,
      after: 2,
    })
  })

  test('[SP-30] are decided for the job, and for single places and all below them; what one side alone changed is no matter of choice', () => {
    expect(resolved({ default: 'source', places: [] }).desired).toMatchObject({
      one: 2,
      two: { x: 2, y: 2 },
      own: true,
    })
    expect(resolved({ default: 'target', places: [] }).desired).toMatchObject({
      one: 3,
      two: { x: 3, y: 2 },
      own: true,
    })
    const at = (pointer: string, choice: 'source' | 'target' | 'fail') => ({
      type: 'thing',
      id: 's1',
      pointer,
      choice,
    })
    const mixed = resolved({ default: 'target', places: [at('/two', 'source')] })
    expect(mixed.desired).toMatchObject({ one: 3, two: { x: 2, y: 2 } })
    const deep = resolved({ default: 'source', places: [at('/two', 'target'), at('/two/x', 'fail')] })
    expect(deep).toMatchObject({ action: 'refused', refusal: { among: ['/two/x'] } })
    // a place that only begins alike is another one
    expect(resolved({ default: 'source', places: [at('/tw', 'target')] }).desired).toMatchObject({
      two: { x: 2 },
    })
  })

  test('[SP-31] without anything in common before, the source counts', () => {
    const plan = planned({ 'thing/s1': { key: 'a', one: 1 } }, { 'thing/t1': { key: 'a', one: 2, own: 1 } })
    expect(rowOf(plan, 'thing/s1').desired).toEqual({ key: 'a', one: 1 })
  })
})

test('[SP-32] a configuration may come into being twice only where the target makes the id and it has no natural key, nor keys of requests', () => {
  const documents = { 'thing/s1': { key: 'a' }, 'thing/s2': { title: 'no key' } }
  const flags = (plan: SyncPlan) => plan.rows.map(({ mayDuplicate }) => mayDuplicate)
  expect(flags(planned(documents, {}))).toEqual([false, false])
  expect(flags(planned(documents, {}, { kind: 'place' }))).toEqual([false, true])
  const place = { choosesIds: false, creates: true, patches: true, deletes: true, keyed: true }
  expect(flags(planned(documents, {}, { places: new Map([['thing', place]]) }))).toEqual([false, false])
})
