import { z } from 'zod'
import type { Document } from '../config-hub/index/entry.ts'
import { ConfigId, Instant } from '../config-hub/schema.ts'
import { ID_FORM } from './rules.ts'

/** Any JSON object; what one may not hold is refused by its place (rules.ts), where z.record would drop `__proto__`. */
export const DocumentSchema = z
  .custom<Document>((value) => typeof value === 'object' && value !== null && !Array.isArray(value), {
    error: 'must be a JSON object',
  })
  .meta({ type: 'object', additionalProperties: true, description: 'The configuration itself' })

export const StoreId = ConfigId.refine((id) => ID_FORM.test(id), {
  error: 'must be text without control characters, and neither . nor ..',
}).describe('Id of the configuration, chosen by whoever creates it')

export const Version = z.int().min(1)

export const ExpectedVersion = Version.optional().describe(
  'The version that the configuration must have now; over HTTP the header If-Match',
)

export const DryRun = z.boolean().optional().describe('Answer the plan and change nothing')

const SecretPlaces = z.array(z.string()).describe('Pointers of the secrets that are set; never their values')

/** What a write answers; the document itself is what was sent. */
export const Written = z.object({
  type: z.string(),
  id: z.string(),
  version: Version,
  updated_at: Instant,
  created: z.boolean(),
  unchanged: z.boolean().describe('The configuration was so already: no new version'),
  secrets: SecretPlaces,
})

export const ListedDocument = z.object({
  type: z.string(),
  id: z.string(),
  version: Version,
  created_at: Instant,
  updated_at: Instant,
  updated_by: z.string(),
  deleted: z.literal(true).optional(),
  secrets: SecretPlaces,
  document: DocumentSchema.optional(),
})

export const ListedVersion = z.object({
  version: Version,
  updated_at: Instant,
  updated_by: z.string(),
  deleted: z.literal(true).optional(),
  secrets: SecretPlaces,
})

/** A document as its answer, its version and time in headers. */
export const ReadDocument = z.object({
  type: z.string(),
  id: z.string(),
  version: Version,
  updated_at: Instant,
  updated_by: z.string(),
  document: DocumentSchema,
})

export const ANSWER = {
  body: 'document',
  headers: { etag: 'version', 'last-modified': 'updated_at', 'x-updated-by': 'updated_by' },
} as const

/** A document as a line of an export, and of an import, which takes no notice of what only tells. */
export const Line = z.strictObject({
  type: z.string(),
  id: z.string(),
  version: Version,
  updated_at: Instant,
  document: DocumentSchema,
})
