import { z } from 'zod'
import { type FieldError, fail } from '../../operation/errors.ts'
import { Pointer, TypeName } from '../types/definition.ts'

/** How a list comes in pages. `start` is the first page's number or offset. */
const Paging = z.discriminatedUnion('style', [
  z.strictObject({ style: z.literal('none') }),
  z.strictObject({
    style: z.literal('page'),
    page_param: z.string().default('page'),
    size_param: z.string().optional(),
    start: z.int().default(1),
  }),
  z.strictObject({
    style: z.literal('offset'),
    offset_param: z.string().default('offset'),
    size_param: z.string().default('limit'),
  }),
  z.strictObject({
    style: z.literal('cursor'),
    cursor_param: z.string().default('cursor'),
    size_param: z.string().optional(),
    next_path: Pointer.describe('Where the answer has the next cursor'),
  }),
  z.strictObject({ style: z.literal('link'), size_param: z.string().optional() }),
  z.strictObject({
    style: z.literal('next_url'),
    next_path: Pointer.describe('Where the answer has the URL of the next page'),
    size_param: z.string().optional(),
  }),
])

const Path = z.string().regex(/^\//, 'must begin with /').max(300)
const PathWithId = Path.refine((path) => path.includes('{id}'), 'must contain {id}')

const Resource = z.strictObject({
  list: z.strictObject({
    path: Path,
    items_path: Pointer.default('').describe('Where the answer has the items; the answer itself unless told'),
    query: z.record(z.string(), z.string()).default({}),
    page_size: z.int().min(1).max(1000).default(100),
    paging: Paging.default({ style: 'none' }),
  }),
  get: z.strictObject({ path: PathWithId, item_path: Pointer.default('') }).optional(),
  create: z
    .strictObject({
      method: z.enum(['POST', 'PUT']).default('POST'),
      path: Path.describe('With {id}: created at the id given'),
      item_path: Pointer.default(''),
    })
    .optional(),
  patch: z
    .strictObject({
      method: z.enum(['PATCH', 'PUT']).default('PATCH').describe('PUT sends the whole document'),
      path: PathWithId,
      item_path: Pointer.default(''),
    })
    .optional(),
  delete: z.strictObject({ path: PathWithId }).optional(),
  id_path: Pointer.default('/id'),
  updated_at_path: Pointer.optional(),
  updated_by_path: Pointer.optional(),
  /** What guards a write: the answer's ETag, or a member that changes with every change. */
  revision: z.union([z.literal('etag'), Pointer]).optional(),
})

/** A REST API as data: enough to list, read and write configuration in it. */
export const RestMapping = z.strictObject({
  base_url: z.url({ protocol: /^https?$/ }).max(500),
  /** Where the credential travels; it is given apart and stored sealed. */
  auth: z
    .strictObject({ header: z.string().default('authorization'), prefix: z.string().default('Bearer ') })
    .optional(),
  headers: z.record(z.string(), z.string()).default({}),
  /** Says whose credential it is; needed where the connector stands for another organisation. */
  whoami: z.strictObject({ path: Path, org_path: Pointer }).optional(),
  limits: z
    .strictObject({
      requests_per_second: z.number().positive().max(1000).optional(),
      concurrency: z.int().min(1).max(32).default(4),
    })
    .default({ concurrency: 4 }),
  retry: z.strictObject({ attempts: z.int().min(1).max(10).default(5) }).default({ attempts: 5 }),
  timeout_ms: z.int().min(100).max(120_000).default(30_000),
  max_bytes: z.int().min(1024).max(67_108_864).default(16_777_216),
  types: z.record(TypeName, Resource).refine((types) => Object.keys(types).length > 0, 'must have a type'),
})
export type RestMapping = z.output<typeof RestMapping>
export type RestResource = z.output<typeof Resource>
export type Paging = z.output<typeof Paging>

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
    result.error.issues.map(({ path, message }) => {
      const node = nearest(document, path)
      return {
        pointer: `/mapping_yaml${path.map((name) => `/${String(name)}`).join('')}`,
        message,
        line: lineAt(node?.range?.[0]),
      }
    }),
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
