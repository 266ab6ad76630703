import { z } from 'zod'
import { ConfigId, Instant, Type } from '../../config-hub/schema.ts'

export const SnapshotId = z.string().regex(/^snapshot-[0-9a-f]{16}$/, 'must be the id of a snapshot')
export const ScheduleId = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,62}$/, 'must be lower case letters, digits and -, at most 63')

/** What a snapshot holds: everything, some types, or single configurations. */
export const Selection = z
  .strictObject({
    types: z.array(Type).min(1).max(100).optional(),
    resources: z
      .array(z.strictObject({ type: Type, id: ConfigId }))
      .min(1)
      .max(10_000)
      .optional(),
  })
  .refine(({ types, resources }) => !types || !resources, 'must name types or resources, not both')
  .describe('Types or single configurations; empty: everything')
export type Selection = z.output<typeof Selection>

export const Name = z.string().trim().min(1).max(200)

export const Snapshot = z.object({
  id: z.string(),
  name: z.string(),
  status: z.enum(['building', 'ready', 'failed']),
  selection: Selection,
  items: z.int().describe('Configurations in it'),
  digest: z.string().optional().describe('SHA-256 of what it holds: equal for equal configuration'),
  failed_types: z.array(z.string()).describe('Types whose place could not be read: they are not in it'),
  schedule: z.string().optional(),
  created_at: Instant,
  created_by: z.string(),
  expires_at: Instant.optional(),
})

export const Schedule = z.object({
  id: z.string(),
  name: z.string(),
  selection: Selection,
  every_hours: z.int(),
  keep: z.int(),
  next_at: Instant,
  created_at: Instant,
  created_by: z.string(),
})
