import { z } from 'zod'
import { read } from '../operation/define.ts'
import {
  DescriptorSchema,
  describe,
  PrincipalSchema,
  presentPrincipal,
  SurfaceSchema,
  surfaceOf,
} from '../operation/manifest.ts'
import { AvailableFeed, availableFeeds } from './feeds.ts'

export const list = read({
  id: 'sync-feeds.list',
  tool: 'agent_sync_feed_list',
  surface: 'sync-feeds',
  summary: 'List the feeds, how their cursors work, and every operation with what this caller may do.',
  boundaries: ['Metadata only: no record is shown here.'],
  http: { method: 'GET', path: '/api/agent/sync-feeds' },
  access: { auth: 'optional-session' },
  input: z.strictObject({}),
  output: z.object({
    ok: z.literal(true),
    version: z.literal('agent-sync-feeds.v1'),
    generatedAt: z.string(),
    surface: SurfaceSchema,
    principal: PrincipalSchema,
    feeds: z.array(AvailableFeed),
    cursorContract: z.object({
      contract: z.literal('agent-sync-cursor.v1'),
      order: z.string(),
      duplicates: z.string(),
      completeThrough: z.string(),
      restart: z.string(),
    }),
    operations: z.array(DescriptorSchema),
  }),
  errors: ['not-found'],
  audit: { none: 'A read changes nothing.' },
  resource: { uri: 'fanful://agent/sync-feeds/manifest', title: 'Sync feeds manifest' },
  async run({ call, deps, now, org, principal }) {
    const own = deps.operations.filter(({ surface }) => surface === 'sync-feeds')
    const operations = own.map((operation) => describe(operation, call.origin, principal))
    const may = (id: string) => operations.some((each) => each.id === id && each.enabled)
    return {
      ok: true as const,
      version: 'agent-sync-feeds.v1' as const,
      generatedAt: now.toISOString(),
      surface: surfaceOf('sync-feeds', org),
      principal: presentPrincipal(principal, {
        readWorkLog: true,
        readFindings: may('sync-feeds.findings-read'),
        readConfigChanges: may('sync-feeds.config-changes-read'),
        writeWorkLog: may('sync-feeds.work-log-put'),
      }),
      feeds: availableFeeds(call.origin),
      cursorContract: CURSOR_CONTRACT,
      operations,
    }
  },
})

const CURSOR_CONTRACT = {
  contract: 'agent-sync-cursor.v1' as const,
  order:
    'By the transaction that wrote a record, then by a sequence, and only what no open transaction can still come before. Readers that order by updatedAt miss records that are committed late.',
  duplicates:
    'A record may be read twice. Skip those whose idempotencyKey you processed; of a key the last record counts.',
  completeThrough: 'Every record after the page has a later updatedAt than completeThrough.',
  restart:
    'After cursor-expired (410) forget the cursor and what you keep of the feed, and read it from restart.href.',
}
