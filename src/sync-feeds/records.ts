import { z } from 'zod'
import type { FeedEntry, FeedId } from './rules.ts'

const Text = z.string().max(4_000)

export const WORK_KINDS = [
  'live-event',
  'release',
  'shop',
  'membership',
  'announcement',
  'maintenance',
] as const

/** An entry of the work log: all of it is public. */
export const WorkLogData = z.object({
  id: z.string(),
  title: Text,
  summary: Text,
  kind: z.enum(WORK_KINDS),
  url: z.string().max(2_000).nullable(),
  occurredAt: z.string(),
})

/** A finding of a sync job: its evidence is redacted by whoever finds it. */
export const FindingData = z.object({
  jobId: z.string(),
  fingerprint: z.string(),
  class: z.string(),
  sourceKind: z.string(),
  key: z.string(),
  summary: Text,
  status: z.enum(['open', 'resolved', 'dismissed']),
  needsPerson: z.boolean(),
  evidenceHash: z.string(),
  evidence: z.record(z.string(), z.json()).optional(),
  openedAt: z.string().optional(),
  resolvedAt: z.string().nullable().optional(),
})

/** That a configuration changed: which and to what version, never what is in it. */
export const ConfigChangeData = z.object({ type: z.string(), id: z.string(), version: z.int() })

/** Every type of record with what may be in it; nothing else leaves, and nothing else is written. */
export const RECORD_TYPES = {
  'work-log': { 'work-log.entry.upsert': WorkLogData, 'work-log.entry.delete': null },
  findings: { 'sync.finding.upsert': FindingData, 'sync.finding.delete': null },
  'config-changes': { 'config.document.upsert': ConfigChangeData, 'config.document.delete': null },
} as const satisfies Record<FeedId, Record<string, z.ZodObject | null>>

/** The entry with only what its type allows. Throws on a type that the feed does not have, and on data that lacks something. */
export function allowed<T extends Pick<FeedEntry, 'type' | 'data'>>(feed: FeedId, entry: T): T {
  const types: Record<string, z.ZodObject | null> = RECORD_TYPES[feed]
  const schema = types[entry.type]
  if (schema === undefined) throw new Error(`The feed ${feed} has no records of type ${entry.type}.`)
  if ((schema === null) !== (entry.data === null))
    throw new Error(`Records of type ${entry.type} have ${schema === null ? 'no' : 'their'} data.`)
  return { ...entry, data: schema?.parse(entry.data) ?? null }
}
