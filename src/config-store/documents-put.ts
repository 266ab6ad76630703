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

export const documentsPut = write({
  ...storeWrite('put', 'It replaces a configuration that others may depend on.'),
  id: 'config-store.documents.put',
  tool: 'config_store_documents_put',
  summary: 'Create a configuration in the built-in store at an id of yours, or replace it whole.',
  boundaries: [
    'Answers 200 either way; created says which it was. A document that is there already makes no new version.',
    'Secrets that are left out are kept, null removes them; they are never returned.',
    'If-Match guards against overwriting what somebody else wrote meanwhile; If-None-Match: * only creates.',
  ],
  http: {
    method: 'PUT',
    path: '/v1/store/{type}/{id}',
    body: 'document',
    headers: { 'if-match': 'expectedVersion', 'if-none-match': 'absent' },
  },
  input: z.strictObject({
    type: Type,
    id: StoreId,
    document: DocumentSchema,
    expectedVersion: ExpectedVersion,
    absent: z.boolean().optional().describe('Only create; over HTTP the header If-None-Match: *'),
    dryRun: DryRun,
  }),
  output: Written,
  errors: ['stale', 'not-found'],
  secrets: documentSecrets,
  async preview(ctx, { type, id, document, absent }) {
    const one = await resolveOne(ctx, { type, id, op: 'put', document })
    const there = absent === true && one.before !== undefined
    return {
      ...draftOf(one, { ...shownArguments(ctx, one.of, document), ...(absent ? { absent } : {}) }),
      blockers: there ? [{ code: 'stale' as const, message: `${type} ${id} is there already.` }] : [],
      subject: one,
    }
  },
  async apply(ctx, _plan, _input, one) {
    await applyFor(ctx, [one])
    return { output: presentWritten(one), ...auditStates(one) }
  },
})
