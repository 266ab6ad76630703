import { admits } from '../operation/admit.ts'
import { read } from '../operation/define.ts'
import { FEED_ERRORS, FeedInput, feedOutput, followFeed, readFeed } from './serve.ts'

const ACCESS = { auth: 'artist-admin-or-approved-automation', scope: 'config:read' } as const

export const configChangesRead = read({
  id: 'sync-feeds.config-changes-read',
  tool: 'agent_sync_feed_config_changes_read',
  surface: 'sync-feeds',
  summary:
    'Read which configurations changed after a cursor, wait for what comes, or follow it as server-sent events.',
  boundaries: [
    'Type, id and version of what changed, never its content.',
    'Records may come twice; skip those whose idempotencyKey was processed. The last record of a key counts.',
    'A cursor is opaque and belongs to this feed of this organisation; after cursor-expired start anew as restart says.',
  ],
  http: { method: 'GET', path: '/api/agent/sync-feeds/config-changes' },
  access: ACCESS,
  input: FeedInput,
  output: feedOutput('config-changes'),
  errors: FEED_ERRORS,
  audit: { none: 'A read changes nothing.' },
  follows: () => 'feed/config-changes',
  resource: { uri: 'fanful://agent/sync-feeds/config-changes', title: 'Changes of configuration' },
  run: (ctx, input) => readFeed(ctx, 'config-changes', input),
  stream: (ctx, input) => followFeed(ctx, 'config-changes', input, (each) => admits(ACCESS, each.principal)),
})
