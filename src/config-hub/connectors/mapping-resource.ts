import { z } from 'zod'
import { Pointer } from '../types/definition.ts'

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

export const Path = z.string().regex(/^\//, 'must begin with /').max(300)
const PathWithId = Path.refine((path) => path.includes('{id}'), 'must contain {id}')
const Parameter = z.string().min(1).max(100)

export const HeaderName = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/, 'must be the name of a header')
export const HeaderText = z
  .string()
  .regex(/^[\t\x20-\x7e]*$/, 'must be printable ASCII')
  .max(1000)

/** What requests themselves say, and where credentials travel, which nobody may read. */
const OWN_HEADER =
  /^(?:host|connection|content-length|content-type|transfer-encoding|te|upgrade|expect|if-match|if-none-match)$/i
const VersionHeader = HeaderName.refine((name) => !OWN_HEADER.test(name), 'is set by each request itself')
const SECRET_HEADER = /^(?:cookie|.*authorization|.*(?:api[_-]?key|token|secret|password).*)$/i
const SECRET_PARAMETER = /^(?:api[_-]?key|access[_-]?token|auth|token|secret|password)$/i

export const Headers = z.record(HeaderName, HeaderText).superRefine((headers, ctx) => {
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

/** What a resource says that is of no use alone. */
const TOGETHER: readonly [of: string, needs: string, met: (resource: Mapped) => boolean][] = [
  ['revision_header', 'revision, as a pointer', ({ revision = 'etag' }) => revision !== 'etag'],
  ['after_write', 'get, which says what a write has come to', ({ get }) => get !== undefined],
  ['before_delete', 'get, which says what there is', ({ get }) => get !== undefined],
  ['link_path', 'checks_references', ({ checks_references }) => checks_references],
]

const Mapped = z.strictObject({
  headers: Headers.default({}).describe('Sent with every request of the type'),
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
      refuses_existing: z
        .boolean()
        .default(false)
        .describe(
          'The place refuses, by 409 or 412, to create at an id that is taken; it is not asked before',
        ),
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
      media_type: z.enum(['application/json', 'application/merge-patch+json']).optional(),
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
  revision_header: VersionHeader.optional().describe(
    'The place compares the revision that a write carries here, and answers 409 or 412 to another one',
  ),
  after_write: z
    .strictObject({
      method: z.enum(['PUT', 'POST']).default('PUT'),
      path: PathWithId,
      item_path: Pointer.default(''),
      revision_header: VersionHeader.optional(),
    })
    .optional()
    .describe('Follows every create and change, and is part of it: publishing. Repeating it does no harm'),
  before_delete: z
    .strictObject({
      method: z.enum(['DELETE', 'PUT', 'POST']).default('DELETE'),
      path: PathWithId,
      item_path: Pointer.default(''),
      revision_header: VersionHeader.optional(),
    })
    .optional()
    .describe(
      'Precedes every deletion, and is part of it: unpublishing. That there is nothing to do is no mistake',
    ),
  checks_references: z
    .boolean()
    .default(false)
    .describe('The place refuses what refers to something that it does not have'),
  link_path: Pointer.regex(/^\/./, 'must name a member')
    .optional()
    .describe('Where the object that is a reference has its id: it is left out as a whole'),
})
type Mapped = z.output<typeof Mapped>

export const Resource = Mapped.superRefine((resource, ctx) => {
  for (const [of, needs, met] of TOGETHER) {
    const given = resource[of as keyof Mapped] !== undefined
    if (given && !met(resource)) ctx.addIssue({ code: 'custom', path: [of], message: `needs ${needs}` })
  }
  for (const step of ['after_write', 'before_delete'] as const)
    if (resource[step]?.revision_header !== undefined && (resource.revision ?? 'etag') === 'etag')
      ctx.addIssue({
        code: 'custom',
        path: [step, 'revision_header'],
        message: 'needs revision, as a pointer',
      })
})
export type RestResource = z.output<typeof Resource>
export type Paging = z.output<typeof Paging>
