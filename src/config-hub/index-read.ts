import { z } from 'zod'
import { read } from '../operation/define.ts'
import { countNodes, findIndex } from './index/status-store.ts'
import { Instant, READS } from './schema.ts'
import { registryOf } from './types/registry.ts'

const Progress = z.object({
  types_done: z.int(),
  types_total: z.int(),
  staged_items: z.int().describe('Configurations read so far'),
  current_type: z.string().optional(),
  failed_types: z.array(z.string()),
})

export const indexRead = read({
  id: 'config-hub.index.read',
  tool: 'config_hub_index_read',
  surface: 'configuration-hub',
  summary: 'Read the state of the index of all configuration: whether it is there, or being built.',
  boundaries: [
    'missing: never built, and no configuration known. Configuration written to the built-in store is indexed with it and needs no rebuild.',
    'While a rebuild runs the status is building, with progress; readers see the index as it was until it is switched.',
    'failed_types, beside the contract, names types whose place could not be read by the last rebuild.',
  ],
  http: { method: 'GET', path: '/v1/configs/index' },
  access: READS,
  input: z.strictObject({}),
  output: z.object({
    status: z.enum(['missing', 'building', 'ready', 'failed']),
    org_id: z.string(),
    total_items: z.int(),
    last_built_at: Instant.optional(),
    build_duration_ms: z.int().optional(),
    failed_types: z.array(z.string()),
    progress: Progress.optional(),
  }),
  errors: [],
  audit: { none: 'A read changes nothing.' },
  async run({ db, org }) {
    const [index, { total, any }] = await Promise.all([findIndex(db, org), countNodes(db, org)])
    const status = index?.status ?? (any ? ('ready' as const) : ('missing' as const))
    return {
      status,
      org_id: org,
      total_items: total,
      failed_types: index?.failedTypes ?? [],
      ...(index?.lastBuiltAt ? { last_built_at: index.lastBuiltAt.toISOString() } : {}),
      ...(index?.buildDurationMs == null ? {} : { build_duration_ms: index.buildDurationMs }),
      ...(index && status === 'building'
        ? {
            progress: {
              types_done: index.checkpoint?.done.length ?? 0,
              types_total: (await registryOf(db, org)).size,
              staged_items: index.stagedItems,
              failed_types: index.checkpoint?.failed ?? [],
              ...(index.checkpoint?.type ? { current_type: index.checkpoint.type } : {}),
            },
          }
        : {}),
    }
  },
})
