import { z } from 'zod'
import { type Context, write } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { SourceOrg } from './compare/schema.ts'
import { deleteLineage, entriesOf, insertBlock, type LineageRow } from './lineage/store.ts'
import { ConfigId, Type, WRITES } from './schema.ts'

const Input = z.strictObject({
  type: Type,
  source_id: ConfigId.describe('Configuration id in the source organisation'),
  source_org_id: SourceOrg.optional().describe('Needed where several organisations have this source id'),
  block: z.boolean().optional().describe('Never match the two again; on for agents, off for others'),
  dryRun: z.boolean().optional().describe('Answer the plan and change nothing'),
})
type Input = z.output<typeof Input>

export const lineageBreak = write({
  id: 'config-hub.lineage.break',
  tool: 'config_hub_lineage_break',
  surface: 'configuration-hub',
  summary: 'Undo the pairing of a configuration with its source in another organisation.',
  boundaries: [
    'Changes no configuration. A later sync may match the two again unless block is true.',
    'Pairs in which this organisation is the source belong to the other one and are broken there.',
  ],
  http: { method: 'DELETE', path: '/v1/configs/lineage' },
  access: WRITES,
  input: Input,
  output: z.object({ deleted: z.literal(true) }),
  errors: ['not-found', 'conflict'],
  confirmation: {
    kind: 'config-change',
    reason: 'A later sync makes a second one of what is no longer paired.',
    contractId: 'configuration.hub',
    action: 'configuration.lineage.break',
    envelope: false,
  },
  audit: {
    event: 'configuration_lineage_break',
    record: 'config_lineage',
    attribution: 'The pair that was broken, with who broke it.',
  },
  async preview(ctx, input) {
    const entry = await entryOf(ctx, input)
    const { type, sourceOrg, sourceId, targetId } = entry
    // by decision stricter than the contract where agents act, and as the contract says where its clients do
    const block = input.block ?? ctx.principal.kind === 'grant'
    const pair = { type, source_org_id: sourceOrg, source_id: sourceId, target_id: targetId }
    const id = `${sourceOrg}/${type}/${sourceId}`
    const title = `${type} ${sourceId} of ${sourceOrg}`
    return {
      target: { kind: 'configuration-pair', id, title },
      targetSummary: `Break the pair of ${title} and ${targetId}.`,
      observed: [{ kind: 'configuration-pair', id, version: 1, updatedAt: null }],
      arguments: { ...pair, block },
      changes: [
        { op: 'delete' as const, pointer: '', label: 'pair', before: pair, after: null },
        ...(block
          ? [{ op: 'create' as const, pointer: '/blocked', label: 'block', before: null, after: true }]
          : []),
      ],
      affectedSurfaces: ['configuration-hub'],
      confirmationText: `I confirm: break the pair of ${title} and ${targetId}.`,
      subject: { entry, block, pair, id },
    }
  },
  async apply(ctx, _plan, _input, { entry, block, pair, id }) {
    // its row is locked since the plan
    await deleteLineage(ctx.db, ctx.org, entry)
    if (block) await insertBlock(ctx.db, ctx.org, entry, { now: ctx.now, author: ctx.principal.displayName })
    return { output: { deleted: true as const }, previous: pair, next: { id, blocked: block } }
  },
})

/** The entry that is meant. Errors: `not-found`; `conflict` where it could be of several organisations. */
async function entryOf(ctx: Context, { type, source_id, source_org_id }: Input): Promise<LineageRow> {
  const named = { type, sourceId: source_id, sourceOrg: source_org_id }
  const [entry, ...others] = await entriesOf(ctx.db, ctx.org, named, ctx.lock)
  if (!entry) return fail('not-found', `There is no pair of ${type} ${source_id}.`)
  if (others.length === 0) return entry
  const orgs = [entry, ...others].map(({ sourceOrg }) => sourceOrg)
  return fail('conflict', {
    detail: `Several organisations have a ${type} ${source_id} that is paired: ${orgs.join(', ')}.`,
    nextAction: 'Name one of them with source_org_id.',
    extra: { source_org_ids: orgs },
  })
}
