import { z } from 'zod'

export type JsonSchema = Record<string, unknown>
type Schema = JsonSchema

/** An operation's schema as JSON Schema 2020-12, without our own marks; the one place where zod is converted. */
export function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Schema {
  const converted = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ jsonSchema: node }) => {
      delete node.secret
      // The format says the same as these long patterns, and callers pay for every character of a tool list.
      if (node.format === 'date-time' || node.format === 'date' || node.format === 'email')
        delete node.pattern
      if (JSON.stringify(node.propertyNames) === '{"type":"string"}') delete node.propertyNames
      // A bare {} is read as "untyped" by strict clients; true is the portable word for "anything".
      if (JSON.stringify(node.additionalProperties) === '{}') node.additionalProperties = true
    },
  })
  return oneTypeEach(converted) as Schema
}

const VALUES = new Set(['const', 'enum', 'default', 'examples'])

/** `type: [string, null]` as `anyOf`: dialects with one type per schema drop or refuse the list. */
function oneTypeEach(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(oneTypeEach)
  if (typeof node !== 'object' || node === null) return node
  const entries = Object.entries(node).map(([key, each]) => [key, VALUES.has(key) ? each : oneTypeEach(each)])
  const { type, ...rest } = Object.fromEntries(entries) as Schema
  if (!Array.isArray(type)) return type === undefined ? rest : { type, ...rest }
  return { ...rest, anyOf: type.map((each) => ({ type: each })) }
}

const definitionName = (node: unknown): string | undefined => {
  const { $ref } = (node ?? {}) as Schema
  return typeof $ref === 'string' ? $ref.replace('#/$defs/', '') : undefined
}

/** Whether a definition was given its name by us rather than by zod. */
export const isNamed = (definition: string): boolean => !definition.startsWith('__')

/**
 * Puts shared definitions in their places: several model providers take no `$ref` in arguments. One that contains
 * itself (any JSON value) becomes a schema that allows everything; the executor checks the value all the same.
 * `refer` gives the reference of those that are to stay apart.
 */
export function inlineDefinitions(
  { $defs, ...schema }: Schema,
  refer: (definition: string) => string | undefined = () => undefined,
): Schema {
  const definitions = ($defs ?? {}) as Record<string, Schema>
  const place = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map((each) => place(each))
    if (typeof node !== 'object' || node === null) return node
    const name = definitionName(node)
    if (name !== undefined) {
      const { $ref: _, ...beside } = node as Schema
      const elsewhere = refer(name)
      if (elsewhere) return { $ref: elsewhere, ...beside }
      return { ...(containsItself(name, definitions) ? {} : (place(definitions[name]) as Schema)), ...beside }
    }
    return Object.fromEntries(Object.entries(node).map(([key, each]) => [key, placed(key, place(each))]))
  }
  return place(schema) as Schema
}

const placed = (key: string, value: unknown): unknown =>
  key === 'additionalProperties' && JSON.stringify(value) === '{}' ? true : value

function containsItself(name: string, definitions: Record<string, Schema>): boolean {
  const seen = new Set<string>()
  const reaches = (node: unknown): boolean => {
    if (typeof node !== 'object' || node === null) return false
    const next = definitionName(node)
    if (next === name) return true
    if (next === undefined) return Object.values(node).some(reaches)
    if (seen.has(next)) return false
    seen.add(next)
    return reaches(definitions[next])
  }
  return reaches(definitions[name])
}
