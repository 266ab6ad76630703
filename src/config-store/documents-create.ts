import { randomUUID } from 'node:crypto'
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
import { DocumentSchema, DryRun, Written } from './schema.ts'

export const documentsCreate = write({
  ...storeWrite('create', 'It adds a configuration.'),
  id: 'config-store.documents.create',
  tool: 'config_store_documents_create',
  summary: 'Create a configuration in the built-in store; the store makes its id.',
  boundaries: [
    'The id is in the answer only: the document stays as it was sent.',
    'With an Idempotency-Key a request that is sent again creates nothing again.',
  ],
  http: { method: 'POST', path: '/v1/store/{type}', body: 'document' },
  input: z.strictObject({ type: Type, document: DocumentSchema, dryRun: DryRun }),
  output: Written,
  errors: [],
  status: 201,
  secrets: documentSecrets,
  async preview(ctx, { type, document }) {
    const one = await resolveOne(ctx, { type, id: randomUUID(), op: 'put', document })
    const draft = draftOf(one, {})
    const title = `a new ${type}`
    return {
      ...draft,
      // the id is made when it is applied, so no plan can name it
      target: { kind: 'configuration', id: null, title },
      targetSummary: `Create: ${title}.`,
      observed: [],
      arguments: { type, ...shownArguments(ctx, one.of, document) } as typeof draft.arguments,
      changes: draft.changes.map((change) => ({ ...change, target: type })),
      confirmationText: `I confirm: create ${title}.`,
      subject: one,
    }
  },
  async apply(ctx, _plan, _input, one) {
    await applyFor(ctx, [one])
    return { output: presentWritten(one), ...auditStates(one) }
  },
})
