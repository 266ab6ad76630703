import { admits } from '../operation/admit.ts'
import { read } from '../operation/define.ts'
import { FEED_ERRORS, FeedInput, feedOutput, followFeed, readFeed } from './serve.ts'

const ACCESS = { auth: 'artist-admin-or-approved-automation', scope: 'sync:read' } as const

export const findingsRead = read({
  id: 'sync-feeds.findings-read',
  tool: 'agent_sync_feed_findings_read',
  surface: 'sync-feeds',
  summary:
    'Read what sync jobs found after a cursor, wait for what comes, or follow it as server-sent events.',
  boundaries: [
    'Evidence is redacted: no provider id, payment identifier or credential is in it.',
    'Records may come twice; skip those whose idempotencyKey was processed. The last record of a key counts.',
    'A cursor is opaque and belongs to this feed of this organisation; after cursor-expired start anew as restart says.',
  ],
  http: { method: 'GET', path: '/api/agent/sync-feeds/findings' },
  access: ACCESS,
  input: FeedInput,
  output: feedOutput('findings'),
  errors: FEED_ERRORS,
  audit: { none: 'A read changes nothing.' },
  follows: () => 'feed/findings',
  resource: { uri: 'fanful://agent/sync-feeds/findings', title: 'Findings of sync jobs' },
  run: (ctx, input) => readFeed(ctx, 'findings', input),
  stream: (ctx, input) => followFeed(ctx, 'findings', input, (each) => admits(ACCESS, each.principal)),
})
