import { z } from 'zod'
import { Instant, Type } from '../config-hub/schema.ts'
import { registryOf, requireType } from '../config-hub/types/registry.ts'
import { type Context, write } from '../operation/define.ts'
import { type FieldError, fail } from '../operation/errors.ts'
import { canonical, type PlanDraft, sha256 } from '../operation/plan.ts'
import { keyOf } from './documents.ts'
import { applyFor, changesOf, observedOf, resolveFor, shownArguments, storeWrite } from './planning.ts'
import { type Resolved, refuse } from './resolve.ts'
import { DocumentSchema, DryRun, StoreId, Version } from './schema.ts'
import { secretPlaces } from './secrets.ts'

/** One transaction: at 2 KiB each a megabyte, some tenths of a second. */
const BATCH = 500

const Item = z.strictObject({
  type: Type,
  id: StoreId,
  document: DocumentSchema,
  version: Version.optional().describe('As exported; of no effect'),
  updated_at: Instant.optional().describe('As exported; of no effect'),
})

const Input = z.strictObject({
  documents: z.array(Item).min(1).max(BATCH),
  on_conflict: z
    .enum(['replace', 'skip', 'fail'])
    .optional()
    .describe('What happens to a configuration that is there already: replace unless told'),
  dryRun: DryRun,
})
type Input = z.output<typeof Input>

export const documentsImport = write({
  ...storeWrite('import', 'It changes many configurations at once.'),
  id: 'config-store.documents.import',
  tool: 'config_store_documents_import',
  summary: 'Create or replace many configurations, as JSON or one a line (application/x-ndjson).',
  boundaries: [
    'Up to 500 in one transaction: all of them or none. Of a body of lines each 500 are one, and a wrong line refuses its own 500.',
    'Takes the lines of the export. Versions are counted here, not taken over.',
  ],
  http: { method: 'POST', path: '/v1/store:import', lines: { field: 'documents', batch: BATCH } },
  input: Input,
  output: z.object({
    created: z.int(),
    replaced: z.int(),
    unchanged: z.int(),
    skipped: z.int(),
  }),
  errors: ['conflict'],
  async secrets(ctx, input) {
    const registry = await registryOf(ctx.db, ctx.org)
    return input.documents.flatMap(({ type, document }, index) =>
      secretPlaces(requireType(registry, type, `/documents/${index}/type`), document).map(
        (pointer) => `/documents/${index}/document${pointer}`,
      ),
    )
  },
  async preview(ctx, input) {
    const resolved = await resolveImport(ctx, input)
    const written = resolved.filter(({ skipped }) => !skipped).map(({ one }) => one)
    return { ...draft(ctx, input, resolved), subject: { written, skipped: resolved.length - written.length } }
  },
  async apply(ctx, _plan, _input, { written, skipped }) {
    await applyFor(ctx, written)
    const count = (outcome: Resolved['outcome']) => written.filter((one) => one.outcome === outcome).length
    const counts = {
      created: count('created'),
      replaced: count('replaced'),
      unchanged: count('unchanged'),
      skipped,
    }
    return { output: counts, previous: null, next: counts }
  },
})

type Imported = { one: Resolved; skipped: boolean }

async function resolveImport(ctx: Context, { documents, on_conflict }: Input): Promise<Imported[]> {
  refuseRepeated(documents)
  const writes = documents.map(({ type, id, document }, index) => ({
    type,
    id,
    document,
    op: 'put' as const,
    at: `/documents/${index}/document`,
  }))
  const resolved = await resolveFor(ctx, writes)
  const there = resolved.flatMap(({ before }, index) => (before ? [index] : []))
  if (on_conflict === 'fail' && there.length > 0)
    fail('conflict', {
      detail: `${there.length} of the configurations are there already.`,
      errors: there
        .slice(0, 20)
        .map((index) => ({ pointer: `/documents/${index}`, message: 'is there already' })),
    })
  return resolved.map((one) => ({ one, skipped: on_conflict === 'skip' && one.before !== undefined }))
}

/** Which of two would hold is nobody's guess. */
function refuseRepeated(documents: Input['documents']): void {
  const first = new Map<string, number>()
  const errors: FieldError[] = []
  for (const [index, each] of documents.entries()) {
    const key = keyOf(each)
    if (first.has(key))
      errors.push({ pointer: `/documents/${index}/id`, message: `${key} stands in this batch already` })
    else first.set(key, index)
  }
  if (errors.length > 0) refuse(errors)
}

function draft(ctx: Context, input: Input, imported: readonly Imported[]): PlanDraft {
  const shown = imported.map(({ one }, index) => {
    const { document, secrets } = shownArguments(ctx, one.of, input.documents[index]?.document ?? {})
    return { type: one.type, id: one.id, digest: sha256(canonical(document)), secrets }
  })
  const title = `${imported.length} configurations`
  const written = imported.filter(({ skipped, one }) => !skipped && one.outcome !== 'unchanged')
  return {
    target: { kind: 'configurations', id: null, title },
    targetSummary: `Import ${title}: ${written.length} of them change.`,
    observed: imported.map(({ one }) => observedOf(one)),
    arguments: { documents: shown, on_conflict: input.on_conflict ?? 'replace' },
    changes: written.flatMap(({ one }) => changesOf(one)),
    affectedSurfaces: ['configuration-hub'],
    confirmationText: `I confirm importing ${title}.`,
    details: { configurations: imported.length, changed: written.length },
    redactions: shown.flatMap(({ type, id, secrets }) =>
      Object.keys(secrets).map((pointer) => `${keyOf({ type, id })}${pointer}`),
    ),
  }
}
