import { z } from 'zod'
import { type Context, write } from '../operation/define.ts'
import { type FieldError, fail } from '../operation/errors.ts'
import type { Plan } from '../operation/plan.ts'
import { findConnector } from './connectors/store.ts'
import { Type, WRITES } from './schema.ts'
import { TypeDefinition } from './types/definition.ts'
import { BUILT_IN_REGISTRY, effective, registryOf } from './types/registry.ts'
import { changesOf, DefinitionInput, needsRebuild, overrideOf, ownDefinition } from './types/rules.ts'
import { countConfigs, type Override, putType, type StoredType, storedType } from './types/store.ts'

/** Enough to say that there are many. */
export const MOST_COUNTED = 1_000

export const typesDefine = write({
  id: 'config-hub.types.define',
  tool: 'config_hub_types_define',
  surface: 'configuration-hub',
  summary: 'Add a type of configuration of one’s own, replace it, or say where a built-in type lives.',
  boundaries: [
    'Replaces the whole definition: what is left out has its default again.',
    'Of a built-in type only connector and json_schema can be given.',
    'Changes no document. rebuild_required says that the index still shows what it did by the old definition.',
  ],
  http: {
    method: 'PUT',
    path: '/v1/configs/types/{type}',
    body: 'definition',
    headers: { 'if-match': 'expectedVersion' },
  },
  access: WRITES,
  input: z.strictObject({
    type: Type,
    definition: DefinitionInput,
    expectedVersion: z
      .int()
      .min(0)
      .optional()
      .describe('Refuse with 412 when the definition moved on; 0: it must not exist'),
    dryRun: z.boolean().optional().describe('Answer the plan and change nothing'),
  }),
  output: z.object({
    type: z.string(),
    custom: z.boolean(),
    version: z.int(),
    created: z.boolean(),
    unchanged: z.boolean().describe('The definition was so already: no new version'),
    rebuild_required: z
      .boolean()
      .describe('Configurations are indexed by the old definition until a rebuild'),
    definition: TypeDefinition,
  }),
  errors: ['validation-failed', 'stale', 'conflict'],
  confirmation: {
    kind: 'config-change',
    reason: 'A definition decides how every configuration of its type is shown, related and kept secret.',
    contractId: 'configuration.hub',
    action: 'configuration.types.define',
    envelope: false,
  },
  audit: {
    event: 'configuration_type_define',
    record: 'config_types',
    attribution: 'The definition before and after, with who changed it.',
  },
  async preview(ctx, { type, definition: sent }) {
    const custom = !BUILT_IN_REGISTRY.has(type)
    const definition = accepted(custom ? ownDefinition(type, sent) : overrideOf(sent))
    await requireConnector(ctx, definition.connector)
    const stored = await storedType(ctx.db, ctx.org, type, ctx.lock)
    const changes = changesOf(stored?.definition, definition)
    const version = stored?.version ?? 0
    const configurations = await countConfigs(ctx.db, ctx.org, type, MOST_COUNTED)
    const before = stored ? effective(type, stored.definition) : BUILT_IN_REGISTRY.get(type)
    const rebuild = needsRebuild(before, effective(type, definition), configurations)
    const verb = changes.length === 0 ? 'Leave' : stored ? 'Change' : custom ? 'Add' : 'Change'
    return {
      target: { kind: 'configuration-type', id: type, title: `the type ${type}` },
      targetSummary: `${verb} the type ${type}.`,
      observed: [
        {
          kind: 'configuration-type',
          id: type,
          version,
          updatedAt: stored?.updatedAt.toISOString() ?? null,
        },
      ],
      arguments: { type, definition } as Plan['arguments'],
      changes,
      affectedSurfaces: ['configuration-hub'],
      warnings: [
        ...(await unknownTargets(ctx, type, definition)),
        ...sealingWarnings(stored, definition, configurations),
      ],
      confirmationText: `I confirm: ${verb.toLowerCase()} the type ${type}.`,
      details: { configurations, rebuild_required: rebuild },
      subject: { stored, definition, changed: changes.length > 0, rebuild },
    }
  },
  async apply(ctx, _plan, { type }, { stored, definition, changed, rebuild }) {
    const seen = stored?.version ?? 0
    const next = { type, definition, seen, now: ctx.now, author: ctx.principal.displayName }
    const version = changed ? await putType(ctx.db, ctx.org, next) : seen
    if (version === undefined) return fail('conflict', `The type ${type} was defined meanwhile.`)
    const { custom, ...whole } = effective(type, definition)
    return {
      output: {
        type,
        custom,
        version,
        created: stored === undefined && changed,
        unchanged: !changed,
        rebuild_required: rebuild,
        definition: whole,
      },
      previous: stored ? { version: stored.version, definition: stored.definition } : null,
      next: { id: type, version, definition },
    }
  },
})

function accepted<T>(checked: { definition: T } | { errors: FieldError[] }): T {
  if ('definition' in checked) return checked.definition
  return fail('validation-failed', {
    detail: 'The definition cannot be used as it is.',
    errors: checked.errors.slice(0, 20),
  })
}

async function requireConnector(ctx: Context, connector: string | undefined): Promise<void> {
  if (connector === undefined || connector === 'store') return
  // locked: who removes it waits, and then finds that a type lives in it
  if (await findConnector(ctx.db, ctx.org, connector, ctx.lock)) return
  fail('validation-failed', {
    detail: `There is no connector ${connector}.`,
    errors: [
      { pointer: '/definition/connector', message: 'must be store or a connector of the organisation' },
    ],
  })
}

/** Types that references name and the organisation does not have; they may come later, so nothing is refused. */
async function unknownTargets(
  ctx: Context,
  type: string,
  definition: TypeDefinition | Override,
): Promise<string[]> {
  if (!('references' in definition)) return []
  const registry = await registryOf(ctx.db, ctx.org)
  const named = new Set(definition.references.flatMap((rule) => rule.type ?? []))
  const unknown = [...named].filter((each) => each !== type && !registry.has(each))
  return unknown.map((each) => `References name the type ${each}, which does not exist.`)
}

/** Secrets are sealed when a document is written: what is stored already stays as it is. */
function sealingWarnings(
  stored: StoredType | undefined,
  definition: TypeDefinition | Override,
  configurations: number,
): string[] {
  if (configurations === 0 || !stored || !('secret_paths' in definition)) return []
  const { secret_paths: before } = stored.definition as TypeDefinition
  const added = definition.secret_paths.filter((path) => !before.includes(path))
  const removed = before.filter((path) => !definition.secret_paths.includes(path))
  return [
    ...added.map((path) => `${path} becomes secret: stored documents are sealed when they are written next.`),
    ...removed.map((path) => `${path} is secret no longer: what is written from now on is shown.`),
  ]
}
