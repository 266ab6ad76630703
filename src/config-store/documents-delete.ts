import { z } from 'zod'
import { Instant, Type } from '../config-hub/schema.ts'
import { write } from '../operation/define.ts'
import { applyFor, auditStates, draftOf, resolveOne, storeWrite } from './planning.ts'
import { DryRun, ExpectedVersion, StoreId, Version } from './schema.ts'

export const documentsDelete = write({
  ...storeWrite('delete', 'It removes a configuration that others may depend on.'),
  id: 'config-store.documents.delete',
  tool: 'config_store_documents_delete',
  summary: 'Delete a configuration; its history stays.',
  boundaries: [
    'A deletion is a version of its own; created anew, the configuration goes on counting from there.',
    'What refers to it is not changed, and is listed as dangling from then on.',
  ],
  http: { method: 'DELETE', path: '/v1/store/{type}/{id}', headers: { 'if-match': 'expectedVersion' } },
  input: z.strictObject({ type: Type, id: StoreId, expectedVersion: ExpectedVersion, dryRun: DryRun }),
  output: z.object({
    type: z.string(),
    id: z.string(),
    version: Version,
    updated_at: Instant,
    deleted: z.literal(true),
  }),
  errors: ['stale', 'not-found'],
  async preview(ctx, { type, id }) {
    const one = await resolveOne(ctx, { type, id, op: 'delete' })
    return { ...draftOf(one, {}), subject: one }
  },
  async apply(ctx, _plan, _input, one) {
    await applyFor(ctx, [one])
    const { type, id, version, updatedAt } = one
    return {
      output: { type, id, version, updated_at: updatedAt.toISOString(), deleted: true as const },
      ...auditStates(one),
    }
  },
})
