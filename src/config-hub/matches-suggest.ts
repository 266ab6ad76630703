import { z } from 'zod'
import { type Context, read } from '../operation/define.ts'
import { match, translateKey } from './compare/match.ts'
import { requireOther, SourceOrg, SourceToken } from './compare/schema.ts'
import { candidateOf } from './compare/sides.ts'
import { nodesByKeys } from './compare/store.ts'
import { type Source, verifiedSource } from './connectors/open.ts'
import { derive } from './index/derive.ts'
import { type NodeRow, nodesOf, shownType } from './index/read.ts'
import { blocksOf, lineageOf, pairsOf } from './lineage/store.ts'
import { ConfigId, READS, Type } from './schema.ts'
import type { ConfigType } from './types/definition.ts'
import { registryOf } from './types/registry.ts'

const Counterpart = z.object({ id: z.string(), title: z.string() })

export const matchesSuggest = read({
  id: 'config-hub.matches.suggest',
  tool: 'config_hub_matches_suggest',
  surface: 'configuration-hub',
  summary: 'Suggest which configuration of one’s own another organisation’s may be, by what identifies both.',
  boundaries: [
    'By natural key, else alias or slug, else title, one to one; where several would do none is chosen and all are named.',
    'Never suggests what is paired or blocked already. Nothing is stored.',
  ],
  http: { method: 'POST', path: '/v1/configs/compare/suggestions' },
  access: READS,
  input: z.strictObject({
    source_org_id: SourceOrg,
    source_auth_token: SourceToken,
    type: Type,
    source_ids: z.array(ConfigId).min(1).max(25),
    include: z.enum(['custom']).optional(),
  }),
  output: z.object({
    type: z.string(),
    suggestions: z.array(
      z.object({
        source_id: z.string(),
        candidate: Counterpart.nullable(),
        matched_by: z.enum(['natural_key', 'name', 'title']).optional(),
        ambiguous: z.array(Counterpart).optional(),
      }),
    ),
  }),
  errors: ['validation-failed', 'forbidden'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, input) {
    const type = shownType(await registryOf(ctx.db, ctx.org), input.type, input.include)
    requireOther(ctx, input.source_org_id)
    const source = await verifiedSource(ctx, input.source_org_id, input.source_auth_token)
    const ids = [...new Set(input.source_ids)]
    const { found, targets } = await matchingOf(ctx, type, source, ids)
    const byId = new Map(targets.map(({ id, title }) => [id, { id, title }]))
    const suggestions = ids.map((id) => {
      const made = found.matches.find(({ sourceId }) => sourceId === id)
      const several = found.ambiguous.get(id)
      return {
        source_id: id,
        candidate: made ? (byId.get(made.targetId) ?? null) : null,
        ...(made ? { matched_by: made.by } : {}),
        ...(several ? { ambiguous: several.flatMap((each) => byId.get(each) ?? []) } : {}),
      }
    })
    return { type: type.type, suggestions }
  },
})

async function matchingOf(ctx: Context, type: ConfigType, source: Source, ids: readonly string[]) {
  const [lineage, pairs, blocked, sources] = await Promise.all([
    lineageOf(ctx.db, ctx.org, source.org, type.type),
    pairsOf(ctx.db, ctx.org, source.org),
    blocksOf(ctx.db, ctx.org, source.org, type.type),
    sourceNodes(ctx, type, source, ids),
  ])
  const translation = new Map(pairs.map(({ sourceId, targetId }) => [sourceId, targetId]))
  const translate = (id: string) => translation.get(id)
  const paired = new Set(lineage.map(({ sourceId }) => sourceId))
  const unpaired = sources.filter(({ id }) => !paired.has(id))
  const targets = await nodesByKeys(ctx.db, ctx.org, type.type, keysOf(unpaired, translate))
  // others at the source that have the same keys make a suggestion ambiguous
  const others =
    source.kind === 'local' ? await nodesByKeys(ctx.db, source.org, type.type, keysOf(unpaired)) : []
  const all = new Map([...others, ...unpaired].map((node) => [node.id, node]))
  const found = match({
    sources: [...all.values()].filter(({ id }) => !paired.has(id)).map(candidateOf),
    targets: targets.map(candidateOf),
    claimed: new Set(lineage.map(({ targetId }) => targetId)),
    blocked,
    translate,
  })
  return { found, targets }
}

const keysOf = (
  nodes: readonly NodeRow[],
  translate: (id: string) => string | undefined = () => undefined,
) => ({
  naturalKeys: nodes.flatMap(({ naturalKey }) => translateKey(naturalKey, translate) ?? []),
  names: nodes.flatMap(({ aliases }) => aliases),
  titles: nodes.map(({ title }) => title.trim().toLowerCase()),
})

async function sourceNodes(
  ctx: Context,
  type: ConfigType,
  source: Source,
  ids: readonly string[],
): Promise<NodeRow[]> {
  if (source.kind === 'local')
    return nodesOf(
      ctx.db,
      source.org,
      ids.map((id) => ({ type: type.type, id })),
    )
  const theirType = source.registry.get(type.type) ?? type
  const connector = source.connectorOf(theirType)
  const items = await Promise.all(ids.map((id) => connector.get(theirType, id)))
  return items.flatMap((item) => {
    if (!item) return []
    const entry = derive(theirType, item.document, { ...item, connector: connector.id })
    const aliases = entry.names.filter(({ kind }) => kind !== 'id').map(({ name }) => name)
    return [{ ...entry, titleKey: entry.title.toLowerCase(), aliases }]
  })
}
