import sql from 'sql-template-tag'
import { z } from 'zod'
import { type Context, read, write } from '../src/operation/define.ts'
import { fail } from '../src/operation/errors.ts'

/** What these write to; the test makes it in its own database. */
export const ROUTE_TABLE = `
  CREATE TABLE next_things (org text, id text, document jsonb NOT NULL, version integer NOT NULL, PRIMARY KEY (org, id))`

type Row = { id: string; document: Record<string, unknown>; version: number }

const rowsOf = (ctx: Context): Promise<Row[]> =>
  ctx.db.query<Row>(sql`SELECT id, document, version FROM next_things WHERE org = ${ctx.org} ORDER BY id`)

async function rowOf(ctx: Context, id: string): Promise<Row | undefined> {
  return (await rowsOf(ctx)).find((row) => row.id === id)
}

const base = {
  surface: 'configuration-hub',
  boundaries: [],
  access: { auth: 'scoped-agent-grant', scope: 'things:write' },
} as const

const Json = z.record(z.string(), z.json())
const Id = z.string().min(1).max(40)
const confirmation = {
  kind: 'config-change',
  reason: 'It changes things.',
  contractId: 'things.store',
  action: 'things.put',
  envelope: false,
} as const

/** The resource itself as the answer, its version and time in headers. */
export const thingRead = read({
  ...base,
  id: 'things.read',
  tool: 'thing_read',
  summary: 'Read a thing.',
  http: {
    method: 'GET',
    path: '/v1/things/{id}',
    answer: { body: 'document', headers: { etag: 'version', 'last-modified': 'updatedAt' } },
  },
  input: z.strictObject({ id: Id }),
  output: z.object({ document: Json, version: z.int(), updatedAt: z.string() }),
  errors: ['not-found'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, input) {
    const row = (await rowOf(ctx, input.id)) ?? fail('not-found', 'There is no such thing.')
    return { document: row.document as never, version: row.version, updatedAt: '2026-05-21T02:00:00.000Z' }
  },
})

/** The resource itself as the body, guarded by If-Match, with a secret whose place depends on the data. */
export const thingPut = write({
  ...base,
  id: 'things.put',
  tool: 'thing_put',
  summary: 'Put a thing.',
  http: {
    method: 'PUT',
    path: '/v1/things/{id}',
    body: 'document',
    mediaType: 'application/merge-patch+json',
    headers: { 'if-match': 'expectedVersion', 'if-none-match': 'absent' },
  },
  input: z.strictObject({
    id: Id,
    document: Json,
    expectedVersion: z.int().optional(),
    absent: z.boolean().optional(),
    dryRun: z.boolean().optional(),
  }),
  output: z.object({ version: z.int() }),
  errors: ['stale', 'conflict'],
  confirmation,
  audit: { event: 'thing_put', record: 'next_things', attribution: 'Who.' },
  secrets: async (_ctx, input) => ('pass/word' in input.document ? ['/document/pass~1word'] : []),
  async preview(ctx, input) {
    const row = await rowOf(ctx, input.id)
    if (input.absent && row) fail('conflict', 'It is there.')
    const { 'pass/word': secret, ...shown } = input.document
    const hashed: Record<string, string> =
      secret === undefined ? {} : { 'pass/word': ctx.deps.sealing.hash(String(secret)) }
    return {
      target: { kind: 'thing', id: input.id, title: input.id },
      targetSummary: `Put ${input.id}.`,
      observed: [{ kind: 'thing', id: input.id, version: row?.version ?? 0, updatedAt: null }],
      arguments: { id: input.id, document: { ...shown, ...hashed } },
      changes: [],
      confirmationText: `I confirm putting ${input.id}.`,
    }
  },
  async apply(ctx, _plan, input) {
    const [row] = await ctx.db.query<{ version: number }>(sql`
      INSERT INTO next_things (org, id, document, version)
      VALUES (${ctx.org}, ${input.id}, ${JSON.stringify(input.document)}, 1)
      ON CONFLICT (org, id) DO UPDATE SET document = excluded.document, version = next_things.version + 1
      RETURNING version`)
    return { output: { version: row!.version }, previous: null, next: { id: input.id } }
  },
})

