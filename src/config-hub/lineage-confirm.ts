import { z } from 'zod'
import { type Context, write } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import type { PlanBlocker } from '../operation/plan.ts'
import { requireOther, SourceOrg } from './compare/schema.ts'
import { findNode, shownType } from './index/read.ts'
import {
  claimOf,
  deleteBlock,
  entriesOf,
  insertLineage,
  isBlocked,
  type LineageRow,
  type NewLineage,
} from './lineage/store.ts'
import { ConfigId, Include, Type, WRITES } from './schema.ts'
import { registryOf } from './types/registry.ts'

const Input = z.strictObject({
  type: Type,
  source_org_id: SourceOrg,
  source_id: ConfigId.describe('Configuration id in the source organisation'),
  target_id: ConfigId.describe('The one of the caller’s organisation that it became'),
  include: Include.optional(),
  dryRun: z.boolean().optional().describe('Answer the plan and change nothing'),
})
type Input = z.output<typeof Input>

export const lineageConfirm = write({
  id: 'config-hub.lineage.confirm',
  tool: 'config_hub_lineage_confirm',
  surface: 'configuration-hub',
  summary: 'Pair a configuration of another organisation with one of one’s own, as what it became.',
  boundaries: [
    'Says what belongs together and changes no configuration; a later sync changes the paired one and makes no second.',
    'A source has one counterpart and a counterpart one source, for each source organisation; the same pair again is answered as it stands.',
    'The source organisation is not read, so that no token is asked for. A block on the pair is taken back.',
  ],
  http: { method: 'POST', path: '/v1/configs/lineage' },
  access: WRITES,
  status: 201,
  input: Input,
  output: z.object({
    type: z.string(),
    target_org_id: z.string(),
    source_org_id: z.string(),
    source_id: z.string(),
    target_id: z.string(),
    last_synced_at: z.string().optional(),
    origin: z.string().optional(),
  }),
  errors: ['validation-failed', 'conflict'],
  confirmation: {
    kind: 'config-change',
    reason: 'A sync overwrites what is paired.',
    contractId: 'configuration.hub',
    action: 'configuration.lineage.confirm',
    envelope: false,
  },
  audit: {
    event: 'configuration_lineage_confirm',
    record: 'config_lineage',
    attribution: 'The pair, with who confirmed it.',
  },
  async preview(ctx, input) {
    const { type, source_org_id, source_id, target_id } = input
    requireOther(ctx, source_org_id)
    shownType(await registryOf(ctx.db, ctx.org), type, input.include)
    await requireTarget(ctx, input)
    const pair = pairOf(input)
    const [entry] = await entriesOf(ctx.db, ctx.org, pair, ctx.lock)
    const claim = await claimOf(ctx.db, ctx.org, pair)
    const blocked = await isBlocked(ctx.db, ctx.org, pair)
    const known = entry?.targetId === target_id ? entry : undefined
    const title = `${type} ${source_id} of ${source_org_id}`
    const shown = { type, source_org_id, source_id, target_id }
    return {
      target: { kind: 'configuration-pair', id: pairId(pair), title },
      targetSummary: `Pair ${title} with ${target_id}.`,
      observed: [{ kind: 'configuration-pair', id: pairId(pair), version: entry ? 1 : 0, updatedAt: null }],
      arguments: shown,
      changes: [
        ...(known ? [] : [{ op: 'create' as const, pointer: '', label: 'pair', before: null, after: shown }]),
        ...(blocked
          ? [{ op: 'delete' as const, pointer: '/blocked', label: 'block', before: true, after: null }]
          : []),
      ],
      affectedSurfaces: ['configuration-hub'],
      blockers: blockersOf(input, entry, claim),
      confirmationText: `I confirm: pair ${title} with ${target_id}.`,
      subject: { pair, known, blocked },
    }
  },
  async apply(ctx, _plan, _input, { pair, known, blocked }) {
    const { entry, made } = known ? { entry: known, made: false } : await paired(ctx, pair)
    if (blocked) await deleteBlock(ctx.db, ctx.org, pair)
    return {
      output: presentEntry(ctx.org, entry),
      previous: made ? null : { target_id: pair.targetId },
      next: { id: pairId(pair), target_id: pair.targetId },
    }
  },
})

const pairOf = ({ type, source_org_id, source_id, target_id }: Input): NewLineage => ({
  type,
  sourceOrg: source_org_id,
  sourceId: source_id,
  targetId: target_id,
  origin: 'manual_confirm',
})

const pairId = ({ type, sourceOrg, sourceId }: NewLineage): string => `${sourceOrg}/${type}/${sourceId}`

/** The entry, made here or, since the plan, by another who confirmed the same. Errors: `conflict`. */
async function paired(ctx: Context, pair: NewLineage): Promise<{ entry: LineageRow; made: boolean }> {
  const made = await insertLineage(ctx.db, ctx.org, pair, ctx.now)
  if (made) return { entry: made, made: true }
  const [entry] = await entriesOf(ctx.db, ctx.org, pair, ctx.lock)
  return entry?.targetId === pair.targetId
    ? { entry, made: false }
    : fail('conflict', `${pair.sourceId} or ${pair.targetId} was paired otherwise meanwhile.`)
}

const presentEntry = (org: string, row: LineageRow) => ({
  type: row.type,
  target_org_id: org,
  source_org_id: row.sourceOrg,
  source_id: row.sourceId,
  target_id: row.targetId,
  ...(row.lastSyncedAt ? { last_synced_at: row.lastSyncedAt.toISOString() } : {}),
  ...(row.origin === null ? {} : { origin: row.origin }),
})

/** By the contract a counterpart that is not there is invalid input, not something not found. */
async function requireTarget(ctx: Context, { type, target_id }: Input): Promise<void> {
  if (await findNode(ctx.db, ctx.org, type, target_id)) return
  fail('validation-failed', {
    detail: `There is no ${type} ${target_id}.`,
    errors: [{ pointer: '/target_id', message: 'must be a configuration of the type in this organisation' }],
  })
}

function blockersOf(
  { source_org_id, source_id, target_id }: Input,
  entry: LineageRow | undefined,
  claim: LineageRow | undefined,
): PlanBlocker[] {
  const taken = (message: string): PlanBlocker => ({ code: 'conflict', message })
  return [
    ...(entry && entry.targetId !== target_id
      ? [taken(`${source_id} of ${source_org_id} is paired with ${entry.targetId}.`)]
      : []),
    ...(claim && claim.sourceId !== source_id
      ? [taken(`${target_id} is paired with ${claim.sourceId} of ${source_org_id}.`)]
      : []),
  ]
}
