import { createRequire } from 'node:module'

type Schema = Record<string, any>
type Api = { components: { schemas: Record<string, Schema> } }

const require = createRequire(import.meta.url)
/** The OpenAPI document of an API, as its own package publishes it. */
const apiOf = (name: string): Api => require(`@epilot/sdk/${name}/openapi.json`)

/** Nested deeper than any document that the APIs describe. */
const DEEPEST = 12

/** The schemas that a schema stands for: itself, what it refers to, and the parts it is made of. */
function parts(api: Api, schema: Schema, seen: readonly string[] = []): Schema[] {
  const ref = schema.$ref as string | undefined
  if (ref !== undefined) {
    const name = ref.split('/').at(-1) as string
    return seen.includes(name) ? [] : parts(api, api.components.schemas[name] ?? {}, [...seen, name])
  }
  const inner = [...(schema.allOf ?? []), ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])] as Schema[]
  return [schema, ...inner.flatMap((each) => parts(api, each, seen))]
}

const children = ({ properties, items, additionalProperties }: Schema): Schema[] => [
  ...Object.values((properties ?? {}) as Record<string, Schema>),
  ...(items ? [items as Schema] : []),
  ...(typeof additionalProperties === 'object' ? [additionalProperties as Schema] : []),
]

/** An object whose members the API leaves open may have any. */
const isOpen = ({ type, properties, items, allOf, anyOf, oneOf }: Schema): boolean =>
  (type === undefined || type === 'object') && !properties && !items && !allOf && !anyOf && !oneOf

function leadsThere(api: Api, schema: Schema, path: readonly string[], depth = 0): boolean {
  const [name, ...rest] = path
  if (name === undefined) return true
  if (depth > DEEPEST) return false
  return parts(api, schema).some((part) => {
    if (isOpen(part)) return true
    const below = (next: Schema | undefined, names: readonly string[]) =>
      next !== undefined && leadsThere(api, next, names, depth + 1)
    if (name === '**')
      return leadsThere(api, part, rest, depth + 1) || children(part).some((next) => below(next, path))
    if (name === '*' || /^\d+$/.test(name)) return children(part).some((next) => below(next, rest))
    if (part.properties?.[name]) return below(part.properties[name], rest)
    return typeof part.additionalProperties === 'object' && below(part.additionalProperties, rest)
  })
}

/** Whether the published schema has a place where a pattern leads. */
export function isPublished(api: string, schema: string, pattern: string): boolean {
  const document = apiOf(api)
  const names = pattern.split('/').slice(1)
  const root = document.components.schemas[schema]
  if (!root) throw new Error(`${api} has no schema ${schema}`)
  return leadsThere(document, root, names)
}
