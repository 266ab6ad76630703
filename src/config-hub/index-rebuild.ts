import { z } from 'zod'
import { record } from '../operation/define.ts'
import { startRebuild } from './index/rebuild.ts'
import { countNodes, findIndex } from './index/status-store.ts'
import { Instant, WRITES } from './schema.ts'

export const indexRebuild = record({
  id: 'config-hub.index.rebuild',
  tool: 'config_hub_index_rebuild',
  surface: 'configuration-hub',
  summary: 'Rebuild the index of all configuration from the places where it lives.',
  boundaries: [
    'Answers at once; the work is done in the background and followed with config-hub.index.read.',
    'A new rebuild stops the one in flight, whose build_token is void then.',
    'Until a configuration is rebuilt readers see what the index said of it before; a type whose place cannot be read keeps all it had and is named in failed_types.',
    'Writing to the built-in store keeps the index up to date by itself; a rebuild is for what changed elsewhere.',
  ],
  http: { method: 'POST', path: '/v1/configs/index:rebuild' },
  access: WRITES,
  input: z.strictObject({}),
  output: z.object({
    status: z.literal('building'),
    build_token: z.string(),
    total_items: z.int().describe('Configurations in the index as it is now'),
    last_built_at: Instant.optional(),
    build_duration_ms: z.int().optional(),
    failed_types: z.array(z.string()).describe('Of the rebuild before'),
  }),
  errors: ['unauthenticated', 'scope-missing', 'idempotency-mismatch', 'idempotency-in-flight'],
  audit: {
    event: 'config_index_rebuild',
    target: (_input, { build_token }) => ({ kind: 'config-index', id: build_token }),
  },
  async run({ db, org, now }) {
    const before = await findIndex(db, org)
    const token = await startRebuild(db, org, now)
    const { total } = await countNodes(db, org)
    return {
      status: 'building' as const,
      build_token: token,
      total_items: total,
      failed_types: before?.failedTypes ?? [],
      ...(before?.lastBuiltAt ? { last_built_at: before.lastBuiltAt.toISOString() } : {}),
      ...(before?.buildDurationMs == null ? {} : { build_duration_ms: before.buildDurationMs }),
    }
  },
})
