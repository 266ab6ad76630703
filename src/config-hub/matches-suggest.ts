import { z } from 'zod'
import { type Context, read } from '../operation/define.ts'
import { type Matching, match, translateKey } from './compare/match.ts'
import { type Both, pairsBetween, translation } from './compare/pairs.ts'
import { requireOther, SourceOrg, SourceToken } from './compare/schema.ts'
import { candidateOf, sourceSide } from './compare/sides.ts'
import { type MatchKeys, nodesByKeys } from './compare/store.ts'
import { type Source, verifiedSource } from './connectors/open.ts'
import { type NodeRow, nodesOf, shownType } from './index/read.ts'
import { blocksOf } from './lineage/lineage.ts'
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
    'Never suggests what is paired already, in either direction, or blocked. Nothing is stored.',
    'Up to 10,000 configurations at an organisation on another server.',
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
  errors: ['validation-failed', 'forbidden', 'too-large', 'unavailable'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, input) {
    const type = shownType(await registryOf(ctx.db, ctx.org), input.type, input.include)
    requireOther(ctx, input.source_org_id)
    const source = await verifiedSource(ctx, input.source_org_id, input.source_auth_token)
    const ids = [...new Set(input.source_ids)]
    const { found, targets } = await matchingOf(ctx, type, source, ids)
    const shown = new Map(targets.map(({ id, title }) => [id, { id, title }]))
    const matches = new Map(found.matches.map((each) => [each.sourceId, each]))
    const suggestions = ids.map((id) => {
      const made = matches.get(id)
      const several = found.ambiguous.get(id)
      return {
        source_id: id,
        candidate: made ? (shown.get(made.targetId) ?? null) : null,
        ...(made ? { matched_by: made.by } : {}),
        ...(several ? { ambiguous: several.flatMap((each) => shown.get(each) ?? []) } : {}),
      }
    })
    return { type: type.type, suggestions }
  },
})

type Suggested = { found: Matching; targets: NodeRow[] }

/**
 * Matches those asked for among all that could be meant: what else at the source shares a key with them, or with a
 * target of theirs, makes a match ambiguous or has the better claim.
 */
async function matchingOf(
  ctx: Context,
  type: ConfigType,
  source: Source,
  ids: readonly string[],
): Promise<Suggested> {
  const [pairs, blocked] = await Promise.all([
    pairsBetween(ctx.db, ctx.org, source),
    blocksBetween(ctx, source, type.type),
  ])
  const ofType = pairs.filter((pair) => pair.type === type.type)
  const paired = new Set(ofType.map((pair) => pair.source))
  const wanted = ids.filter((id) => !paired.has(id))
  const translate = translation(pairs)
  const candidates = await candidatesAt(ctx, source, type)
  const asked = await candidates.asked(wanted)
  const targets = await nodesByKeys(ctx.db, ctx.org, type.type, keysOf(asked, translate))
  const rivals = await candidates.sharing([
    keysOf(asked),
    keysOf(targets),
    keysOf(targets, translation(pairs.map(turned))),
  ])
  const sources = new Map([...rivals, ...asked].map((node) => [node.id, node]))
  const found = match({
    sources: [...sources.values()].filter(({ id }) => !paired.has(id)).map(candidateOf),
    targets: targets.map(candidateOf),
    claimed: new Set(ofType.map((pair) => pair.current)),
    blocked,
    translate,
  })
  return { found, targets }
}

const turned = (pair: Both): Both => ({ ...pair, current: pair.source, source: pair.current })

type Candidates = {
  asked(ids: readonly string[]): Promise<NodeRow[]>
  /** All that have one of these keys, and maybe more. */
  sharing(keys: readonly MatchKeys[]): Promise<NodeRow[]>
}

/** By the index of an organisation on this server; elsewhere, where nobody can be asked by key, among all. */
async function candidatesAt(ctx: Context, source: Source, of: ConfigType): Promise<Candidates> {
  const { type } = of
  if (source.kind === 'remote') {
    const { nodes } = await sourceSide(ctx, source, source.registry.get(type) ?? of)
    return { asked: async (ids) => nodes.filter(({ id }) => ids.includes(id)), sharing: async () => nodes }
  }
  return {
    asked: (ids) =>
      nodesOf(
        ctx.db,
        source.org,
        ids.map((id) => ({ type, id })),
      ),
    sharing: (keys) =>
      nodesByKeys(ctx.db, source.org, type, {
        naturalKeys: [...new Set(keys.flatMap(({ naturalKeys }) => naturalKeys))],
        names: [...new Set(keys.flatMap(({ names }) => names))],
        titles: [...new Set(keys.flatMap(({ titles }) => titles))],
      }),
  }
}

const keysOf = (
  nodes: readonly NodeRow[],
  translate: (id: string) => string | undefined = () => undefined,
): MatchKeys => ({
  naturalKeys: nodes.flatMap(({ naturalKey }) => translateKey(naturalKey, translate) ?? []),
  names: nodes.flatMap(({ aliases }) => aliases),
  titles: nodes.map(({ title }) => title.trim().toLowerCase()),
})

/** What either organisation has parted for good. */
async function blocksBetween(
  { db, org }: Context,
  source: Source,
  type: string,
): Promise<{ sourceId: string; targetId: string }[]> {
  const [own, theirs] = await Promise.all([
    blocksOf(db, org, source.org, type),
    source.kind === 'local' ? blocksOf(db, source.org, org, type) : [],
  ])
  return [...own, ...theirs.map(({ sourceId, targetId }) => ({ sourceId: targetId, targetId: sourceId }))]
}
