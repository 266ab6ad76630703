import { globSync, readFileSync } from 'node:fs'
import { expect, describe as suite, test } from 'vitest'
import { z } from 'zod'
import { guestPrincipal } from '../src/access/principal.ts'
import { requestOf } from '../src/operation/cli.ts'
import { actionLiteral, type Operation, routePath } from '../src/operation/define.ts'
import { ERRORS } from '../src/operation/errors.ts'
import { DescriptorSchema, describe } from '../src/operation/manifest.ts'
import { openapi } from '../src/operation/openapi.ts'
import { checked, OPERATIONS } from '../src/operations.ts'
import { INPUTS, SOME } from './security/inputs.ts'

const each = OPERATIONS.map((operation) => [operation.id, operation] as const)
const ROOT = new URL('../', import.meta.url)

suite('[K-4] from an operation’s id one guesses', () => {
  test.each(each)('the file of %s', async (id, operation) => {
    const [folder, ...rest] = id.split('.')
    const module = await import(new URL(`src/${folder}/${rest.join('-')}.ts`, ROOT).href)
    expect(Object.values(module)).toContain(operation)
  })

  test('its tool, and each has one of its own', () => {
    const tools = OPERATIONS.map(({ tool }) => tool)
    expect(new Set(tools).size).toBe(tools.length)
    for (const tool of tools) expect(tool).toMatch(/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/)
  })

  test('that no file which derives a surface knows any operation', () => {
    const names = OPERATIONS.flatMap(({ id, tool }) => [`'${id}'`, `'${tool}'`])
    const files = globSync('src/operation/*.ts', { cwd: ROOT.pathname }).filter(
      (file) => !file.endsWith('.test.ts'),
    )
    expect(files.length).toBeGreaterThan(10)
    const known = files.flatMap((file) => {
      const text = readFileSync(new URL(file, ROOT), 'utf8')
      return names.filter((name) => text.includes(name)).map((name) => `${file}: ${name}`)
    })
    expect(known).toEqual([])
  })
})

suite('[K-5] the list refuses', () => {
  const [first, second] = OPERATIONS as readonly [Operation, Operation]
  const other = { id: 'other.read', tool: 'other_read', http: { method: 'GET', path: '/api/other' } } as const

  test.each<[string, Partial<Operation>]>([
    ['operation', { ...other, id: first.id }],
    ['tool', { ...other, tool: first.tool }],
    ['route', { ...other, http: first.http }],
  ])('a second %s of one name', (what, same) => {
    expect(() => checked([first, { ...second, ...same } as Operation])).toThrow(
      new RegExp(`^${what} .* is declared twice$`),
    )
  })

  test('a surface that nobody described', () => {
    expect(() => checked([{ ...first, surface: 'nowhere' }])).toThrow('unknown surface nowhere')
  })

  test('nothing that is fine', () => {
    expect(checked([...OPERATIONS, { ...first, ...other }])).toHaveLength(OPERATIONS.length + 1)
  })
})

suite('[K-6] the descriptor of every operation derives', () => {
  test.each(OPERATIONS.map((operation) => [operation.id, operation] as const))('%s', (id, operation) => {
    const descriptor = describe(operation, 'https://example.org', guestPrincipal('laurel'))
    expect(DescriptorSchema.parse(descriptor)).toEqual(descriptor)
    expect(descriptor).toMatchObject({ id, toolName: operation.tool })
    expect(descriptor.endpoint.href).toBe(`https://example.org${routePath(operation.http)}`)
    expect(Object.keys(descriptor.input).sort()).toEqual(Object.keys(operation.input.shape).sort())
    expect(descriptor.confirmation.required).toBe(descriptor.confirmation.kind !== 'none')
    for (const [name, field] of Object.entries(descriptor.input))
      expect({ name, required: field.required }).toEqual({
        name,
        required: !operation.input.shape[name]!.safeParse(undefined).success,
      })
  })

  test('a preview is the planner of a write of the list', () => {
    for (const operation of OPERATIONS) {
      if (operation.effect !== 'preview') continue
      const action = actionLiteral(operation)
      const input = operation.input.parse({ ...(action ? { action } : {}), ...INPUTS[operation.id]!(SOME) })
      expect(OPERATIONS).toContain(operation.of(input).write)
    }
  })
})

