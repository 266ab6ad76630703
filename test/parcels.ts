import sql from 'sql-template-tag'
import { z } from 'zod'
import { type Context, write } from '../src/operation/define.ts'
import { fail } from '../src/operation/errors.ts'
import { secret } from '../src/operation/redact.ts'

/** What the write below writes to; the tests make it in their own database. */
export const PARCEL_TABLES = `
  CREATE TABLE next_parcels (org text, id text, version integer NOT NULL DEFAULT 1, PRIMARY KEY (org, id));
  CREATE TABLE next_sendings (org text, id text, code text);
  CREATE TABLE next_unsent (org text, id text, code text, status text, reason text)`

type Parcel = { id: string; version: number }

/** What is done inside of sending, before it is committed: a test waits there, dies there or fails there. */
export const sending: { at?: ((ctx: Context) => Promise<void>) | undefined } = {}
/** The same of hearing that nothing is sent. */
export const hearing: { at?: ((id: string) => Promise<void>) | undefined } = {}

/** A write that waits for people without its caller: what it waits for is sent, or put down as unsent. */
export const parcelSend = write({
  id: 'parcels.send',
  tool: 'parcel_send',
  surface: 'configuration-hub',
  summary: 'Send a parcel.',
  boundaries: [],
  http: { method: 'POST', path: '/v1/parcels/{id}/send' },
  access: { auth: 'scoped-agent-grant', scope: 'parcels:write' },
  input: z.strictObject({
    id: z.string().min(1).max(40),
    code: secret(z.string()).optional(),
    dryRun: z.boolean().optional(),
  }),
  output: z.object({ id: z.string(), version: z.int() }),
  errors: ['not-found', 'stale'],
  confirmation: {
    kind: 'config-change',
    reason: 'What is sent is gone.',
    contractId: 'parcels',
    action: 'parcels.send',
    envelope: false,
  },
  audit: { event: 'parcel_send', record: 'next_sendings', attribution: 'Who.' },
  async preview(ctx, { id, code }) {
    const [parcel] = await ctx.db.query<Parcel>(
      sql`SELECT id, version FROM next_parcels WHERE org = ${ctx.org} AND id = ${id}`,
    )
    if (!parcel) return fail('not-found', `There is no parcel ${id}.`)
    const { version } = parcel
    return {
      target: { kind: 'parcel', id, title: id },
      targetSummary: `Send ${id}.`,
      observed: [{ kind: 'parcel', id, version, updatedAt: null }],
      arguments: { id, ...(code ? { code: { secretHash: ctx.deps.sealing.hash(code) } } : {}) },
      changes: [],
      blockers: id === 'blocked' ? [{ code: 'conflict', message: 'It is blocked.' }] : [],
      confirmationText: `I confirm sending ${id}.`,
      subject: parcel,
    }
  },
  async apply(ctx, _plan, { id, code }, { version }) {
    await ctx.db.query(
      sql`INSERT INTO next_sendings (org, id, code) VALUES (${ctx.org}, ${id}, ${code ?? null})`,
    )
    await sending.at?.(ctx)
    return { output: { id, version }, previous: null, next: { id } }
  },
  async unapproved(ctx, { id, code }, { status, reason }) {
    await ctx.db.query(sql`INSERT INTO next_unsent (org, id, code, status, reason)
      VALUES (${ctx.org}, ${id}, ${code ?? null}, ${status}, ${reason})`)
    await hearing.at?.(id)
  },
})
