import { z } from 'zod'
import { read } from '../operation/define.ts'
import { Include, READS } from './schema.ts'
import type { ConfigType } from './types/definition.ts'
import { BUILT_IN_REGISTRY, registryOf } from './types/registry.ts'

const Info = z.object({
  type: z.string(),
  label: z.string(),
  icon: z.string(),
  source_api: z.string(),
  sdk_client: z.string(),
  deletable: z.boolean().describe('Whether delete jobs may remove configurations of the type'),
  custom: z.literal(true).optional().describe('A type of the organisation’s own'),
})

export const typesList = read({
  id: 'config-hub.types.list',
  tool: 'config_hub_types_list',
  surface: 'configuration-hub',
  summary: 'List the types of configuration with what shows them.',
  boundaries: [
    'The 33 types of the contract, the same for everybody.',
    'With include=custom the organisation’s own types follow, marked custom; they are no part of the contract.',
  ],
  http: { method: 'GET', path: '/v1/configs/types' },
  access: READS,
  input: z.strictObject({ include: Include.optional() }),
  output: z.object({ results: z.array(Info) }),
  errors: [],
  audit: { none: 'A read changes nothing.' },
  async run({ db, org }, { include }) {
    const registry = include === 'custom' ? await registryOf(db, org) : BUILT_IN_REGISTRY
    return { results: [...registry.values()].map(infoOf) }
  },
})

const infoOf = (type: ConfigType): z.infer<typeof Info> => ({
  type: type.type,
  label: type.label,
  icon: type.icon,
  source_api: type.source_api,
  sdk_client: type.sdk_client,
  deletable: type.deletable,
  ...(type.custom ? { custom: true as const } : {}),
})
