import { z } from 'zod'

/** Marks a schema as holding a secret: never returned, never logged, in plans only as a keyed hash. */
export const secret = <T extends z.ZodType>(schema: T): T =>
  schema.meta({ secret: true, writeOnly: true }) as T

/** Marks a secret that is not even sealed: it is given with the call that uses it, and kept nowhere. */
export const transient = <T extends z.ZodType>(schema: T): T =>
  schema.meta({ secret: true, writeOnly: true, transient: true }) as T

type Wrapped = { def: { innerType?: z.ZodType; schema?: z.ZodType; in?: z.ZodType } }

type Mark = 'secret' | 'transient'

/** The schema below optional, nullable, default and pipe, and whether any layer has the mark. */
function unwrap(schema: z.ZodType, mark: Mark): { schema: z.ZodType; isMarked: boolean } {
  let current = schema
  let isMarked = false
  for (;;) {
    if (current.meta()?.[mark] === true) isMarked = true
    const def = (current as unknown as Wrapped).def
    const inner = def.innerType ?? def.in
    if (!inner) return { schema: current, isMarked }
    current = inner
  }
}

function markedPointers(schema: z.ZodType, mark: Mark, at = ''): string[] {
  const { schema: bare, isMarked } = unwrap(schema, mark)
  if (isMarked) return [at]
  if (!(bare instanceof z.ZodObject)) return []
  return Object.entries(bare.shape).flatMap(([key, field]) =>
    markedPointers(field as z.ZodType, mark, `${at}/${key}`),
  )
}

/** JSON pointers of the secret fields of an object schema (arrays of objects are not searched: none holds any). */
export const secretPointers = (schema: z.ZodType): string[] => markedPointers(schema, 'secret')

/** Those of them that are kept nowhere. */
export const transientPointers = (schema: z.ZodType): string[] => markedPointers(schema, 'transient')

type Json = Record<string, unknown>

/** The names along a JSON pointer (RFC 6901). */
const namesOf = (pointer: string): string[] =>
  pointer
    .slice(1)
    .split('/')
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))

/** Takes the values at these pointers out of an input: what may be stored, and the secrets by pointer. */
export function splitSecrets(pointers: readonly string[], input: Json): { visible: Json; secrets: Json } {
  const visible = structuredClone(input)
  const secrets: Json = {}
  for (const pointer of pointers) {
    const path = namesOf(pointer)
    const last = path.pop() as string
    const holder = path.reduce<Json | undefined>((node, key) => node?.[key] as Json | undefined, visible)
    if (holder?.[last] === undefined) continue
    if (holder[last] !== null) {
      secrets[pointer] = holder[last]
      delete holder[last]
    }
  }
  return { visible, secrets }
}

/** Puts secrets taken by splitSecrets back in their places, those that are empty. */
export function joinSecrets(visible: Json, secrets: Json): Json {
  const whole = structuredClone(visible)
  for (const [pointer, value] of Object.entries(secrets)) {
    const path = namesOf(pointer)
    const last = path.pop() as string
    let holder: unknown = whole
    for (const key of path) {
      if (isHolder(holder)) holder[key] ??= {}
      holder = isHolder(holder) ? holder[key] : undefined
    }
    if (isHolder(holder) && holder[last] === undefined) holder[last] = value
  }
  return whole
}

const isHolder = (value: unknown): value is Json => typeof value === 'object' && value !== null
