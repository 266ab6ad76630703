import { z } from 'zod'
import { TypeName } from './types/definition.ts'

/** What the contract calls a resource type; an organisation's own have the same form. */
export const Type = TypeName.describe('Configuration resource type')
export const ConfigId = z.string().min(1).max(300).describe('Configuration resource id')
export const Cursor = z.string().max(2000).describe('Opaque cursor of the next page; leave out for the first')
export const Size = z.int().min(1).max(100).describe('Items per page, 25 unless told')
export const Include = z
  .enum(['custom'])
  .describe('custom: also types that the organisation added itself, which are no part of the contract')
export const Instant = z.iso.datetime({ offset: true })

/** Summary of one configuration; members that do not apply are absent. */
export const ConfigNode = z.object({
  type: z.string(),
  id: z.string(),
  title: z.string(),
  updated_at: z.string().optional(),
  updated_by: z.string().optional(),
  tags: z.array(z.string()).optional(),
  aliases: z.array(z.string()).optional(),
  purposes: z.array(z.string()).optional(),
  link: z.string().optional(),
  active: z.boolean().optional(),
  blueprints: z.array(z.object({ id: z.string(), title: z.string() })).optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
})
export type ConfigNode = z.infer<typeof ConfigNode>

/** Read access to the hub: people who administer, automation, and grants with the scope. */
export const READS = { auth: 'scoped-agent-grant', scope: 'config:read' } as const
export const WRITES = { auth: 'scoped-agent-grant', scope: 'config:write' } as const

export const ConnectorId = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,62}$/, 'must be lower case letters, digits and -, at most 63')
  .refine((id) => id !== 'store', 'store is the built-in one')
