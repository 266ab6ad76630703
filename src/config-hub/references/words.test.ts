import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isWholeName, LONGEST, scanWords } from './words.ts'

const wordsIn = (text: string): string[] => {
  const found: string[] = []
  scanWords(text, (_, start, end) => found.push(text.slice(start, end)))
  return found
}

describe('what counts as a name in a text', () => {
  test.each([
    ['price-basic'],
    ['orderTotal'],
    ['4711'],
    ['order_2'],
    ['3f0c1b52-9d1e-4c3a-9f0e-7c1f5b2a9d10'],
    ['größe-1'],
    ['prüfÄnderung'],
    ['価格-1'],
    ['e\u0301tat-1'],
    ['𝒳-prix'],
  ])('[CH-2] %s does, wherever its boundaries are', (name) => {
    for (const text of [name, `use ${name}, now`, `(${name})`, `“${name}”`, `„${name}“…`, `→${name}✅🔥`])
      expect(wordsIn(text), text).toContain(name)
  })

  test.each(['invoice', 'VAT', 'abc', '123', 'a-1', 'Invoice', 'HTML', 'ÄÖÜß', 'x'.repeat(LONGEST) + 1])(
    '[CH-4] %s does not',
    (word) => {
      expect(wordsIn(`the ${word} here`)).toEqual([])
    },
  )

  test('[CH-4] nor does a part of a longer word', () => {
    for (const text of [
      'xabc-1234',
      'abc-1234',
      'abc-123-4',
      '_abc-123',
      'äabc-123',
      'abc-123ß',
      'abc-123\u0301',
    ])
      expect(wordsIn(text), text).not.toContain('abc-123')
  })

  test('[CH-2] words joined by one point or colon count alone and together', () => {
    expect(wordsIn('see env.api_key:main-1. Then')).toEqual(['api_key', 'main-1', 'env.api_key:main-1'])
    expect(wordsIn('a..b-11 c: d-11')).toEqual(['b-11', 'd-11'])
    expect(wordsIn('v1.2')).toEqual(['v1.2'])
    expect(wordsIn('1.2')).toEqual([])
  })

  test('[CH-3] in a link, in its path, query and fragment, encoded or not', () => {
    expect(wordsIn('https://x.example/p/price-1?flow=flow-2&to=%2Fjourney-3%20#tab-4')).toEqual(
      expect.arrayContaining(['price-1', 'flow-2', 'journey-3', 'tab-4']),
    )
    expect(wordsIn('100%cache-1')).toContain('cache-1')
  })

  test('[CH-3] in rich text and in JSON within a text', () => {
    expect(wordsIn('<p data-id="price-1">See&nbsp;price-2&quot;<br/>price-3</p>')).toEqual(
      expect.arrayContaining(['price-1', 'price-2', 'price-3']),
    )
    expect(wordsIn(JSON.stringify(JSON.stringify({ text: 'one\nprice-1\tprice-2', id: 'price-3' })))).toEqual(
      expect.arrayContaining(['price-1', 'price-2', 'price-3']),
    )
  })

  test('[CH-2] a whole text without white space may be a name that is no word', () => {
    for (const text of ['team@example.org', 'a/b/c', '/path', 'sale🔥'])
      expect(isWholeName(text), text).toBe(true)
    const others = [
      'invoice',
      'price-basic',
      'a/b',
      'two words/x',
      'a/b\u00a0c',
      'a/\u0000bc',
      `/${'x'.repeat(LONGEST)}`,
    ]
    for (const text of others) expect(isWholeName(text), text).toBe(false)
  })
})

/** Written apart from the scanner: every place of a name, and regular expressions on what is before and after it. */
const IS_WORD = /^[\p{L}\p{M}\p{N}_-]+$/u
const IS_CHAIN = /^[\p{L}\p{M}\p{N}_-]+(?:[.:][\p{L}\p{M}\p{N}_-]+)+$/u
const HAS_FORM = /[\p{N}_-]|\p{Ll}\p{Lu}/u
const WORD_BEFORE = /[\p{L}\p{M}\p{N}_-]$/u
const JOINED_BEFORE = /[\p{L}\p{M}\p{N}_-][.:]$/u
const ESCAPE_BEFORE = /(?:%[0-9A-Fa-f]{2}|\\[nrt])$/
const WORD_AFTER = /^[\p{L}\p{M}\p{N}_-]/u
const JOINED_AFTER = /^[.:][\p{L}\p{M}\p{N}_-]/u

const isNamed = (name: string, text: string): boolean => {
  if (name.length < 4 || name.length > LONGEST) return false
  const isChain = IS_CHAIN.test(name)
  if (!isChain && !IS_WORD.test(name)) return name === text && !/[\s\p{Cc}]/u.test(text)
  if (!isChain && !HAS_FORM.test(name)) return false
  for (let at = text.indexOf(name); at !== -1; at = text.indexOf(name, at + 1)) {
    const [before, after] = [text.slice(0, at), text.slice(at + name.length)]
    const begins =
      ESCAPE_BEFORE.test(before) || !(WORD_BEFORE.test(before) || (isChain && JOINED_BEFORE.test(before)))
    if (begins && !WORD_AFTER.test(after) && !(isChain && JOINED_AFTER.test(after))) return true
  }
  return false
}

const wholly = (text: string): string[] => [...wordsIn(text), ...(isWholeName(text) ? [text] : [])]

const base = fc.stringMatching(/^[abAB1_äÄ-]{1,6}$/)
const names = fc
  .array(
    fc.oneof(
      base,
      fc.tuple(base, fc.constantFrom('.', ':', '/', '@'), base).map((parts) => parts.join('')),
    ),
    {
      minLength: 1,
      maxLength: 4,
    },
  )
  // names that contain each other
  .map((all) => all.flatMap((each) => [each, `x${each}`, `${each}-2`, `${each}.${each}`]))
const between = fc.constantFrom(
  ...[
    '',
    ' ',
    '.',
    ':',
    '-',
    '_',
    '/',
    '=',
    '%2F',
    '%',
    '\\n',
    '\\',
    '“',
    '\u00a0',
    '…',
    '🔥',
    '𝒳',
    'ß',
    '\u0301',
  ],
  ...['x', '7', '{{', '}}', '<b>', '&amp;', '"', '\n', '\u0000', '\ud83d'],
)

describe('against a search for every name', () => {
  test('[CH-2] [CH-4] a name is found when it stands between boundaries, and only then', () => {
    fc.assert(
      fc.property(names, fc.infiniteStream(fc.tuple(between, fc.nat())), (all, stream) => {
        const parts = [...stream.take(8)]
        const text = parts.map(([gap, pick]) => gap + (pick % 3 === 0 ? '' : all[pick % all.length])).join('')
        const found = new Set(wholly(text))
        const expected = all.filter((name) => isNamed(name, text))
        expect(
          all.filter((name) => found.has(name)),
          text,
        ).toEqual(expected)
        expect(
          [...found].filter((name) => !isNamed(name, text)),
          text,
        ).toEqual([])
      }),
      { numRuns: 2_000 },
    )
  })

  test('[CH-2] in any text, what is found is a name there', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        expect(wholly(text).filter((name) => !isNamed(name, text))).toEqual([])
      }),
    )
  })
})
