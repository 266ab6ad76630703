import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { at, select, without } from './path.ts'

const document = {
  id: 'a',
  'a/b~c': 1,
  steps: [{ id: 1, parts: [{ id: 2 }, { id: 3 }] }, { id: 4 }],
  none: null,
}
const pointers = (pattern: string) => select(document, pattern).map(({ pointer }) => pointer)

test('[CH-1] a pointer names one place, a pattern every place it fits, once and in the document’s order', () => {
  expect(at(document, '/steps/0/parts/1/id')).toBe(3)
  expect(at(document, '/a~1b~0c')).toBe(1)
  expect(at(document, '')).toBe(document)
  for (const none of ['/steps/length', '/steps/2', '/id/length', '/none/x', '/toString'])
    expect(at(document, none), none).toBe(undefined)
  expect(pointers('/steps/*/id')).toEqual(['/steps/0/id', '/steps/1/id'])
  expect(pointers('/steps/**/id')).toEqual([
    '/steps/0/id',
    '/steps/0/parts/0/id',
    '/steps/0/parts/1/id',
    '/steps/1/id',
  ])
  expect(pointers('/**/**/parts')).toEqual(['/steps/0/parts'])
  expect(pointers('/*')).toEqual(['/id', '/a~1b~0c', '/steps', '/none'])
  expect(select(document, '/none')).toEqual([{ pointer: '/none', value: null }])
})

test('[CH-1] what is taken out leaves a copy without it, and the document as it was', () => {
  const before = structuredClone(document)
  const left = without(document, ['/steps/*/parts/0', '/none', '/id', '/nowhere/*'])
  expect(left).toEqual({ 'a/b~c': 1, steps: [{ id: 1, parts: [{ id: 3 }] }, { id: 4 }] })
  expect(document).toEqual(before)
  expect(left.steps).not.toBe(document.steps)
  expect(without(document, ['/**'])).toEqual({})
  expect(without(document, [])).toEqual(document)
})

test('[CH-1] a member called __proto__ is a member', () => {
  const strange = JSON.parse('{"__proto__": {"secret": 1, "open": 2}}')
  expect(select(strange, '/__proto__/secret')).toEqual([{ pointer: '/__proto__/secret', value: 1 }])
  expect(JSON.stringify(without(strange, ['/__proto__/secret']))).toBe('{"__proto__":{"open":2}}')
})

const name = fc.constantFrom('a', 'b', '0', '1', 'x/y', '~', 'length')
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom(null, 'text', 7),
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(name, tie('tree'), { maxKeys: 4 }),
  ),
}))
const segment = fc.oneof(name, fc.constantFrom('*', '**'))
const escaped = (text: string) => text.replaceAll('~', '~0').replaceAll('/', '~1')
const pattern = fc
  .array(segment, { maxLength: 5 })
  .map((names) => names.map((each) => `/${escaped(each)}`).join(''))

/** Every place of a value, in order, by pointer. */
const places = (value: any, pointer = ''): [string, unknown][] => [
  [pointer, value],
  ...(typeof value === 'object' && value !== null
    ? Object.keys(value).flatMap((key) => places(value[key], `${pointer}/${escaped(key)}`))
    : []),
]
/** The pattern as a regular expression over pointers. */
const matcher = (text: string) =>
  new RegExp(
    `^${text
      .split('/')
      .slice(1)
      .map((each) =>
        each === '**' ? '(/[^/]*)*' : each === '*' ? '/[^/]*' : `/${each.replaceAll('~', '[~]')}`,
      )
      .join('')}$`,
  )

describe('against regular expressions over all pointers', () => {
  test('[CH-1] a pattern names the same places', () => {
    fc.assert(
      fc.property(tree, pattern, (value, text) => {
        const expected = places(value).filter(([pointer]) => matcher(text).test(pointer))
        expect(select(value, text).map(({ pointer, value: found }) => [pointer, found])).toEqual(expected)
      }),
    )
  })

  test('[CH-1] what is left is what no pattern names', () => {
    fc.assert(
      fc.property(tree, fc.array(pattern, { maxLength: 3 }), (value, patterns) => {
        const matchers = patterns.map(matcher)
        const left = (current: any, pointer: string): unknown => {
          if (typeof current !== 'object' || current === null) return current
          const kept = Object.keys(current)
            .map((key) => [key, `${pointer}/${escaped(key)}`] as const)
            .filter(([, place]) => !matchers.some((each) => each.test(place)))
            .map(([key, place]) => [key, left(current[key], place)] as const)
          return Array.isArray(current) ? kept.map(([, each]) => each) : Object.fromEntries(kept)
        }
        expect(without(value, patterns)).toEqual(left(value, ''))
      }),
    )
  })
})
