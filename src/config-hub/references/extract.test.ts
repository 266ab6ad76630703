import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ConfigType, TypeDefinition } from '../types/definition.ts'
import { extract } from './extract.ts'
import { occurrences } from './occurrences.ts'

const typeOf = (definition: Record<string, unknown> = {}): ConfigType => ({
  ...TypeDefinition.parse({
    type: 'page',
    label: 'Pages',
    icon: 'Page',
    source_api: '',
    sdk_client: '',
    ...definition,
  }),
  custom: true,
})
const plain = typeOf()
const variablesIn = (...texts: string[]) => extract(plain, { texts }).variables

describe('variables of templates', () => {
  test.each([
    ['{{ name }} and {{{ other_key }}}', ['name', 'other_key']],
    ['{{contact.first_name}}', ['contact', 'contact.first_name']],
    ['{{ a.b.c }}', ['a', 'a.b', 'a.b.c']],
    [`\${name} \${ other-key }`, ['name', 'other-key']],
    ['{{#if is_new}}{{> footer}}{{/if}}', ['if', 'is_new', 'footer']],
    ['{{ name | upper }} {{- trimmed -}}', ['name', 'upper', 'trimmed']],
    ['{{ outer {{ inner }} }}', ['outer', 'inner']],
    ['{{ link "page.html" name }}{{ other \'one\' }}', ['link', 'name', 'other']],
    ['{{ items.[0].title }} {{ rows[row].title }}', ['items', '0', 'rows', 'row']],
    ['{{ ../parent }}', ['parent']],
    ['<b title="{{größe}}">{{价格}}</b>', ['größe', '价格']],
    ['{"a": {"b": 1}} { name } {% if name %} $name {{ never closed', []],
    [`{{}} \${} {{ - }} {{ "name" }}`, []],
  ])('[CH-5] %s', (text, expected) => {
    expect(variablesIn(text)).toEqual(expected)
  })

  test('[CH-5] whatever stands around them', () => {
    const name = fc.stringMatching(/^[a-zA-Zä_][a-zA-Zä0-9_-]{0,8}[a-z0-9]$/)
    const path = fc.array(name, { minLength: 1, maxLength: 3 })
    const opening = fc.constantFrom(
      ['{{', '}}'],
      ['{{ ', ' }}'],
      ['{{{', '}}}'],
      ['${', '}'],
      ['{{#each ', '}}'],
    )
    const prose = fc.string({ unit: 'binary', maxLength: 12 }).map((text) => text.replaceAll(/[{}$]/g, ''))
    fc.assert(
      fc.property(fc.array(fc.tuple(prose, path, opening), { maxLength: 6 }), prose, (parts, end) => {
        const text = parts
          .map(([before, names, [open, close]]) => before + open + names.join('.') + close)
          .join('')
        const expected = parts.flatMap(([, names, [open]]) => [
          ...(open?.includes('each') ? ['each'] : []),
          ...names.map((_, index) => names.slice(0, index + 1).join('.')),
        ])
        expect(new Set(variablesIn(text + end))).toEqual(new Set(expected))
      }),
    )
  })
})

describe('declared references and names', () => {
  const type = typeOf({
    references: [
      { path: '/flow', type: 'flow', required: true },
      { path: '/parts/*/ref', type: 'part' },
      { path: '/parts/0/ref', type: 'part', required: true },
      { path: '/any', by: 'any' },
    ],
    alias_rules: [
      { path: '/codes/*' },
      { path: '/slug', kind: 'slug' },
      { path: '/key', kind: 'variable', prefix: 'env.' },
      { path: '/key', kind: 'variable' },
    ],
  })
  const declared = (document: Record<string, unknown>) => extract(type, document).declared
  const names = (document: Record<string, unknown>) => extract(type, document).names

  test('[CH-6] texts and numbers name something, trimmed; everything else nothing', () => {
    expect(declared({ flow: ' flow-1 ', any: 42 })).toEqual([
      { name: 'flow-1', toType: 'flow', kind: 'id', required: true },
      { name: '42', toType: '', kind: 'any', required: false },
    ])
    for (const nothing of [null, true, '', '  ', ['flow-1'], { id: 'flow-1' }, 'x'.repeat(301)])
      expect(declared({ flow: nothing }), JSON.stringify(nothing)).toEqual([])
  })

  test('[CH-6] each once, required when one of its places is', () => {
    const parts = [{ ref: 'part-1' }, { ref: 'part-2' }, { ref: 'part-1' }]
    expect(declared({ parts })).toEqual([
      { name: 'part-1', toType: 'part', kind: 'id', required: true },
      { name: 'part-2', toType: 'part', kind: 'id', required: false },
    ])
  })

  test('[CH-6] a plain word names something where that is declared', () => {
    expect(declared({ flow: 'invoice' })).toMatchObject([{ name: 'invoice' }])
    expect(extract(plain, { flow: 'invoice' }).words).toEqual([])
  })

  test('[CH-7] further names come from the rules, with their prefix, each once', () => {
    expect(names({ codes: ['A-1', 'A-1', 7, null], slug: 'tariff', key: 'api_key' })).toEqual([
      { name: 'A-1', kind: 'alias' },
      { name: '7', kind: 'alias' },
      { name: 'tariff', kind: 'slug' },
      { name: 'env.api_key', kind: 'variable' },
      { name: 'api_key', kind: 'variable' },
    ])
    expect(names({ key: 'x'.repeat(298) })).toEqual([{ name: 'x'.repeat(298), kind: 'variable' }])
  })
})

