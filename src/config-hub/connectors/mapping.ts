import { z } from 'zod'
import { type FieldError, fail } from '../../operation/errors.ts'
import { pointerTo } from '../references/path.ts'
import { Pointer, TypeName } from '../types/definition.ts'
import { HeaderName, Headers, HeaderText, Path, Resource } from './mapping-resource.ts'

/** Where a place is. Requests go below it. */
export const BaseUrl = z
  .url({ protocol: /^https?$/ })
  .max(500)
  .refine((text) => {
    const url = URL.parse(text)
    return url !== null && !url.username && !url.password && !url.search && !url.hash
  }, 'must have no user, password, query or fragment')

/** A REST API as data: enough to list, read and write configuration in it. */
export const RestMapping = z.strictObject({
  base_url: BaseUrl,
  /** Where the credential travels; it is given apart and stored sealed. */
  auth: z
    .strictObject({ header: HeaderName.default('authorization'), prefix: HeaderText.default('Bearer ') })
    .optional(),
  headers: Headers.default({}),
  /** What bodies are called. */
  media_type: z
    .string()
    .max(100)
    .regex(/^application\/(?:[a-z0-9.-]+\+)?json$/, 'must be application/json, or one that ends with +json')
    .default('application/json'),
  /** Says whose credential it is; needed where the connector stands for another organisation. */
  whoami: z.strictObject({ path: Path, org_path: Pointer }).optional(),
  limits: z
    .strictObject({
      requests_per_second: z.number().min(0.01).max(1000).optional(),
      concurrency: z.int().min(1).max(32).default(4),
    })
    .default({ concurrency: 4 }),
  retry: z.strictObject({ attempts: z.int().min(1).max(10).default(5) }).default({ attempts: 5 }),
  timeout_ms: z.int().min(100).max(120_000).default(30_000),
  max_bytes: z.int().min(1024).max(67_108_864).default(16_777_216),
  types: z.record(TypeName, Resource).refine((types) => Object.keys(types).length > 0, 'must have a type'),
})
export type RestMapping = z.output<typeof RestMapping>

type Mistake = FieldError & { path: readonly PropertyKey[] }

/** What a schema says of a value, by place; a member that nobody knows is named itself. */
export function mistakesIn(issues: readonly z.core.$ZodIssue[], at: string): Mistake[] {
  const mistake = (path: readonly PropertyKey[], message: string): Mistake => ({
    pointer: path.reduce<string>((pointer, name) => pointerTo(pointer, String(name)), at),
    message,
    path,
  })
  return issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => mistake([...issue.path, key], 'unknown field'))
      : [mistake(issue.path, issue.message)],
  )
}

/** A mapping from YAML text. Errors: `validation-failed`, each mistake with its line. */
export async function parseMapping(text: string): Promise<RestMapping> {
  // operators register a mapping once in a while: no reason to load a YAML reader at every start
  const { LineCounter, parseDocument } = await import('yaml')
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  const lineAt = (offset: number | undefined) =>
    offset === undefined ? undefined : lines.linePos(offset).line
  if (document.errors.length > 0)
    refuse(
      document.errors.map(({ message, pos }) => ({
        pointer: '/mapping_yaml',
        message,
        line: lineAt(pos[0]),
      })),
    )
  const result = RestMapping.safeParse(plain(document))
  if (result.success) return result.data
  return refuse(
    mistakesIn(result.error.issues, '/mapping_yaml').map(({ path, pointer, message }) => ({
      pointer,
      message,
      line: lineAt(nearest(document, path)?.range?.[0]),
    })),
  )
}

/** As plain values. Aliases of aliases, which would fill the memory, are refused. */
function plain(document: { toJS(options: { maxAliasCount: number }): unknown }): unknown {
  try {
    return document.toJS({ maxAliasCount: MOST_ALIASES })
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error
    return refuse([{ pointer: '/mapping_yaml', message: 'has too many aliases', line: undefined }])
  }
}
const MOST_ALIASES = 20

type Located = { range?: readonly number[] | null } | undefined

/** The place itself, or what holds it where it is missing. */
function nearest(
  document: { getIn(path: unknown[], keep: true): unknown },
  path: readonly PropertyKey[],
): Located {
  for (let length = path.length; length >= 0; length--) {
    const node = document.getIn(path.slice(0, length), true)
    if (typeof node === 'object' && node !== null) return node as Located
  }
  return undefined
}

function refuse(mistakes: (FieldError & { line: number | undefined })[]): never {
  const errors = mistakes.slice(0, 20).map(({ pointer, message, line }) => ({
    pointer,
    message: line === undefined ? message : `line ${line}: ${message}`,
  }))
  return fail('validation-failed', {
    detail: `The mapping has mistakes: ${errors.map(({ message }) => message).join('; ')}`.slice(0, 1000),
    errors,
  })
}
