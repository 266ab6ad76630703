import { z } from 'zod'
import { read } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { Instant, READS, Type } from './schema.ts'
import { TypeDefinition } from './types/definition.ts'
import { BUILT_IN_REGISTRY, effective } from './types/registry.ts'
import { storedType } from './types/store.ts'

export const typesRead = read({
  id: 'config-hub.types.read',
  tool: 'config_hub_types_read',
  surface: 'configuration-hub',
  summary: 'Read the definition of a type of configuration: what in its documents means what.',
  boundaries: [
    'Built-in types too, with what the organisation changed of them.',
    'version is 0 for a built-in type of which nothing was changed.',
  ],
  http: { method: 'GET', path: '/v1/configs/types/{type}' },
  access: READS,
  input: z.strictObject({ type: Type }),
  output: z.object({
    definition: TypeDefinition,
    custom: z.boolean(),
    version: z.int(),
    updated_at: Instant.optional(),
    updated_by: z.string().optional(),
  }),
  errors: ['not-found'],
  audit: { none: 'A read changes nothing.' },
  async run({ db, org }, { type }) {
    const stored = await storedType(db, org, type)
    const found = stored ? effective(type, stored.definition) : BUILT_IN_REGISTRY.get(type)
    if (!found) return fail('not-found', `There is no type ${type}.`)
    const { custom, ...definition } = found
    return {
      definition,
      custom,
      version: stored?.version ?? 0,
      ...(stored ? { updated_at: stored.updatedAt.toISOString(), updated_by: stored.updatedBy } : {}),
    }
  },
})
