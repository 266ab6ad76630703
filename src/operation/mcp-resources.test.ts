import { expect, test } from 'vitest'
import { z } from 'zod'
import { type Operation, read } from './define.ts'
import { findResource, listedTemplate, resourceOf } from './mcp-resources.ts'
import { toolOf } from './mcp-tools.ts'

const tool = toolOf(
  read({
    id: 'logs.read',
    tool: 'log_read',
    surface: 'logs',
    summary: 'Read a log.',
    boundaries: [],
    http: { method: 'GET', path: '/logs/{logId}' },
    access: { auth: 'guest' },
    input: z.strictObject({ logId: z.string(), limit: z.int().optional(), all: z.boolean().optional() }),
    output: z.object({ ok: z.literal(true) }),
    errors: [],
    audit: { none: 'test' },
    resource: { uri: 'x://logs/{logId}/events', title: 'Log' },
    run: async () => ({ ok: true as const }),
  }) as unknown as Operation,
)
const resource = resourceOf(tool)!
const inputOf = (uri: string) => findResource(uri, [resource], new Map([['log_read', tool]]))?.input

test('[M-5] lists the rest of the input as a query', () => {
  expect(listedTemplate(resource)).toBe('x://logs/{logId}/events{?limit,all}')
})

test.each([
  ['x://logs/a/events', { logId: 'a' }],
  ['x://logs/a%20b/events', { logId: 'a b' }],
  ['x://logs/a/events?limit=5&all=true', { logId: 'a', limit: 5, all: true }],
  ['x://logs/a/events?limit=five', { logId: 'a', limit: 'five' }],
  ['x://logs/a/events?logId=b&other=1', { logId: 'a', other: '1' }],
  ['x://logs/%/events', { logId: '%' }],
])('[M-5] %s names an input', (uri, input) => {
  expect(inputOf(uri)).toEqual(input)
})

test.each([
  'x://logs//events',
  'x://logs/a/b/events',
  'x://logs/a/events/',
  'x://logs/a',
  '',
  `x://logs/${'a'.repeat(3000)}/events`,
])('[M-5] %s names nothing', (uri) => {
  expect(inputOf(uri)).toBeUndefined()
})
