import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { Problem } from './errors.ts'
import { parseInput } from './input.ts'

const Deep: z.ZodType = z.lazy(() => z.union([z.string(), z.strictObject({ a: Deep })]))
const SCHEMA = z.strictObject({
  name: z.string().max(5).optional(),
  nested: z.strictObject({ count: z.int() }).optional(),
  free: z.record(z.string(), z.json()).optional(),
  deep: Deep.optional(),
})

function errorsOf(raw: unknown): { pointer: string; message: string }[] {
  try {
    parseInput(SCHEMA, raw)
    return []
  } catch (error) {
    expect(error).toBeInstanceOf(Problem)
    expect((error as Problem).code).toBe('validation-failed')
    return (error as Problem).options.errors ?? []
  }
}
const nested = (levels: number): unknown => (levels === 0 ? 'x' : { a: nested(levels - 1) })

describe('input', () => {
  test.each<[string, unknown, string, RegExp]>([
    ['an unknown field', { nam: 'x' }, '/nam', /unknown field/],
    ['an unknown field within', { nested: { count: 1, more: 2 } }, '/nested/more', /unknown field/],
    ['an unknown field with / and ~ in its name', { 'a/b~c': 1 }, '/a~1b~0c', /unknown field/],
    ['a wrong type', { nested: { count: 'one' } }, '/nested/count', /number/],
    ['too long a text', { name: 'sixsix' }, '/name', /5/],
    ['U+0000', { free: { a: ['x', 'nul\u0000'] } }, '/free/a/1', /U\+0000/],
    ['U+0000 in a member’s name', { free: { 'a\u0000': 1 } }, '/free/a\u0000', /U\+0000/],
    ['a lone high surrogate', { name: '\ud83d' }, '/name', /Unicode/],
    ['a lone low surrogate', { free: { x: 'a\ude00b' } }, '/free/x', /Unicode/],
    ['33 levels', { deep: nested(32) }, '/deep/a/a/a', /deeper than 32/],
    ['an array for an object', [], '', /object/],
    ['a text for an object', 'text', '', /object/],
  ])('[K-27] %s is refused by its pointer', (_what, raw, pointer, message) => {
    const [error, ...more] = errorsOf(raw)
    expect(more).toEqual([])
    expect(error?.pointer).toBe(pointer)
    expect(error?.message).toMatch(message)
  })

  test('[K-27] 32 levels, emoji and every other plane are welcome', () => {
    expect(errorsOf({ deep: nested(31), name: '😀', free: { 𝒳: '\u{10ffff}' } })).toEqual([])
  })

  test('[K-27] hostile nesting costs no stack', () => {
    let raw: unknown = 'x'
    for (let level = 0; level < 100_000; level++) raw = { a: raw }
    expect(errorsOf({ deep: raw })).toHaveLength(1)
  })

  test('[K-27] at most 20 errors, and a detail of at most 1,000 characters', () => {
    const raw = Object.fromEntries(
      Array.from({ length: 200 }, (_, n) => [`unknown-field-${n}-${'x'.repeat(50)}`, n]),
    )
    expect(errorsOf(raw)).toHaveLength(20)
    expect(() => parseInput(SCHEMA, raw)).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/^.{1,1000}$/) }),
    )
  })

  test('[K-27] whatever is sent is either accepted or refused by name; nothing else is thrown', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true }), (raw) => {
        for (const { pointer } of errorsOf(raw)) expect(typeof pointer).toBe('string')
      }),
    )
  })
})
