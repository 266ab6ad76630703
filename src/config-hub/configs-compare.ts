import { z } from 'zod'
import { read } from '../operation/define.ts'
import { diffsOf } from './compare/diffs.ts'
import { compareRows, type Row } from './compare/rows.ts'
import { requireOther, SourceOrg, SourceToken } from './compare/schema.ts'
import { localSide, sourceSide } from './compare/sides.ts'
import { verifiedSource } from './connectors/open.ts'
import { presentNode, shownType } from './index/read.ts'
import { lineageOf } from './lineage/store.ts'
import { ConfigNode, READS, Type } from './schema.ts'
import { registryOf } from './types/registry.ts'

const Difference = z.object({
  pointer: z.string(),
  change: z.enum(['added', 'removed', 'changed', 'moved']),
  current: z.json().optional(),
  source: z.json().optional(),
  base: z.json().optional(),
  to: z.int().optional().describe('The place of a moved element at the source'),
  state: z.enum(['differs', 'source_changed', 'target_changed', 'conflict']),
})

const CompareRow = z.object({
  match_status: z.enum(['matched', 'only_current', 'only_source']),
  current: ConfigNode.optional(),
  source: ConfigNode.optional(),
  lineage: z
    .object({
      direction: z.enum(['pull', 'push']),
      last_synced_at: z.string().optional(),
      last_sync_job_id: z.string().optional(),
      origin: z.string().optional(),
    })
    .optional(),
  diff: z.array(Difference).optional(),
  base: z.enum(['none', 'last_sync']).optional(),
})

type RowAnswer = z.input<typeof CompareRow>

const Addition = z.enum(['diff', 'custom'])

const Input = z.strictObject({
  source_org_id: SourceOrg,
  source_auth_token: SourceToken,
  type: Type,
  include: z
    .union([Addition, z.array(Addition).max(2)])
    .optional()
    .describe('diff: every place in which two matched ones differ; custom: also types of one’s own'),
})

export const configsCompare = read({
  id: 'config-hub.configs.compare',
  tool: 'config_hub_configs_compare',
  surface: 'configuration-hub',
  summary: 'Compare the configurations of a type with those of another organisation, pair by pair.',
  boundaries: [
    'Pairs are those of lineage, in both directions; nothing is matched by likeness here.',
    'With include diff each pair says where it differs: volatile members left out, ids of paired configurations written as what they stand for, secrets only as changed or unchanged, and since the last sync who changed what.',
    'Up to 10,000 configurations on a side.',
  ],
  http: { method: 'POST', path: '/v1/configs/compare' },
  access: READS,
  input: Input,
  output: z.object({
    type: z.string(),
    label: z.string(),
    icon: z.string(),
    rows: z.array(CompareRow),
    counts: z.object({ matched: z.int(), only_current: z.int(), only_source: z.int() }),
  }),
  errors: ['validation-failed', 'forbidden', 'too-large', 'unavailable'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, input) {
    const include = new Set([input.include ?? []].flat())
    const type = shownType(
      await registryOf(ctx.db, ctx.org),
      input.type,
      include.has('custom') ? 'custom' : undefined,
    )
    requireOther(ctx, input.source_org_id)
    const source = await verifiedSource(ctx, input.source_org_id, input.source_auth_token)
    const theirType = source.registry.get(type.type) ?? type
    const [current, theirs, pulled, pushed] = await Promise.all([
      localSide(ctx.db, ctx.org, type),
      sourceSide(ctx, source, theirType),
      lineageOf(ctx.db, ctx.org, source.org, type.type),
      source.kind === 'local' ? lineageOf(ctx.db, source.org, ctx.org, type.type) : [],
    ])
    const rows = compareRows(current.nodes, theirs.nodes, pulled, pushed)
    const diffs = include.has('diff')
      ? await diffsOf(ctx, { type, theirType, source, theirs }, rows)
      : undefined
    const count = (status: Row['status']) => rows.filter((row) => row.status === status).length
    return {
      type: type.type,
      label: type.label,
      icon: type.icon,
      // documents are JSON, so are the values in which two differ
      rows: rows.map((row, index) => ({ ...presentRow(row), ...(diffs?.[index] as Partial<RowAnswer>) })),
      counts: {
        matched: count('matched'),
        only_current: count('only_current'),
        only_source: count('only_source'),
      },
    }
  },
})

const presentRow = ({ status, current, source, lineage }: Row): z.input<typeof CompareRow> => ({
  match_status: status,
  ...(current ? { current: presentNode(current) } : {}),
  ...(source ? { source: presentNode(source) } : {}),
  ...(lineage
    ? {
        lineage: {
          direction: lineage.direction,
          ...(lineage.row.lastSyncedAt ? { last_synced_at: lineage.row.lastSyncedAt.toISOString() } : {}),
          ...(lineage.row.lastSyncJobId ? { last_sync_job_id: lineage.row.lastSyncJobId } : {}),
          ...(lineage.row.origin ? { origin: lineage.row.origin } : {}),
        },
      }
    : {}),
})
