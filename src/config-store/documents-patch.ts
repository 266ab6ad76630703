import { z } from 'zod'
import { Type } from '../config-hub/schema.ts'
import { write } from '../operation/define.ts'
import {
  applyFor,
  auditStates,
  documentSecrets,
  draftOf,
  resolveOne,
  shownArguments,
  storeWrite,
} from './planning.ts'
import { presentWritten } from './present.ts'
import { DocumentSchema, DryRun, ExpectedVersion, StoreId, Written } from './schema.ts'

export const documentsPatch = write({
  ...storeWrite('patch', 'It changes a configuration that others may depend on.'),
  id: 'config-store.documents.patch',
  tool: 'config_store_documents_patch',
  summary: 'Change members of a configuration by a JSON merge patch (RFC 7396).',
  boundaries: [
    'null removes a member, objects merge, everything else replaces, lists as a whole.',
    'A patch that changes nothing makes no new version.',
    'Secrets that are left out are kept, null removes them; they are never returned.',
  ],
  http: {
    method: 'PATCH',
    path: '/v1/store/{type}/{id}',
    body: 'document',
    mediaType: 'application/merge-patch+json',
    headers: { 'if-match': 'expectedVersion' },
  },
  input: z.strictObject({
    type: Type,
    id: StoreId,
    document: DocumentSchema.meta({ ...DocumentSchema.meta(), description: 'The merge patch' }),
    expectedVersion: ExpectedVersion,
    dryRun: DryRun,
  }),
  output: Written,
  errors: ['stale', 'not-found'],
  secrets: documentSecrets,
  async preview(ctx, { type, id, document }) {
    const one = await resolveOne(ctx, { type, id, op: 'patch', document })
    return { ...draftOf(one, shownArguments(ctx, one.of, document)), subject: one }
  },
  async apply(ctx, _plan, _input, one) {
    await applyFor(ctx, [one])
    return { output: presentWritten(one), ...auditStates(one) }
  },
})
