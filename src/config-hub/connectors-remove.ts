import { z } from 'zod'
import { write } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { deleteConnector, findConnector } from './connectors/store.ts'
import { ConnectorId, WRITES } from './schema.ts'
import { registryOf } from './types/registry.ts'

export const connectorsRemove = write({
  id: 'config-hub.connectors.remove',
  tool: 'config_hub_connectors_remove',
  surface: 'configuration-hub',
  summary: 'Remove a connector and its credential.',
  boundaries: ['Blocked while a type lives in it. What the place holds stays as it is.'],
  http: { method: 'DELETE', path: '/v1/connectors/{id}', headers: { 'if-match': 'expectedVersion' } },
  access: WRITES,
  input: z.strictObject({
    id: ConnectorId,
    expectedVersion: z.int().min(1).optional(),
    dryRun: z.boolean().optional().describe('Answer the plan and change nothing'),
  }),
  output: z.object({ deleted: z.literal(true) }),
  errors: ['not-found', 'stale', 'plan-blocked'],
  confirmation: {
    kind: 'config-change',
    reason: 'What lives there can no longer be read or written.',
    contractId: 'configuration.hub',
    action: 'configuration.connectors.remove',
    envelope: false,
  },
  audit: {
    event: 'configuration_connector_remove',
    record: 'config_connectors',
    attribution: 'The settings that it had, with who removed it.',
  },
  async preview(ctx, { id }) {
    const row =
      (await findConnector(ctx.db, ctx.org, id, ctx.lock)) ??
      fail('not-found', `There is no connector ${id}.`)
    const living = [...(await registryOf(ctx.db, ctx.org)).values()].filter(
      ({ connector }) => connector === id,
    )
    return {
      target: { kind: 'configuration-connector', id, title: `the connector ${id}` },
      targetSummary: `Remove the connector ${id}.`,
      observed: [
        { kind: 'configuration-connector', id, version: row.version, updatedAt: row.updatedAt.toISOString() },
      ],
      arguments: { id },
      changes: [
        { op: 'delete' as const, pointer: '', label: id, before: row.settings as never, after: null },
      ],
      affectedSurfaces: ['configuration-hub'],
      blockers: living.map(({ type }) => ({
        code: 'plan-blocked' as const,
        message: `The type ${type} lives in it.`,
      })),
      confirmationText: `I confirm removing the connector ${id}.`,
      subject: row,
    }
  },
  async apply(ctx, _plan, { id }, row) {
    await deleteConnector(ctx.db, ctx.org, id)
    return {
      output: { deleted: true as const },
      previous: { settings: row.settings, version: row.version },
      next: { id },
    }
  },
})
