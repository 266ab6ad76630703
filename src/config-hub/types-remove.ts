import { z } from 'zod'
import { write } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { Type, WRITES } from './schema.ts'
import { BUILT_IN_REGISTRY, effective } from './types/registry.ts'
import { changesOf, needsRebuild } from './types/rules.ts'
import { countConfigs, deleteType, storedType } from './types/store.ts'
import { MOST_COUNTED } from './types-define.ts'

export const typesRemove = write({
  id: 'config-hub.types.remove',
  tool: 'config_hub_types_remove',
  surface: 'configuration-hub',
  summary: 'Remove a type of one’s own, or take back what was changed of a built-in one.',
  boundaries: [
    'An own type of which there are configurations stays: remove those first.',
    'A built-in type has its own connector and no JSON Schema again.',
  ],
  http: {
    method: 'DELETE',
    path: '/v1/configs/types/{type}',
    headers: { 'if-match': 'expectedVersion' },
  },
  access: WRITES,
  input: z.strictObject({
    type: Type,
    expectedVersion: z.int().min(1).optional().describe('Refuse with 412 when the definition moved on'),
    dryRun: z.boolean().optional().describe('Answer the plan and change nothing'),
  }),
  output: z.object({
    type: z.string(),
    removed: z.literal(true),
    rebuild_required: z
      .boolean()
      .describe('Configurations are indexed by the old definition until a rebuild'),
  }),
  errors: ['not-found', 'plan-blocked', 'stale', 'conflict'],
  confirmation: {
    kind: 'config-change',
    reason: 'Without its definition no configuration of the type can be stored or found.',
    contractId: 'configuration.hub',
    action: 'configuration.types.remove',
    envelope: false,
  },
  audit: {
    event: 'configuration_type_remove',
    record: 'config_types',
    attribution: 'The definition that was removed, with who removed it.',
  },
  async preview(ctx, { type }) {
    const custom = !BUILT_IN_REGISTRY.has(type)
    const stored = await storedType(ctx.db, ctx.org, type, ctx.lock)
    if (!stored)
      return fail(
        'not-found',
        custom ? `There is no type ${type}.` : `Nothing was changed of the built-in type ${type}.`,
      )
    const configurations = await countConfigs(ctx.db, ctx.org, type, MOST_COUNTED)
    const many = configurations === MOST_COUNTED ? `${MOST_COUNTED} or more` : configurations
    const blockers =
      custom && configurations > 0
        ? [
            {
              code: 'plan-blocked' as const,
              message: `There are ${many} configurations of the type ${type}.`,
            },
          ]
        : []
    const rebuild = needsRebuild(
      effective(type, stored.definition),
      BUILT_IN_REGISTRY.get(type),
      configurations,
    )
    const what = custom ? `the type ${type}` : `what was changed of the type ${type}`
    return {
      target: { kind: 'configuration-type', id: type, title: `the type ${type}` },
      targetSummary: `Remove ${what}.`,
      observed: [
        {
          kind: 'configuration-type',
          id: type,
          version: stored.version,
          updatedAt: stored.updatedAt.toISOString(),
        },
      ],
      arguments: { type },
      changes: changesOf(stored.definition, undefined),
      affectedSurfaces: ['configuration-hub'],
      blockers,
      confirmationText: `I confirm: remove ${what}.`,
      details: { configurations, rebuild_required: rebuild },
      subject: { stored, rebuild },
    }
  },
  async apply(ctx, _plan, { type }, { stored, rebuild }) {
    if (!(await deleteType(ctx.db, ctx.org, type, stored.version)))
      return fail('conflict', `The type ${type} was changed meanwhile.`)
    return {
      output: { type, removed: true as const, rebuild_required: rebuild },
      previous: { version: stored.version, definition: stored.definition },
      next: null,
    }
  },
})
