import { z } from 'zod'
import { type FieldError, fail } from '../../operation/errors.ts'
import { pointerTo } from '../references/path.ts'
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
const Parameter = z.string().min(1).max(100)

const HeaderName = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/, 'must be the name of a header')
const HeaderText = z
  .string()
  .regex(/^[\t\x20-\x7e]*$/, 'must be printable ASCII')
  .max(1000)

/** What requests themselves say, and where credentials travel, which nobody may read. */
const OWN_HEADER =
  /^(?:host|connection|content-length|content-type|transfer-encoding|te|upgrade|expect|if-match|if-none-match)$/i
const SECRET_HEADER = /^(?:cookie|.*authorization|.*(?:api[_-]?key|token|secret|password).*)$/i
const SECRET_PARAMETER = /^(?:api[_-]?key|access[_-]?token|auth|token|secret|password)$/i

const Headers = z.record(HeaderName, HeaderText).superRefine((headers, ctx) => {
  for (const name of Object.keys(headers)) {
    const refuse = (message: string) => ctx.addIssue({ code: 'custom', path: [name], message })
    if (OWN_HEADER.test(name)) refuse('is set by each request itself')
    if (SECRET_HEADER.test(name))
      refuse('carries a credential: name it in auth, and give the credential apart')
  }
})

const Query = z.record(Parameter, z.string().max(1000)).superRefine((query, ctx) => {
  for (const name of Object.keys(query))
    if (SECRET_PARAMETER.test(name))
      ctx.addIssue({
        code: 'custom',
        path: [name],
        message: 'is no place for a credential, which goes into a header',
      })
})

/** Where a place is. Requests go below it. */
export const BaseUrl = z
  .url({ protocol: /^https?$/ })
  .max(500)
  .refine((text) => {
    const url = URL.parse(text)
    return url !== null && !url.username && !url.password && !url.search && !url.hash
  }, 'must have no user, password, query or fragment')

const Resource = z.strictObject({
  list: z.strictObject({
    path: Path,
    items_path: Pointer.default('').describe('Where the answer has the items; the answer itself unless told'),
    query: Query.default({}),
    page_size: z.int().min(1).max(1000).default(100),
    paging: Paging.default({ style: 'none' }),
  }),
  get: z.strictObject({ path: PathWithId, item_path: Pointer.default('') }).optional(),
  create: z
    .strictObject({
      method: z.enum(['POST', 'PUT']).default('POST'),
      path: Path.describe('With {id}: created at the id given'),
      item_path: Pointer.default(''),
      id_in_body: z.boolean().default(false).describe('The place takes the id that the body has at id_path'),
    })
    .optional(),
  patch: z
    .strictObject({
      path: PathWithId,
      item_path: Pointer.default(''),
      merge: z
        .enum(['deep', 'shallow'])
        .default('deep')
        .describe('deep: as RFC 7396; shallow: members are replaced whole, and cannot be removed'),
      media_type: z.enum(['application/json', 'application/merge-patch+json']).default('application/json'),
    })
    .optional(),
  put: z
    .strictObject({ path: PathWithId, item_path: Pointer.default('') })
    .optional()
    .describe('Replaces the whole item'),
  delete: z.strictObject({ path: PathWithId }).optional(),
  id_path: Pointer.refine((path) => path !== '', 'must name a member').default('/id'),
  title_path: Pointer.optional().describe('In place of the title that the type names'),
  natural_key: z
    .array(z.strictObject({ path: Pointer, query_param: Parameter.optional() }))
    .min(1)
    .max(5)
    .optional()
    .describe('In place of the natural key of the type; query_param filters the list by it'),
  marker: z
    .strictObject({
      path: Pointer.regex(/^\/[^/]+$/, 'must be a member of the item itself'),
      query_param: Parameter.optional(),
    })
    .optional()
    .describe('A member of its own in which a create leaves its key, by which it is found again'),
  key_header: HeaderName.optional().describe('Where the place takes an idempotency key of writes'),
  updated_at_path: Pointer.optional(),
  updated_by_path: Pointer.optional(),
  /** What guards a write: the answer's ETag, or a member that changes with every change. */
  revision: z.union([z.literal('etag'), Pointer]).optional(),
})

/** A REST API as data: enough to list, read and write configuration in it. */
export const RestMapping = z.strictObject({
  base_url: BaseUrl,
  /** Where the credential travels; it is given apart and stored sealed. */
  auth: z
    .strictObject({ header: HeaderName.default('authorization'), prefix: HeaderText.default('Bearer ') })
    .optional(),
  headers: Headers.default({}),
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
export type RestResource = z.output<typeof Resource>
export type Paging = z.output<typeof Paging>

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
