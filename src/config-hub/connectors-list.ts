import { z } from 'zod'
import { read } from '../operation/define.ts'
import { presentConnector, RegisteredConnector } from './connectors/present.ts'
import { listConnectors } from './connectors/store.ts'
import { READS } from './schema.ts'

export const connectorsList = read({
  id: 'config-hub.connectors.list',
  tool: 'config_hub_connectors_list',
  surface: 'configuration-hub',
  summary:
    'List the connectors of the organisation: where its configuration lives besides the built-in store.',
  boundaries: ['Shows settings, and of a credential only whether there is one.'],
  http: { method: 'GET', path: '/v1/connectors' },
  access: READS,
  input: z.strictObject({}),
  output: z.object({ results: z.array(RegisteredConnector) }),
  errors: [],
  audit: { none: 'A read changes nothing.' },
  run: async ({ db, org }) => ({ results: (await listConnectors(db, org)).map(presentConnector) }),
})
