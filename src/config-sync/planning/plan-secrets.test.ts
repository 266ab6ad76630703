import { expect, test } from 'vitest'
import type { Document } from '../../config-hub/index/entry.ts'
import { planSync } from './plan-sync.ts'
import { inputOf, type Pairs, put, type World, worldOf } from './testing.ts'
import { apply } from './testing-apply.ts'

const key = { type: 'thing', id: 's1' }
const holding = (document: Document, kind: World['kind'] = 'store') =>
  worldOf(kind, [{ ...key, document: { key: 'a', ...document } }])

const rowOf = (source: World, target: World, pairs: Pairs = new Map()) => {
  const plan = planSync(inputOf(source, target, pairs))
  const [row] = plan.rows
  if (!row) throw new Error('no row')
  return { plan, row }
}

test('[SP-36] a secret is nowhere in what a plan shows, and goes over with what is created', () => {
  const { plan, row } = rowOf(holding({ password: 'hunter2' }), worldOf('store'))
  expect(row.secrets).toEqual({ '/password': 'hunter2' })
  expect(row.changes).toEqual([{ pointer: '/password', change: 'added', state: 'differs', secret: true }])
  const { secrets: _, ...shown } = row
  expect(JSON.stringify([shown, plan.digest])).not.toContain('hunter2')
  const target = worldOf('store')
  apply(plan, target, new Map())
  expect(target.kept.get('thing/s1')?.secrets).toEqual({ '/password': 'hunter2' })
})

test('[SP-36] the digest is another one with another secret, and says nothing without the key', () => {
  const [one, two, same] = ['first', 'second', 'first'].map(
    (password) => planSync(inputOf(holding({ password }), worldOf('store'))).digest,
  )
  expect(same).toBe(one)
  expect(two).not.toBe(one)
  const otherKey = inputOf(holding({ password: 'first' }), worldOf('store'), new Map(), {
    hash: (text) => inputOf(worldOf('store'), worldOf('store')).hash(`other ${text}`),
  })
  expect(planSync(otherKey).digest).not.toBe(one)
})

test('[SP-37] an equal secret is no change, a changed one is sent, one that is only known to the target is removed or kept as a member is', () => {
  const [source, target, pairs] = [holding({ password: 'first' }), worldOf('store'), new Map() as Pairs]
  apply(planSync(inputOf(source, target, pairs)), target, pairs)
  expect(rowOf(source, target, pairs).row).toMatchObject({ action: 'none', secrets: {}, changes: [] })
  put(source, key, { key: 'a', password: 'second' })
  const changed = rowOf(source, target, pairs)
  expect(changed.row).toMatchObject({
    ...{ action: 'patch', secrets: { '/password': 'second' } },
    changes: [{ pointer: '/password', change: 'changed', state: 'source_changed', secret: true }],
  })
  expect(JSON.stringify(changed.row.desired)).not.toMatch(/second|secret/)
  apply(changed.plan, target, pairs)
  put(source, key, { key: 'a', password: null })
  const removed = rowOf(source, target, pairs)
  expect(removed.row).toMatchObject({ action: 'patch', secrets: {}, desired: { password: null } })
  expect(removed.row.changes).toEqual([
    { pointer: '/password', change: 'removed', state: 'source_changed', secret: true },
  ])
  apply(removed.plan, target, pairs)
  expect(target.kept.get('thing/s1')?.secrets).toEqual({})
  // what the target alone has been given since stays
  put(target, key, { key: 'a', password: 'its own' })
  expect(rowOf(source, target, pairs).row.action).toBe('none')
})

test('[SP-37] a secret that is left alone is kept when something else changes', () => {
  const [source, target, pairs] = [holding({ password: 'first' }), worldOf('store'), new Map() as Pairs]
  apply(planSync(inputOf(source, target, pairs)), target, pairs)
  put(source, key, { key: 'a', note: 'more' })
  const { plan, row } = rowOf(source, target, pairs)
  expect(row.changes.map(({ pointer }) => pointer)).toEqual(['/note'])
  apply(plan, target, pairs)
  expect(target.kept.get('thing/s1')).toMatchObject({
    document: { note: 'more' },
    secrets: { '/password': 'first' },
  })
})

test('[SP-37] secrets that both sides changed are a conflict that shows neither', () => {
  const [source, target, pairs] = [holding({ password: 'first' }), worldOf('store'), new Map() as Pairs]
  apply(planSync(inputOf(source, target, pairs)), target, pairs)
  put(source, key, { key: 'a', password: 'second' })
  put(target, key, { key: 'a', password: 'third' })
  const { row } = rowOf(source, target, pairs)
  expect(row).toMatchObject({ action: 'refused', refusal: { code: 'conflict', among: ['/password'] } })
  expect(row.changes).toEqual([{ pointer: '/password', change: 'changed', state: 'conflict', secret: true }])
})

test('[SP-38] a source that does not show its secrets changes none, and the plan says to set them', () => {
  const target = holding({ password: 'theirs', note: 'old' })
  const { plan, row } = rowOf(holding({ password: 'never seen', note: 'new' }, 'place'), target)
  expect(row).toMatchObject({ action: 'patch', secrets: {} })
  expect(row.changes.map(({ pointer }) => pointer)).toEqual(['/note'])
  expect(row.warnings).toEqual(['The source does not show its secrets: set them at the target.'])
  apply(plan, target, new Map())
  expect(target.kept.get('thing/s1')).toMatchObject({
    document: { note: 'new' },
    secrets: { '/password': 'theirs' },
  })
})
