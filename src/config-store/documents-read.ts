import { z } from 'zod'
import { READS, Type } from '../config-hub/schema.ts'
import { registryOf, requireType } from '../config-hub/types/registry.ts'
import { read } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { presentDocument } from './present.ts'
import { ANSWER, ReadDocument, StoreId } from './schema.ts'
import { documentsOf } from './store.ts'

export const documentsRead = read({
  id: 'config-store.documents.read',
  tool: 'config_store_documents_read',
  surface: 'configuration-hub',
  summary: 'Read a configuration of the built-in store as it was sent, its secrets left out.',
  boundaries: ['Over HTTP the document is the whole answer; its version is the ETag.'],
  http: { method: 'GET', path: '/v1/store/{type}/{id}', answer: ANSWER },
  access: READS,
  input: z.strictObject({ type: Type, id: StoreId }),
  output: ReadDocument,
  errors: ['not-found'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, { type, id }) {
    const registry = await registryOf(ctx.db, ctx.org)
    requireType(registry, type)
    const [row] = await documentsOf(ctx.db, ctx.org, [{ type, id }])
    if (!row?.document) return fail('not-found', `There is no ${type} ${id}.`)
    return presentDocument(registry, row)
  },
})