const Schema = z.record(z.string(), z.unknown())
const Parameter = z.strictObject({
  name: z.string(),
  in: z.enum(['path', 'query', 'header']),
  required: z.boolean(),
  schema: Schema,
  description: z.string().optional(),
})
const Content = z.record(z.string().regex(/^[a-z]+\/[a-z+-]+$/), z.strictObject({ schema: Schema }))
/** OpenAPI 3.1, as far as ours goes. */
const Document = z.object({
  openapi: z.literal('3.1.0'),
  info: z.object({ title: z.string(), version: z.string() }),
  paths: z.record(
    z.string().regex(/^(\/(\w[\w.:-]*|\{\w+\}))+$/),
    z.partialRecord(
      z.enum(['get', 'post', 'put', 'patch', 'delete']),
      z
        .strictObject({
          operationId: z.string(),
          tags: z.array(z.string()),
          summary: z.string(),
          description: z.string(),
          'x-operations': z.array(z.object({ id: z.string(), tool: z.string(), effect: z.string() })),
          parameters: z.array(Parameter),
          requestBody: z.strictObject({ required: z.literal(true), content: Content }).optional(),
          responses: z.record(
            z.string().regex(/^[2345]\d\d$/),
            z.strictObject({ description: z.string(), content: Content }),
          ),
          security: z.array(z.record(z.string(), z.array(z.string()))),
        })
        .optional(),
    ),
  ),
  components: z.object({
    schemas: z.record(z.string(), Schema),
    securitySchemes: z.record(z.string(), Schema),
  }),
})

suite('[K-7] the OpenAPI document', () => {
  const document = openapi(OPERATIONS, '0.0.0')
  const { paths, components } = Document.parse(document)
  const entries = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, entry]) => ({ path, method, entry: entry! })),
  )
  const entryOf = ({ http }: Operation) =>
    entries.find(({ path, method }) => path === http.path && method.toUpperCase() === http.method)!.entry

  test('has every operation once, under names of their own', () => {
    const ids = entries.map(({ entry }) => entry.operationId)
    expect(new Set(ids).size).toBe(ids.length)
    const listed = entries.flatMap(({ entry }) => entry['x-operations'].map(({ id }) => id))
    expect(listed.sort()).toEqual(OPERATIONS.map(({ id }) => id).sort())
  })

  test('declares every parameter of a path, once and as required', () => {
    for (const { path, entry } of entries) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1])
      const inPath = entry.parameters.filter((parameter) => parameter.in === 'path')
      expect(inPath.map(({ name }) => name).sort(), path).toEqual(named.sort())
      expect(inPath.every(({ required }) => required)).toBe(true)
      const keys = entry.parameters.map((parameter) => `${parameter.in} ${parameter.name.toLowerCase()}`)
      expect(new Set(keys).size, path).toBe(keys.length)
    }
  })

  test('refers only to what it has', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1]!)
    const schemas = Object.keys(components.schemas).map((name) => `#/components/schemas/${name}`)
    expect(references.length).toBeGreaterThan(0)
    expect([...new Set(references)].filter((each) => !schemas.includes(each))).toEqual([])
    const schemes = entries.flatMap(({ entry }) => entry.security.flatMap((each) => Object.keys(each)))
    expect(Object.keys(components.securitySchemes)).toEqual(expect.arrayContaining(schemes))
  })

  test.each(each)('describes a request that takes the sample of %s', (_, operation) => {
    const sample = INPUTS[operation.id]!(SOME)
    const { path, headers, body } = requestOf(operation, sample)
    const entry = entryOf(operation)
    const named = (at: string) => entry.parameters.filter((each) => each.in === at).map(({ name }) => name)
    const query = [...new URL(path, 'http://localhost').searchParams.keys()]
    expect(named('query')).toEqual(expect.arrayContaining(query))
    expect(named('header')).toEqual(expect.arrayContaining(Object.keys(headers)))
    if (body === undefined) return
    const schema = z.fromJSONSchema(entry.requestBody!.content['application/json']!.schema as never)
    expect(schema.safeParse(JSON.parse(body)).error).toBeUndefined()
    // a body that takes nothing at all is an object still; one that is the caller's own document takes any object
    expect(schema.safeParse([JSON.parse(body)]).success).toBe(false)
    if (operation.http.body === undefined && Object.keys(JSON.parse(body)).length > 0) {
      const wrong = Object.keys(JSON.parse(body)).map((field) => ({ ...JSON.parse(body), [field]: () => {} }))
      for (const each of wrong) expect(schema.safeParse(each).success).toBe(false)
    }
  })

  test.each(each)('names every error that %s declares', (_, operation) => {
    const { responses } = entryOf(operation)
    for (const code of operation.errors) expect(responses[ERRORS[code].status]?.description).toContain(code)
    expect(responses[operation.status ?? 200]).toBeDefined()
  })
})
