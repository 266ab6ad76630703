import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonical } from '../../operation/plan.ts'
import { type ConfigType, TypeDefinition } from '../types/definition.ts'
import { normalise, renamedBase, shown, symbolOf, symbolsFrom } from './normalise.ts'

const typeOf = (definition: object): ConfigType => ({
  ...TypeDefinition.parse({
    ...{ type: 'thing', label: 'Things', icon: 'Box', source_api: 'https://example.org', sdk_client: 'none' },
    ...definition,
  }),
  custom: true,
})
const NONE = symbolsFrom([])
const hash = (text: string) => createHash('sha256').update(text).digest('hex')

describe('[CC-17] a normalised document', () => {
  test('has no volatile members, not its own id, and none that its place makes', () => {
    const type = typeOf({
      id_path: '/_id',
      volatile_paths: ['/seen', '/steps/*/count'],
      derived_paths: ['/steps/*/id'],
    })
    const document = { _id: 'a', seen: 1, name: 'N', steps: [{ id: 's1', count: 2, is: 'x' }] }
    const before = structuredClone(document)
    expect(normalise(type, document, NONE, hash)).toEqual({ name: 'N', steps: [{ is: 'x' }] })
    expect(document).toEqual(before)
  })

  test('has hashes for secrets, in a list for the whole list, and shows neither', () => {
    const type = typeOf({ secret_paths: ['/token', '/headers/*'] })
    const secrets = (token: unknown, headers: unknown) =>
      normalise(type, { name: 'N', token, headers }, NONE, hash)
    const found = secrets({ a: 1, b: 2 }, ['canary', 'x'])
    expect(found).toEqual({
      name: 'N',
      token: `secret ${hash('{"a":1,"b":2}')}`,
      headers: `secret ${hash('["canary","x"]')}`,
    })
    expect(secrets({ b: 2, a: 1 }, ['canary', 'x'])).toEqual(found)
    expect(secrets({ b: 3, a: 1 }, ['canary', 'x'])).not.toEqual(found)
    expect(shown({ whole: found })).toEqual({ whole: { name: 'N', token: 'secret', headers: 'secret' } })
    expect(normalise(type, { name: 'N', token: 't', headers: ['h'] }, NONE, undefined)).toEqual({ name: 'N' })
  })

  test('names what is paired by its symbol: by the type that a reference leads to, numbers as well, and within texts', () => {
    const type = typeOf({
      references: [
        { path: '/parent', type: 'thing' },
        { path: '/price', type: 'price' },
        { path: '/slug', type: 'thing', by: 'slug' },
        { path: '/any' },
      ],
    })
    const symbols = symbolsFrom([
      { type: 'thing', id: 'same-1', symbol: symbolOf('thing', 't') },
      { type: 'price', id: 'same-1', symbol: symbolOf('price', 'p') },
      { type: 'price', id: '7', symbol: symbolOf('price', 'seven') },
    ])
    const document = {
      parent: 'same-1',
      price: 7,
      slug: 'same-1',
      any: 'same-1',
      text: 'to https://x.org/same-1?y and same-12, not same-1x',
      other: 7,
    }
    expect(normalise(type, document, symbols, undefined)).toEqual({
      parent: '⟨thing/t⟩',
      price: '⟨price/seven⟩',
      slug: 'same-1',
      any: '⟨price/p⟩',
      text: 'to https://x.org/⟨price/p⟩?y and same-12, not same-1x',
      other: 7,
    })
  })

  const type = typeOf({
    references: [{ path: '/parent', type: 'thing' }, { path: '/prices/*', type: 'price' }, { path: '/any' }],
    volatile_paths: ['/seen'],
    secret_paths: ['/token'],
  })
  const ids = fc.uniqueArray(fc.stringMatching(/^[a-z]{2,4}-[0-9]{1,3}$/), { minLength: 12, maxLength: 12 })
  /** The same configuration, written with the ids of either side. */
  const written = fc.record({
    own: ids,
    theirs: ids,
    shape: fc.record({
      parent: fc.nat(5),
      prices: fc.array(fc.nat(5), { maxLength: 4 }),
      any: fc.nat(5),
      words: fc.array(fc.oneof(fc.nat(11), fc.constantFrom('and', 'x.', '{{', '}}', '/', '-1')), {
        maxLength: 8,
      }),
      token: fc.string(),
    }),
    seen: fc.tuple(fc.nat(), fc.nat()),
  })
  /** Places 0-5 are things, 6-11 prices. */
  const namesOf = (side: readonly string[], source: readonly string[]) =>
    symbolsFrom(
      side.map((id, place) => {
        const of = place < 6 ? 'thing' : 'price'
        return { type: of, id, symbol: symbolOf(of, source[place] as string) }
      }),
    )
  const documentOf = (side: readonly string[], { shape, seen, order }: Written) => {
    const { parent, prices, any, words, token } = shape
    const text = words.map((word) => (typeof word === 'number' ? side[word] : word)).join(' ')
    const members = {
      id: side[0],
      parent: side[parent],
      prices: prices.map((price) => side[price + 6]),
      any: side[any],
      nested: [{ text }],
      token,
      seen,
    }
    const entries = Object.entries(members)
    return Object.fromEntries(order ? entries.reverse() : entries)
  }
  type Written = {
    shape: { parent: number; prices: number[]; any: number; words: (number | string)[]; token: string }
    seen: number
    order: boolean
  }

  test('is the same text in two organisations, whatever ids it has in each', () => {
    fc.assert(
      fc.property(written, ({ own, theirs, shape, seen: [one, other] }) => {
        const here = documentOf(own, { shape, seen: one, order: false })
        const there = documentOf(theirs, { shape, seen: other, order: true })
        const left = normalise(type, here, namesOf(own, theirs), hash)
        expect(canonical(left)).toBe(canonical(normalise(type, there, namesOf(theirs, theirs), hash)))
        const text = canonical(left)
        const mentioned = [shape.parent, shape.any, ...shape.prices.map((price) => price + 6)]
        for (const place of mentioned) expect(text).toContain(`/${theirs[place]}⟩`)
        // and another reference is another text
        const changed = { ...shape, parent: (shape.parent + 1) % 6 }
        const different = documentOf(theirs, { shape: changed, seen: other, order: true })
        expect(canonical(normalise(type, different, namesOf(theirs, theirs), hash))).not.toBe(text)
      }),
      { numRuns: 1_000 },
    )
  })

  test('is normalised already', () => {
    fc.assert(
      fc.property(written, ({ own, shape, seen: [seen] }) => {
        const symbols = symbolsFrom(
          own.map((id, place) => ({ type: place < 6 ? 'thing' : 'price', id, symbol: `⟨x/${place}⟩` })),
        )
        const once = normalise(type, documentOf(own, { shape, seen, order: false }), symbols, undefined)
        expect(normalise(type, once, symbols, undefined)).toEqual(once)
      }),
      { numRuns: 1_000 },
    )
  })

  test('of the last sync has the symbols of today', () => {
    const symbols = symbolsFrom([{ type: 'thing', id: 'a/1', symbol: '⟨thing/b-2⟩' }])
    const base = { parent: '⟨thing/a/1⟩', texts: ['x ⟨thing/a/1⟩ ⟨price/gone⟩'], n: 1, none: null }
    expect(renamedBase(base, symbols)).toEqual({
      parent: '⟨thing/b-2⟩',
      texts: ['x ⟨thing/b-2⟩ gone'],
      n: 1,
      none: null,
    })
  })
})
