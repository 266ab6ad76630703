import { read } from '../operation/define.ts'
import { dependenciesOf } from './index/read-store.ts'
import { Neighbours, NeighboursInput, neighboursOf } from './neighbours.ts'
import { READS } from './schema.ts'

export const configsDependencies = read({
  id: 'config-hub.configs.dependencies',
  tool: 'config_hub_configs_dependencies',
  surface: 'configuration-hub',
  summary: 'List what a configuration refers to.',
  boundaries: [
    'Direct references only, each configuration once, by type and id, itself and deleted ones left out.',
    'total is left out beyond 1,000.',
    'Names in texts count when they have the form of an identifier; plain words only where the type declares a reference.',
  ],
  http: { method: 'GET', path: '/v1/configs/{type}/{id}/dependencies' },
  access: READS,
  input: NeighboursInput,
  output: Neighbours,
  errors: ['not-found', 'cursor-invalid'],
  audit: { none: 'A read changes nothing.' },
  run: (ctx, input) => neighboursOf(ctx, input, { list: 'dependencies', read: dependenciesOf }),
})
