import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ConfigType } from '../../config-hub/types/definition.ts'
import { rewritten, symbolsIn } from './rewrite.ts'
import { typeNamed } from './testing.ts'

const ids = fc.constantFrom('src-1', 'src-12', 'src-1-2', 'a_src-1', 'src')
const pieces = fc.array(
  fc.oneof(
    ids,
    ids,
    fc.constantFrom(' ', '/', '"', '{{', '}}', '.', ',', '<b>', 'é', '-', '_', '1', 'x', '⟨', 'https://'),
  ),
  { maxLength: 12 },
)
const renaming = new Map([
  ['src-1', 'T1'],
  ['src-12', 'T12'],
])

test('[SP-35] ids in texts are renamed as whole words, and nothing beside them changes', () => {
  fc.assert(
    fc.property(pieces, (all) => {
      const text = all.join('')
      const { note } = rewritten(
        typeNamed('thing'),
        { note: text },
        { declared: () => undefined, texts: renaming },
      )
      // another way to say it: runs of letters, marks, digits, _ and -
      const expected = text.replace(/[\p{L}\p{M}\p{N}_-]+/gu, (word) => renaming.get(word) ?? word)
      expect(note).toBe(expected)
    }),
    { numRuns: 2000 },
  )
})

test('[SP-35] a declared reference to one type is renamed by that type alone, also a number, and its blanks stay', () => {
  const type: ConfigType = {
    ...typeNamed('thing'),
    references: [
      { path: '/thing', type: 'thing', by: 'id', required: false },
      { path: '/leaf', type: 'leaf', by: 'id', required: false },
    ],
  }
  const to = new Map(Object.entries({ 'thing/src-1': 'T1', 'leaf/src-1': 'L1', 'thing/42': '77' }))
  const declared = (name: string, toType: string) => to.get(`${toType}/${name}`)
  const document = { thing: 'src-1', leaf: ' src-1 ', other: { thing: 'src-1' }, list: ['src-1'] }
  const texts = new Map([['src-1', 'X1']])
  expect(rewritten(type, document, { declared, texts })).toEqual({
    ...{ thing: 'T1', leaf: ' L1 ', other: { thing: 'X1' }, list: ['X1'] },
  })
  expect(rewritten(type, { thing: 42 }, { declared, texts })).toEqual({ thing: 77 })
  // a type whose texts are not searched keeps them
  expect(rewritten({ ...type, scan: false }, document, { declared, texts })).toEqual({
    ...{ thing: 'T1', leaf: ' L1 ', other: { thing: 'src-1' }, list: ['src-1'] },
  })
  const untouched = { a: { b: ['nothing'] } }
  expect(rewritten(type, untouched, { declared, texts })).toBe(untouched)
})

test('[SP-35] of names that overlap the longest counts', () => {
  const texts = new Map([
    ['app-1', 'A'],
    ['app-1:part-2', 'WHOLE'],
    ['part-2', 'P'],
  ])
  const { note } = rewritten(
    typeNamed('thing'),
    { note: 'see app-1:part-2, app-1 and part-2' },
    { declared: () => undefined, texts },
  )
  expect(note).toBe('see WHOLE, A and P')
})

test('[SP-35] names of members are never renamed, whatever they are called', () => {
  const document = JSON.parse('{"src-1": {"__proto__": "src-1", "src-1": "src-1"}}')
  const next = rewritten(typeNamed('thing'), document, { declared: () => undefined, texts: renaming })
  expect(JSON.stringify(next)).toBe('{"src-1":{"__proto__":"T1","src-1":"T1"}}')
})

test('[SP-35] symbols are found wherever they stand', () => {
  const document = { a: ['⟨thing/x⟩ and ⟨flow/y#/steps/0/id⟩'], b: { c: '⟨thing/x⟩' }, d: '⟨nothing', e: 1 }
  expect(symbolsIn(document)).toEqual(['thing/x', 'flow/y#/steps/0/id'])
})
