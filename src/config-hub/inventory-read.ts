import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { read } from '../operation/define.ts'
import type { Connector } from './connectors/connector.ts'
import { connectorsOf } from './connectors/open.ts'
import { READS } from './schema.ts'
import type { ConfigType } from './types/definition.ts'
import { registryOf } from './types/registry.ts'

export const inventoryRead = read({
  id: 'config-hub.inventory.read',
  tool: 'config_hub_inventory_read',
  surface: 'configuration-hub',
  summary: 'List type and id of every configuration there is now, asked of where each lives.',
  boundaries: [
    'Reads the places themselves, not the index; one that fails is named and left out.',
    'Identities only, no documents.',
  ],
  http: { method: 'GET', path: '/v1/configs/inventory' },
  access: READS,
  input: z.strictObject({
    include_dependency_only: z
      .boolean()
      .optional()
      .describe('Also types that are reached only through what refers to them; true unless told'),
    include: z.enum(['custom']).optional().describe('custom: also types of the organisation’s own'),
  }),
  output: z.object({
    inventory_id: z.string(),
    org_id: z.string(),
    indexed_at: z.string(),
    resources_count: z.int(),
    resources: z.array(z.object({ type: z.string(), id: z.string() })),
    skipped_types: z.array(z.object({ type: z.string(), reason: z.string() })),
  }),
  errors: [],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, { include_dependency_only = true, include }) {
    const registry = await registryOf(ctx.db, ctx.org)
    const connectors = await connectorsOf(ctx.deps, ctx.org, registry)
    const types = [...registry.values()].filter(
      ({ custom, dependency_only }) =>
        (!custom || include === 'custom') && (!dependency_only || include_dependency_only),
    )
    const resources: { type: string; id: string }[] = []
    const skipped_types: { type: string; reason: string }[] = []
    for (const type of types) {
      const found = await idsOf(connectors.get(type.connector), type, ctx.call.signal)
      if (typeof found === 'string') skipped_types.push({ type: type.type, reason: found })
      else resources.push(...found.map((id) => ({ type: type.type, id })))
    }
    return {
      inventory_id: randomUUID(),
      org_id: ctx.org,
      indexed_at: ctx.now.toISOString(),
      resources_count: resources.length,
      resources,
      skipped_types,
    }
  },
})

/** Every id of a type, or why they could not be had. */
async function idsOf(
  connector: Connector | undefined,
  type: ConfigType,
  signal: AbortSignal | undefined,
): Promise<string[] | string> {
  if (!connector?.capabilities(type.type).has('list'))
    return `The connector ${type.connector} cannot list it.`
  const ids: string[] = []
  try {
    let cursor: string | null = null
    do {
      const page = await connector.list(type, { cursor, ...(signal ? { signal } : {}) })
      ids.push(...page.items.map(({ id }) => id))
      cursor = page.cursor
    } while (cursor !== null)
    return ids
  } catch (error) {
    return `The connector ${type.connector} failed: ${(error as { kind?: string }).kind ?? 'unavailable'}.`
  }
}
