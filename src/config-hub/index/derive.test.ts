import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type ConfigType, TypeDefinition } from '../types/definition.ts'
import { derive } from './derive.ts'
import type { Document, Origin } from './entry.ts'

const typeOf = (definition: Record<string, unknown>): ConfigType => ({
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
const origin: Origin = {
  id: 'page-1',
  connector: 'store',
  version: 3,
  updatedAt: new Date('2026-01-02T03:04:05Z'),
  updatedBy: 'Ada',
}
const entry = (definition: Record<string, unknown>, document: Document, id = 'page-1') =>
  derive(typeOf(definition), document, { ...origin, id })

test('[CH-10] everything the index shows of a configuration comes from its document, by its type', () => {
  const definition = {
    tag_paths: ['/tags/*', '/more'],
    purpose_paths: ['/purposes/*'],
    active_path: '/on',
    link: 'https://example.org/pages/{id}?again={id}',
    blueprint_paths: ['/blueprints/*'],
    metadata: { owner: '/owner', nothing: '/nothing', off: '/off' },
    usage_path: '/views',
    natural_key: ['/title', '/lang'],
    references: [{ path: '/parent', type: 'page' }],
    alias_rules: [{ path: '/slug', kind: 'slug' }],
  }
  const document = {
    title: '  Home  ',
    lang: 'de',
    tags: ['a', 'b', 'a', 7, ''],
    more: 'c',
    purposes: ['sale'],
    on: false,
    off: null,
    blueprints: [
      { id: 'bp-1', title: 'Start' },
      'bp-2',
      { id: 'bp-1', title: 'Start again' },
      { title: 'none' },
    ],
    owner: { name: 'Ada' },
    views: 12,
    parent: 'page-0',
    slug: 'home-page',
    text: 'Of home-page and page-1 and page-2: {{ greeting }}',
  }
  const { contentHash, ...rest } = entry(definition, document, 'page-1')
  expect(contentHash).toMatch(/^[0-9a-f]{64}$/)
  expect(rest).toEqual({
    type: 'page',
    id: 'page-1',
    connector: 'store',
    title: 'Home',
    updatedAt: origin.updatedAt,
    updatedBy: 'Ada',
    tags: ['a', 'b', 'c'],
    purposes: ['sale'],
    blueprintIds: ['bp-1', 'bp-2'],
    active: false,
    usage: 12,
    summary: {
      link: 'https://example.org/pages/page-1?again=page-1',
      blueprints: [
        { id: 'bp-1', title: 'Start again' },
        { id: 'bp-2', title: 'bp-2' },
      ],
      metadata: { owner: { name: 'Ada' }, off: null },
    },
    naturalKey: '["Home","de"]'.replace('Home', '  Home  '),
    version: 3,
    names: [
      { name: 'page-1', kind: 'id' },
      { name: 'home-page', kind: 'slug' },
    ],
    declared: [{ name: 'page-0', toType: 'page', kind: 'id', required: false }],
    words: ['bp-1', 'bp-2', 'page-2'],
    variables: ['greeting'],
  })
})

test('[CH-10] what a document does not say has its plain value', () => {
  const { contentHash: _, ...rest } = entry(
    { usage_path: '/views', active_path: '/on' },
    { views: '12', on: 'yes' },
  )
  expect(rest).toMatchObject({
    title: 'page-1',
    tags: [],
    active: null,
    usage: 0,
    naturalKey: null,
    summary: { blueprints: [], metadata: {} },
    names: [{ name: 'page-1', kind: 'id' }],
  })
  expect(rest.summary).not.toHaveProperty('link')
})

test('[CH-10] the title is the first path that holds text, at most 300 characters and never half of one', () => {
  const titled = (document: Document) => entry({ title_paths: ['/title', '/names/de'] }, document).title
  expect(titled({ title: ' ', names: { de: 'Seite' } })).toBe('Seite')
  expect(titled({ title: { de: 'Seite' } })).toBe('page-1')
  expect(titled({ title: 'x'.repeat(400) })).toBe('x'.repeat(300))
  expect(titled({ title: `${'x'.repeat(299)}🔥` })).toBe('x'.repeat(299))
})

test('[CH-10] an id is encoded in its link', () => {
  expect(entry({ link: 'https://example.org/{id}' }, {}, "a/b?$&'").summary.link).toBe(
    "https://example.org/a%2Fb%3F%24%26'",
  )
})

test('[CH-11] the hash does not change with the order of members or with volatile ones, and with everything else', () => {
  const hash = (document: Document) => entry({ volatile_paths: ['/at', '/runs/*/at'] }, document).contentHash
  const before = hash({ a: 1, b: { c: [1, 2], d: null }, at: 1, runs: [{ at: 1, ok: true }] })
  expect(hash({ runs: [{ ok: true, at: 9 }], b: { d: null, c: [1, 2] }, a: 1 })).toBe(before)
  for (const other of [
    { a: 1, b: { c: [2, 1], d: null }, runs: [{ ok: true }] },
    { a: 1, b: { c: [1, 2] }, runs: [{ ok: true }] },
    { a: 1, b: { c: [1, 2], d: null }, runs: [{ ok: false }] },
    { a: '1', b: { c: [1, 2], d: null }, runs: [{ ok: true }] },
  ])
    expect(hash(other), JSON.stringify(other)).not.toBe(before)
})

test('[CH-12] a natural key has all its values or is none, and a long one is as good as its hash', () => {
  const key = (document: Document) => entry({ natural_key: ['/name', '/lang'] }, document).naturalKey
  expect(key({ name: 'a', lang: { b: 1, a: 2 } })).toBe('["a",{"a":2,"b":1}]')
  expect(key({ name: 'a', lang: false })).toBe('["a",false]')
  for (const lang of [undefined, null, '']) expect(key({ name: 'a', lang })).toBe(null)
  const long = key({ name: 'a'.repeat(5_000), lang: 'de' })
  expect(long).toMatch(/^\["sha256:[0-9a-f]{64}"\]$/)
  expect(key({ name: 'a'.repeat(5_000), lang: 'de' })).toBe(long)
  expect(key({ name: 'a'.repeat(5_001), lang: 'de' })).not.toBe(long)
})

test('[CH-13] what a configuration mentions does not count its own names, what it declares does', () => {
  const { words, variables, declared } = entry(
    {
      alias_rules: [{ path: '/key', kind: 'variable' }],
      references: [{ path: '/parent', type: 'page' }],
    },
    { key: 'own_key', parent: 'page-1', text: 'page-1, other-1, {{ own_key }}, {{ other_key }}' },
  )
  expect(words).toEqual(['other-1', 'other_key'])
  expect(variables).toEqual(['other_key'])
  expect(declared).toMatchObject([{ name: 'page-1' }])
})

test('[CH-14] the entry follows from type, document and origin alone, and leaves them as they were', () => {
  const definition = { natural_key: ['/a'], references: [{ path: '/**/a' }], volatile_paths: ['/b'] }
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.jsonValue()), (document) => {
      const before = JSON.stringify(document)
      expect(derive(typeOf(definition), document, origin)).toEqual(
        derive(typeOf(definition), JSON.parse(before), origin),
      )
      expect(JSON.stringify(document)).toBe(before)
    }),
  )
})