test('[CH-8] values are searched at any depth, keys are not, and nothing is where the type says so', () => {
  const document = { 'key-1': { list: [['text-1', { deep: 'see text-2, {{ var_1 }}' }]], number: 12345 } }
  expect(extract(plain, document)).toEqual({
    declared: [],
    names: [],
    words: ['text-1', 'text-2', 'var_1'],
    variables: ['var_1'],
  })
  expect(extract(typeOf({ scan: false }), document)).toEqual({
    declared: [],
    names: [],
    words: [],
    variables: [],
  })
})

test('[CH-15] what is wholly a reference to one type names nothing of another; the same text elsewhere may', () => {
  const type = typeOf({ references: [{ path: '/flows/*', type: 'flow' }, { path: '/any' }] })
  const wordsOf = (document: Record<string, unknown>) => extract(type, document).words
  expect(wordsOf({ flows: ['flow-1', 'flow-2'], any: 'thing-1' })).toEqual(['thing-1'])
  expect(wordsOf({ flows: ['flow-1'], other: 'flow-1' })).toEqual(['flow-1'])
  expect(wordsOf({ flows: ['see flow-1', { deep: 'flow-2' }] })).toEqual(['flow-1', 'flow-2'])
  expect(extract(type, { flows: ['{{key-1}}'] })).toMatchObject({
    words: ['key-1', '{{key-1}}'],
    variables: ['key-1'],
  })
})

test('[CH-16] what servers change by themselves refers to nothing, but may name its configuration', () => {
  const type = typeOf({
    references: [{ path: '/meta/by' }],
    alias_rules: [{ path: '/meta/code' }],
    volatile_paths: ['/meta'],
  })
  const document = { meta: { by: 'user-1', code: 'A-1', log: 'see user-2' }, text: 'user-3' }
  expect(extract(type, document, { text: 'user-3' })).toEqual({
    declared: [],
    names: [{ name: 'A-1', kind: 'alias' }],
    words: ['user-3'],
    variables: [],
  })
})

describe('where names stand', () => {
  const type = typeOf({ references: [{ path: '/flow', type: 'flow' }, { path: '/number' }] })
  const document = {
    flow: ' flow-1 ',
    number: 4711,
    'a/b': ['say {{ env.key-1 }} to flow-1', 'team@example.org'],
    other: 'flow-1',
  }

  test('[CH-9] each by pointer and characters, the declared way where it is declared', () => {
    const known = new Set(['flow-1', '4711', 'key-1', 'env.key-1', 'team@example.org'])
    expect(occurrences(type, document, (word) => known.has(word))).toEqual([
      { pointer: '/flow', start: 1, end: 7, name: 'flow-1', kind: 'id' },
      { pointer: '/number', start: 0, end: 4, name: '4711', kind: 'id' },
      { pointer: '/a~1b/0', start: 7, end: 16, name: 'env.key-1', kind: 'template' },
      { pointer: '/a~1b/0', start: 11, end: 16, name: 'key-1', kind: 'text' },
      { pointer: '/a~1b/0', start: 23, end: 29, name: 'flow-1', kind: 'text' },
      { pointer: '/a~1b/1', start: 0, end: 16, name: 'team@example.org', kind: 'text' },
      { pointer: '/other', start: 0, end: 6, name: 'flow-1', kind: 'text' },
    ])
    expect(occurrences(type, document, () => false)).toEqual([])
  })

  test('[CH-9] only as the kind that is asked for', () => {
    const only = occurrences(type, document, (word, kind) => kind === 'text' && word === 'env.key-1')
    expect(only).toEqual([{ pointer: '/a~1b/0', start: 7, end: 16, name: 'env.key-1', kind: 'text' }])
  })

  test('[CH-9] exactly what is extracted, and what stands there is the name', () => {
    const piece = fc.constantFrom(
      'a-11',
      'b.c',
      'env.k',
      '{{',
      '}}',
      '${',
      '}',
      ' ',
      '/',
      '@',
      '%2F',
      '“',
      'flow-1',
      '7',
    )
    const text = fc.array(piece, { maxLength: 10 }).map((parts) => parts.join(''))
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        text,
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom('x', 'y/z', 'flow'), tie('value'), { maxKeys: 3 }),
      ),
    }))
    fc.assert(
      fc.property(fc.record({ flow: value, rest: value }), (random) => {
        const found = occurrences(type, random, () => true)
        for (const { pointer, start, end, name } of found)
          expect(String(valueAt(random, pointer)).slice(start, end)).toBe(name)
        const { declared, words, variables } = extract(type, random)
        const expected = new Set([...declared.map(({ name }) => name), ...words, ...variables])
        expect(new Set(found.map(({ name }) => name))).toEqual(expected)
      }),
    )
  })
})

const valueAt = (value: any, pointer: string): unknown =>
  pointer
    .split('/')
    .slice(1)
    .reduce((held, name) => held[name.replaceAll('~1', '/').replaceAll('~0', '~')], value)
