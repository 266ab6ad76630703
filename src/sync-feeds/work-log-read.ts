import { read } from '../operation/define.ts'
import { FEED_ERRORS, FeedInput, feedOutput, followFeed, readFeed } from './serve.ts'

export const workLogRead = read({
  id: 'sync-feeds.work-log-read',
  tool: 'agent_sync_feed_work_log_read',
  surface: 'sync-feeds',
  summary:
    'Read the public work log after a cursor, wait for what comes, or follow it as server-sent events.',
  boundaries: [
    'Public by design: no secret, private text, raw token or private identifier of anybody enters it.',
    'Records may come twice; skip those whose idempotencyKey was processed. The last record of a key counts.',
    'A cursor is opaque and belongs to this feed of this organisation; after cursor-expired start anew as restart says.',
  ],
  http: { method: 'GET', path: '/api/agent/sync-feeds/work-log' },
  access: { auth: 'guest' },
  input: FeedInput,
  output: feedOutput('work-log'),
  errors: FEED_ERRORS,
  audit: { none: 'A read changes nothing.' },
  follows: () => 'feed/work-log',
  resource: { uri: 'fanful://agent/sync-feeds/work-log', title: 'Public work log' },
  run: (ctx, input) => readFeed(ctx, 'work-log', input),
  stream: (ctx, input) => followFeed(ctx, 'work-log', input, () => true),
})
