import { describe, expect, test } from 'vitest'
import { derive } from '../../../src/config-hub/index/derive.ts'
import type { NodeKey } from '../../../src/config-hub/index/entry.ts'
import { BUILT_IN_REGISTRY } from '../../../src/config-hub/types/registry.ts'
import { seedOf } from '../seeded.ts'
import { generate } from './generate.ts'
import { SMALL } from './small.ts'

const seed = seedOf(process.env)
const all = [...generate({ seed, documents: 3_000 })]
const entryOf = ({ type, id, document }: NodeKey & { document: Record<string, unknown> }) =>
  derive(BUILT_IN_REGISTRY.get(type)!, document, {
    id,
    connector: 'store',
    version: 1,
    updatedAt: new Date(0),
    updatedBy: null,
  })
const found = all.map((one) => ({ ...one, found: entryOf(one) }))
const DECLARED = new Set(['id', 'slug', 'alias', 'variable', 'any'])

describe(`what was planted in a generated organisation (SEED=${seed})`, () => {
  test('every declared reference is found, and no other', () => {
    for (const {
      type,
      id,
      planted,
      found: { declared },
    } of found) {
      const text = (each: { name: string; toType: string; kind: string; required: boolean }) =>
        `${each.kind} ${each.toType} ${each.name} ${each.required}`
      const expected = planted.filter(({ kind }) => DECLARED.has(kind)).map(text)
      expect(new Set(declared.map(text)), `${type}/${id}`).toEqual(new Set(expected))
    }
  })

  test('every mention in a text and every template variable is found', () => {
    for (const {
      type,
      id,
      planted,
      found: { declared, words, variables },
    } of found) {
      const inTexts = new Set([...words, ...declared.map(({ name }) => name)])
      const inTemplates = new Set(variables)
      for (const { kind, name } of planted) {
        if (kind === 'text') expect(inTexts.has(name), `${type}/${id}: ${name}`).toBe(true)
        if (kind === 'template') expect(inTemplates.has(name), `${type}/${id}: ${name}`).toBe(true)
      }
    }
  })

  test('no text leads to anything that was not planted', () => {
    const keysOf = Map.groupBy(
      found.flatMap(({ found: { names, type, id } }) =>
        names.flatMap(({ name, kind }) => (kind === 'variable' ? [] : [{ name, key: `${type}/${id}` }])),
      ),
      ({ name }) => name,
    )
    for (const {
      type,
      id,
      planted,
      found: { words },
    } of found) {
      const expected = new Set(planted.map(({ to }) => to && `${to.type}/${to.id}`))
      const reached = words.flatMap((word) => keysOf.get(word) ?? [])
      expect(
        reached.filter(({ key }) => !expected.has(key)),
        `${type}/${id}`,
      ).toEqual([])
    }
  })
})

describe.each(Object.entries(SMALL))('the small organisation %s', (_name, { documents, ...small }) => {
  const keyOf = ({ type, id }: { type: string; id: string }) => `${type}/${id}`
  const read = documents.map(entryOf)
  const names = read.flatMap((one) => one.names.map((each) => ({ ...each, type: one.type, key: keyOf(one) })))
  const named = (name: string, fits: (each: (typeof names)[number]) => boolean) =>
    names.filter((each) => each.name === name && fits(each)).map(({ key }) => key)
  const declaredBy = (one: (typeof read)[number]) =>
    one.declared.map(({ name, toType, kind }) => ({
      name,
      to: named(
        name,
        (each) => (toType === '' || each.type === toType) && (kind === 'any' || each.kind === kind),
      ),
    }))
  const reached = (one: (typeof read)[number]): string[] => {
    const all = [
      ...declaredBy(one).flatMap(({ to }) => to),
      ...one.words.flatMap((word) => named(word, ({ kind }) => kind !== 'variable')),
      ...one.variables.flatMap((word) => named(word, ({ kind }) => kind === 'variable')),
    ]
    return [...new Set(all)].sort()
  }

  test('depends on what it is said to depend on', () => {
    const found = read.map((one) => [keyOf(one), reached(one).filter((key) => key !== keyOf(one))] as const)
    expect(Object.fromEntries(found.filter(([, to]) => to.length > 0))).toEqual(small.dependencies)
  })

  test('has the dangling references that it is said to have', () => {
    const found = read.flatMap((one) =>
      declaredBy(one).flatMap(({ name, to }) => (to.length === 0 ? [{ from: keyOf(one), name }] : [])),
    )
    const text = ({ from, name }: { from: string; name: string }) => `${from} ${name}`
    expect(found.map(text).sort()).toEqual((small.dangling ?? []).map(text).sort())
  })
})