/** Many at a time, as JSON or as lines; one transaction for each batch. */
export const thingsImport = write({
  ...base,
  id: 'things.import',
  tool: 'things_import',
  summary: 'Import things.',
  http: { method: 'POST', path: '/v1/things:import', lines: { field: 'things', batch: 3 } },
  input: z.strictObject({
    things: z.array(z.strictObject({ id: Id, name: z.string() })).min(1),
    dryRun: z.boolean().optional(),
  }),
  output: z.object({ imported: z.int() }),
  errors: [],
  confirmation: { ...confirmation, action: 'things.import' },
  audit: { event: 'things_import', record: 'next_things', attribution: 'Who.' },
  async preview(_ctx, input) {
    const ids = input.things.map(({ id }) => id)
    return {
      target: { kind: 'things', id: null, title: `${ids.length} things` },
      targetSummary: `Import ${ids.length} things.`,
      observed: [],
      arguments: { ids },
      changes: [],
      confirmationText: `I confirm importing ${ids.length} things.`,
    }
  },
  async apply(ctx, _plan, input) {
    for (const { id, name } of input.things)
      await ctx.db.query(sql`INSERT INTO next_things (org, id, document, version)
        VALUES (${ctx.org}, ${id}, ${JSON.stringify({ name })}, 1)`)
    return { output: { imported: input.things.length }, previous: null, next: null }
  },
})

export const thingsExport = read({
  ...base,
  id: 'things.export',
  tool: 'things_export',
  summary: 'Export things.',
  http: { method: 'GET', path: '/v1/things:export' },
  input: z.strictObject({ prefix: z.string().optional() }),
  output: z.object({ things: z.array(Json) }),
  errors: [],
  audit: { none: 'A read changes nothing.' },
  run: async (ctx, input) => ({
    things: (await matching(ctx, input.prefix)).map((row) => row.document) as never,
  }),
  async *lines(ctx, input) {
    for (const row of await matching(ctx, input.prefix)) yield { id: row.id, ...row.document }
  },
})

const matching = async (ctx: Context, prefix = ''): Promise<Row[]> =>
  (await rowsOf(ctx)).filter((row) => row.id.startsWith(prefix))

export const thingRemove = write({
  ...base,
  id: 'things.remove',
  tool: 'thing_remove',
  summary: 'Remove a thing.',
  http: { method: 'DELETE', path: '/v1/things', headers: { 'if-match': 'expectedVersion' } },
  input: z.strictObject({ id: Id, expectedVersion: z.int().optional(), dryRun: z.boolean().optional() }),
  output: z.object({ deleted: z.boolean() }),
  errors: ['stale'],
  confirmation: { ...confirmation, action: 'things.remove' },
  audit: { event: 'thing_remove', record: 'next_things', attribution: 'Who.' },
  async preview(ctx, input) {
    const row = await rowOf(ctx, input.id)
    return {
      target: { kind: 'thing', id: input.id, title: input.id },
      targetSummary: `Remove ${input.id}.`,
      observed: [{ kind: 'thing', id: input.id, version: row?.version ?? 0, updatedAt: null }],
      arguments: { id: input.id },
      changes: [],
      confirmationText: `I confirm removing ${input.id}.`,
    }
  },
  async apply(ctx, _plan, input) {
    const rows = await ctx.db.query(
      sql`DELETE FROM next_things WHERE org = ${ctx.org} AND id = ${input.id} RETURNING 1`,
    )
    return { output: { deleted: rows.length === 1 }, previous: null, next: null }
  },
})

/** Three reads of one path: all of it, one thing, and its newest version, each with an access of its own. */
const told = {
  surface: 'configuration-hub',
  boundaries: [],
  output: z.object({ told: z.string() }),
  errors: ['not-found'],
  audit: { none: 'A read changes nothing.' },
} as const
export const thingsTold = read({
  ...told,
  id: 'things.told',
  tool: 'things_told',
  summary: 'What there is to know of things.',
  http: { method: 'GET', path: '/v1/things-told' },
  access: { auth: 'guest' },
  input: z.strictObject({}),
  run: async () => ({ told: 'all' }),
})
export const thingTold = read({
  ...told,
  id: 'things.one.told',
  tool: 'thing_told',
  summary: 'What there is to know of a thing.',
  http: { method: 'GET', path: '/v1/things-told', query: { id: true } },
  access: base.access,
  input: z.strictObject({ id: Id }),
  run: async (_ctx, { id }) => ({ told: id }),
})
export const thingVersionTold = read({
  ...told,
  id: 'things.version.told',
  tool: 'thing_version_told',
  summary: 'What there is to know of the newest version of a thing.',
  http: { method: 'GET', path: '/v1/things-told', query: { id: true, version: 'latest' } },
  access: base.access,
  input: z.strictObject({ id: Id }),
  run: async (_ctx, { id }) => ({ told: `${id}, latest` }),
})

export const ROUTE_OPERATIONS = [
  thingRead,
  thingPut,
  thingsImport,
  thingsExport,
  thingRemove,
  thingsTold,
  thingTold,
  thingVersionTold,
] as const
