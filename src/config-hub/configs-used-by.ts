import { read } from '../operation/define.ts'
import { usedBy } from './index/read-store.ts'
import { Neighbours, NeighboursInput, neighboursOf } from './neighbours.ts'
import { READS } from './schema.ts'

export const configsUsedBy = read({
  id: 'config-hub.configs.used-by',
  tool: 'config_hub_configs_used_by',
  surface: 'configuration-hub',
  summary: 'List what refers to a configuration.',
  boundaries: [
    'Direct references only, each configuration once, by type and id, itself and deleted ones left out.',
    'total is left out beyond 1,000.',
  ],
  http: { method: 'GET', path: '/v1/configs/{type}/{id}/used_by' },
  access: READS,
  input: NeighboursInput,
  output: Neighbours,
  errors: ['not-found', 'cursor-invalid'],
  audit: { none: 'A read changes nothing.' },
  run: (ctx, input) => neighboursOf(ctx, input, { list: 'used_by', read: usedBy }),
})
