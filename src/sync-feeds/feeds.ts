import { z } from 'zod'
import { EndpointSchema, endpoint } from '../operation/manifest.ts'
import { configChangesRead } from './config-changes-read.ts'
import { CURSOR_KIND } from './cursor.ts'
import { findingsRead } from './findings-read.ts'
import { RECORD_TYPES } from './records.ts'
import type { FeedId } from './rules.ts'
import { FEED_VERSION } from './serve.ts'
import { workLogRead } from './work-log-read.ts'

export const AvailableFeed = z.object({
  id: z.string(),
  version: z.literal(FEED_VERSION),
  endpoint: EndpointSchema,
  cursorKind: z.literal(CURSOR_KIND),
  recordTypes: z.array(z.string()),
  tombstones: z.string(),
  redactionPolicy: z.string(),
})
export type AvailableFeed = z.infer<typeof AvailableFeed>

const OPERATIONS = { 'work-log': workLogRead, findings: findingsRead, 'config-changes': configChangesRead }

const WHAT: Record<FeedId, { description: string; redactionPolicy: string }> = {
  'work-log': {
    description: 'What the organisation did in public, in the order in which it became final.',
    redactionPolicy:
      'Every entry is public: members outside the record’s schema are dropped when it is written and again when it is read. What was never public does not enter, and what stops being public leaves a tombstone.',
  },
  findings: {
    description: 'Findings of sync jobs as they open, are resolved or dismissed.',
    redactionPolicy: 'Evidence is redacted before it is written: no provider id, credential or payment data.',
  },
  'config-changes': {
    description: 'Which configurations changed, and to what version.',
    redactionPolicy: 'Type, id and version only; never what is in a configuration.',
  },
}

/** The feeds that there are, as manifests list them; `href` follows the host that the request came in on. */
export const availableFeeds = (origin: string): AvailableFeed[] =>
  Object.entries(OPERATIONS).map(([id, { http, access }]) => {
    const { description, redactionPolicy } = WHAT[id as FeedId]
    return {
      id,
      version: FEED_VERSION,
      endpoint: endpoint(origin, http, access, description, {
        query: ['cursor', 'limit', 'wait'],
        status: 'available',
      }),
      cursorKind: CURSOR_KIND,
      recordTypes: Object.keys(RECORD_TYPES[id as FeedId]),
      tombstones: 'supported',
      redactionPolicy,
    }
  })
