import sql from 'sql-template-tag'
import { z } from 'zod'
import { type Context, write } from '../src/operation/define.ts'
import { EnvelopeSchema } from '../src/operation/envelope.ts'
import { fail } from '../src/operation/errors.ts'
import { PlanSchema } from '../src/operation/plan.ts'
import { secret } from '../src/operation/redact.ts'

/** What these two write to; the tests make it in their own database. */
export const NEXT_TABLES = `
  CREATE TABLE next_sync_jobs (org text, id bigint GENERATED ALWAYS AS IDENTITY, target_org text, rows integer,
                               PRIMARY KEY (org, id));
  CREATE TABLE next_prices (org text, id text, currency text, amount integer, version integer NOT NULL DEFAULT 1,
                            PRIMARY KEY (org, id))`

const admin = 'artist-admin-or-approved-automation' as const
const Output = z.object({ ok: z.literal(true), mode: z.enum(['applied', 'preview']), plan: PlanSchema })

/** Tokens that reached the effect, to prove that they did. */
export const tokensUsed: string[] = []

/** A promotion as one write with an envelope: the body of the hub's `createSyncJob`, which is a job, with the envelope added. */
export const configSync = write({
  id: 'promotion.jobs.run',
  tool: 'promotion_job_run',
  surface: 'promotion',
  summary: 'Promote configuration into another organisation.',
  boundaries: ['Applies exactly the rows of the plan.'],
  http: { method: 'POST', path: '/v1/promotion/jobs' },
  access: { auth: admin, scope: 'configs:write' },
  input: z.strictObject({
    source_org_id: z.string().min(1),
    target_org_id: z.string().min(1),
    target_auth_token: secret(z.string().min(1)),
    name: z.string().max(200).optional(),
    dry_run: z.boolean().optional(),
    include_dependencies: z.boolean().optional(),
    resources: z.array(z.strictObject({ type: z.string(), id: z.string() })).min(1),
    envelope: EnvelopeSchema,
  }),
  output: Output,
  errors: ['approval-required'],
  status: 201,
  confirmation: {
    kind: 'config-sync',
    reason: 'A sync changes another organisation.',
    contractId: 'configuration.sync',
    action: 'configuration.sync.run',
    envelope: true,
  },
  audit: { event: 'config_sync', record: 'next_sync_jobs', attribution: 'Who, and which rows.' },
  async preview(ctx, input) {
    const rows = input.resources.map(({ type, id }) => `${type}/${id}`)
    return {
      target: { kind: 'organisation', id: input.target_org_id, title: input.target_org_id },
      targetSummary: `Promote ${rows.length} configurations from ${input.source_org_id} to ${input.target_org_id}.`,
      observed: rows.map((id, index) => ({ kind: 'configuration', id, version: index + 1, updatedAt: null })),
      arguments: {
        rows,
        include_dependencies: input.include_dependencies ?? true,
        token: { secretHash: ctx.deps.sealing.hash(input.target_auth_token) },
      },
      changes: [
        {
          target: rows[0],
          op: 'create',
          pointer: '',
          label: `${rows[0]}`,
          before: null,
          after: { slug: 'intake' },
        },
        {
          target: rows[0],
          op: 'update',
          pointer: '/steps/0/title',
          label: 'step title',
          before: 'Old',
          after: 'New',
        },
        {
          target: 'role/viewer',
          op: 'delete',
          pointer: '',
          label: 'role/viewer',
          before: { grants: 2 },
          after: null,
        },
      ],
      affectedSurfaces: ['configuration-hub'],
      warnings: ['role/viewer is removed with its 2 grants.'],
      conflicts: [
        { pointer: '/steps/0/title', message: 'changed on both sides', choices: ['source', 'target'] },
      ],
      confirmationText: `I confirm syncing ${rows.length} configurations to ${input.target_org_id}.`,
      details: { order: rows, ratio: 1.01 },
      redactions: ['target_auth_token'],
    }
  },
  async apply(ctx, plan, input) {
    tokensUsed.push(input.target_auth_token)
    const rows = plan.changes.length
    await ctx.db.query(
      sql`INSERT INTO next_sync_jobs (org, target_org, rows) VALUES (${ctx.org}, ${input.target_org_id}, ${rows})`,
    )
    const output = { ok: true as const, mode: 'applied' as const, plan }
    return { output, previous: null, next: { id: `job of ${input.target_org_id}`, rows } }
  },
})

type Price = { id: string; currency: string; amount: number; version: number }

const priceOf = async (ctx: Context, id: string): Promise<Price> => {
  const [row] = await ctx.db.query<Price>(
    sql`SELECT id, currency, amount, version FROM next_prices WHERE org = ${ctx.org} AND id = ${id}`,
  )
  return row ?? fail('not-found', `There is no price ${id}.`)
}

/** The fix of a drifted price. */
export const priceFix = write({
  id: 'catalog.prices.fix',
  tool: 'fanful_creator_catalog_price_fix',
  surface: 'catalog',
  summary: 'Set a price to what the catalog says.',
  boundaries: ['One price at a time.'],
  http: { method: 'POST', path: '/api/agent/creator-commerce' },
  access: { auth: admin, scope: 'catalog:write' },
  input: z.strictObject({
    action: z.literal('confirm_catalog_price_fix'),
    priceId: z.string().min(1),
    amount: z.int().min(0),
    expectedVersion: z.int().optional(),
    envelope: EnvelopeSchema,
  }),
  output: Output,
  errors: ['not-found', 'stale', 'approval-required'],
  confirmation: {
    kind: 'catalog-change',
    reason: 'A price is what buyers pay.',
    contractId: 'creator.catalog.prices',
    action: 'creator.catalog.price.fix',
    envelope: true,
  },
  audit: { event: 'price_fix', record: 'next_prices', attribution: 'The price before and after.' },
  async preview(ctx, { priceId, amount }) {
    const price = await priceOf(ctx, priceId)
    return {
      target: { kind: 'price', id: price.id, title: price.id },
      targetSummary: `Set ${price.id} from ${price.amount} to ${amount} ${price.currency}.`,
      observed: [{ kind: 'price', id: price.id, version: price.version, updatedAt: null }],
      arguments: { amount },
      changes: [{ op: 'update', pointer: '/amount', label: 'amount', before: price.amount, after: amount }],
      blockers: price.amount === amount ? [{ code: 'plan-blocked', message: 'Nothing would change.' }] : [],
      confirmationText: `I confirm setting ${price.id} to ${amount} ${price.currency}.`,
    }
  },
  async apply(ctx, plan, { priceId, amount }) {
    const version = plan.observed[0]!.version
    const before = await priceOf(ctx, priceId)
    const moved = await ctx.db.query(sql`
      UPDATE next_prices SET amount = ${amount}, version = version + 1
       WHERE org = ${ctx.org} AND id = ${priceId} AND version = ${version} RETURNING 1`)
    if (moved.length === 0) fail('stale', { detail: 'The price changed meanwhile.', extra: { plan } })
    const output = { ok: true as const, mode: 'applied' as const, plan }
    return { output, previous: before, next: { ...before, amount, version: version + 1 } }
  },
})
