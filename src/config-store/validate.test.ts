import { describe, expect, test } from 'vitest'
import { TypeDefinition } from '../config-hub/types/definition.ts'
import { compileSchema, schemaErrors } from './validate.ts'

const typed = (json_schema?: Record<string, unknown>) => ({
  ...TypeDefinition.parse({
    type: 'thing',
    label: 'Things',
    icon: 'Box',
    source_api: '',
    sdk_client: '',
    ...(json_schema ? { json_schema } : {}),
  }),
  custom: true,
})

const SCHEMA = {
  $id: 'https://example.org/thing',
  type: 'object',
  required: ['name'],
  additionalProperties: false,
  properties: {
    name: { type: 'string', minLength: 2 },
    mail: { type: 'string', format: 'email' },
    size: { enum: ['s', 'm'] },
    'a/b': { type: 'array', items: { type: 'integer' } },
  },
}

describe('a document against the schema of its type', () => {
  test.each([
    ['nothing', { name: 'ab', mail: 'a@b.example', size: 's', 'a/b': [1] }, []],
    ['what is missing', { size: 's' }, ['/document/name is required']],
    ['what is not known', { name: 'ab', 'x/y': 1 }, ['/document/x~1y is not allowed']],
    ['a format', { name: 'ab', mail: 'nobody' }, ['/document/mail must match format "email"']],
    ['a place in a list', { name: 'ab', 'a/b': [1, 'x'] }, ['/document/a~1b/1 must be integer']],
    [
      'several at once',
      { name: 'a', size: 'xl' },
      [
        '/document/name must NOT have fewer than 2 characters',
        '/document/size must be equal to one of the allowed values',
      ],
    ],
  ])('[CS-7] wrong is %s', (_what, document, wrong) => {
    const errors = schemaErrors(typed(SCHEMA), document, '/document')
    expect(errors.map(({ pointer, message }) => `${pointer} ${message}`)).toEqual(wrong)
  })

  test('[CS-7] a type without a schema takes every document', () => {
    expect(schemaErrors(typed(), { anything: [1] }, '')).toEqual([])
  })

  test('[CS-7] no error shows a value, which may be a secret', () => {
    const schema = { properties: { key: { const: 'x', pattern: '^a$', maxLength: 1, enum: ['y'], not: {} } } }
    const errors = schemaErrors(typed(schema), { key: 'canary-value' }, '')
    expect(errors.length).toBeGreaterThan(3)
    expect(JSON.stringify(errors)).not.toContain('canary')
  })

  test('[CS-7] at most twenty errors are told', () => {
    const schema = { additionalProperties: { type: 'string' } }
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`m${n}`, n]))
    expect(schemaErrors(typed(schema), many, '')).toHaveLength(20)
  })

  test('[CS-7] a pattern that would run for ever refuses the document', () => {
    const schema = { properties: { text: { pattern: '^(a+)+$' } } }
    expect(schemaErrors(typed(schema), { text: `${'a'.repeat(60)}!` }, '/document')).toEqual([
      { pointer: '/document', message: 'cannot be checked in time; see the definition of thing' },
    ])
    expect(schemaErrors(typed(schema), { text: 'aaa' }, '/document')).toEqual([])
  })

  test('[CS-7] a schema is compiled once, as long as it is among the last two hundred', () => {
    const first = compileSchema(SCHEMA)
    expect(compileSchema(structuredClone(SCHEMA))).toBe(first)
    for (let n = 0; n < 200; n++) compileSchema({ title: `schema ${n}` })
    expect(compileSchema(SCHEMA)).not.toBe(first)
  })

  test('[CS-7] what is no schema, refers to elsewhere or would answer later, refuses its documents', () => {
    const none = [{ type: 'nonsense' }, { $ref: 'https://example.org/other' }, { $async: true, not: {} }]
    for (const schema of none) {
      expect(() => compileSchema(schema)).toThrow()
      expect(schemaErrors(typed(schema), {}, '')).toEqual([
        { pointer: '', message: 'has a JSON Schema that cannot be used; see the definition of thing' },
      ])
    }
  })
})
