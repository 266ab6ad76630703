import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type Operation, preview, read, record, write } from './define.ts'
import { toolOf } from './mcp-tools.ts'

const base = {
  id: 'things.change.apply',
  tool: 'thing_change',
  surface: 'things',
  summary: 'Change a thing.',
  boundaries: ['One at a time.'],
  http: { method: 'POST', path: '/things' },
  access: { auth: 'guest' },
  input: z.strictObject({ id: z.string() }),
  output: z.object({ ok: z.literal(true) }),
  errors: [],
  audit: { none: 'test' },
} as const

const never = () => {
  throw new Error('not called')
}

const reading = (parts: { input?: z.ZodObject; output?: z.ZodType } = {}): Operation =>
  read({ ...base, run: never, ...parts } as never) as unknown as Operation

const writing = (envelope: boolean): Operation =>
  write({
    ...base,
    confirmation: { kind: 'live-schedule', reason: 'r', contractId: 'c', action: 'a', envelope },
    audit: { event: 'e', record: 'r', attribution: 'a' },
    preview: never,
    apply: never,
  } as never) as unknown as Operation

describe('[M-9] hints', () => {
  const hints = (operation: Operation) => {
    const { readOnlyHint, destructiveHint, idempotentHint, openWorldHint } =
      toolOf(operation).tool.annotations!
    return [readOnlyHint, destructiveHint, idempotentHint, openWorldHint]
  }

  test.each([
    ['read', reading(), [true, false, true, false]],
    [
      'preview',
      preview({ ...base, of: never, present: never } as never) as unknown as Operation,
      [true, false, true, false],
    ],
    ['write with an envelope', writing(true), [false, true, true, false]],
    ['write without one', writing(false), [false, true, false, false]],
    [
      'record',
      record({ ...base, run: never } as never) as unknown as Operation,
      [false, false, false, false],
    ],
  ])('%s', (_effect, operation, expected) => {
    expect(hints(operation)).toEqual(expected)
  })
})

test('[M-10] names and describes the tool by the operation', () => {
  expect(toolOf(reading()).tool).toMatchObject({
    name: 'thing_change',
    title: 'Things change apply',
    description: 'Change a thing.\n- One at a time.',
    _meta: { 'dev.countersign/operation': 'things.change.apply', 'dev.countersign/effect': 'read' },
  })
})

test('[M-10] the literal action of a route need not be given', () => {
  const input = z.strictObject({
    action: z.literal('confirm_it'),
    confirmed: z.literal(true),
    id: z.string(),
  })
  const { tool, action } = toolOf(reading({ input }))
  expect(action).toBe('confirm_it')
  // a confirmation is a literal as well, and must be the caller's own word
  expect(tool.inputSchema.required).toEqual(['confirmed', 'id'])
})

test('[M-10] arguments hold no reference, no secret mark and no list of types', () => {
  const part = z.strictObject({ id: z.string() }).meta({ id: 'Part' })
  const input = z.strictObject({
    first: part,
    rest: z.array(part),
    key: z.string().meta({ secret: true, writeOnly: true }),
    note: z.string().max(9).nullable().describe('A note'),
    type: z.string().nullable().describe('Named like a keyword'),
    extra: z.record(z.string(), z.unknown()),
    at: z.iso.datetime(),
    anything: z.record(z.string(), z.json()).describe('Any JSON'),
  })
  const inlined = {
    type: 'object',
    properties: { id: { type: 'string' } },
    required: ['id'],
    additionalProperties: false,
  }
  expect(toolOf(reading({ input })).tool.inputSchema.properties).toEqual({
    first: inlined,
    rest: { type: 'array', items: inlined },
    key: { type: 'string', writeOnly: true },
    note: { anyOf: [{ type: 'string', maxLength: 9 }, { type: 'null' }], description: 'A note' },
    type: { anyOf: [{ type: 'string' }, { type: 'null' }], description: 'Named like a keyword' },
    extra: { type: 'object', additionalProperties: true },
    at: { type: 'string', format: 'date-time' },
    anything: { type: 'object', additionalProperties: true, description: 'Any JSON' },
  })
})

test('[M-10] a union of objects is an object at the root', () => {
  const output = z.union([z.object({ a: z.string() }), z.object({ b: z.string() }).meta({ id: 'B' })])
  const { outputSchema } = toolOf(reading({ output })).tool
  expect(outputSchema?.type).toBe('object')
  expect(outputSchema?.anyOf).toHaveLength(2)
})

test('[M-10] refuses at start an output that MCP cannot carry', () => {
  expect(() => toolOf(reading({ output: z.array(z.string()) }))).toThrow(/things.change.apply/)
})
