import { z } from 'zod'
import { READS, Type } from '../config-hub/schema.ts'
import { registryOf, requireType } from '../config-hub/types/registry.ts'
import { read } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { presentDocument } from './present.ts'
import { ANSWER, ReadDocument, StoreId, Version } from './schema.ts'
import { versionOf } from './store.ts'

export const versionsRead = read({
  id: 'config-store.versions.read',
  tool: 'config_store_versions_read',
  surface: 'configuration-hub',
  summary: 'Read a configuration as one of its versions had it.',
  boundaries: ['To go back to it, send it again. Secrets are left out as everywhere.'],
  http: { method: 'GET', path: '/v1/store/{type}/{id}/versions/{version}', answer: ANSWER },
  access: READS,
  input: z.strictObject({ type: Type, id: StoreId, version: Version }),
  output: ReadDocument,
  errors: ['not-found'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, { type, id, version }) {
    const registry = await registryOf(ctx.db, ctx.org)
    requireType(registry, type)
    const row = await versionOf(ctx.db, ctx.org, { type, id }, version)
    if (!row) return fail('not-found', `There is no version ${version} of ${type} ${id}.`)
    if (!row.document) return fail('not-found', `In version ${version} ${type} ${id} was deleted.`)
    return presentDocument(registry, { ...row, type, id })
  },
})
