import { z } from 'zod'

export const Key = z.object({ type: z.string(), id: z.string() })
export const Titled = Key.extend({ title: z.string() })

/** How one configuration refers to another. */
export const Reference = z.object({
  kind: z.enum(['id', 'alias', 'slug', 'variable']).describe('By which of its names'),
  required: z.boolean().describe('Whether the one that refers cannot exist without the other'),
})

export const Depth = z.int().min(1).max(20).describe('Most steps from the configuration, 20 unless told')
export const Limit = z.int().min(1).max(5000).describe('Most configurations in the answer, 1,000 unless told')
