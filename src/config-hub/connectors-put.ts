import { z } from 'zod'
import { type Context, write } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { canonical, type Plan } from '../operation/plan.ts'
import { secret } from '../operation/redact.ts'
import { mistakesIn, parseMapping } from './connectors/mapping.ts'
import { CountersignSettings, RestMapping } from './connectors/settings.ts'
import { type ConnectorRow, connectorTo, findConnector, putConnector } from './connectors/store.ts'
import { ConnectorId, WRITES } from './schema.ts'

const Input = z.strictObject({
  id: ConnectorId,
  kind: z.enum(['countersign', 'rest']),
  external_org_id: z
    .string()
    .min(1)
    .max(63)
    .optional()
    .describe('The organisation that it reaches, when that is another one'),
  base_url: z.string().max(500).optional().describe('countersign: where the other server is'),
  requests_per_second: z.number().min(0.01).max(1000).optional().describe('countersign: at most so many'),
  mapping: z.record(z.string(), z.json()).optional().describe('rest: the mapping'),
  mapping_yaml: z.string().max(200_000).optional().describe('rest: the mapping as YAML, in place of mapping'),
  credential: secret(
    z
      .string()
      .min(1)
      .max(4096)
      .regex(/^[\x20-\x7e]+$/, 'must be printable ASCII'),
  )
    .nullable()
    .optional()
    .describe('Left out: as it was; null: removed. Stored sealed, never returned'),
  expectedVersion: z
    .int()
    .min(0)
    .optional()
    .describe('Refuse with 412 when it moved on; 0: it must not exist'),
  dryRun: z.boolean().optional().describe('Answer the plan and change nothing'),
})
type Input = z.output<typeof Input>

export const connectorsPut = write({
  id: 'config-hub.connectors.put',
  tool: 'config_hub_connectors_put',
  surface: 'configuration-hub',
  summary:
    'Register a connector, or replace its settings: another Countersign, or any REST API by a mapping.',
  boundaries: [
    'Replaces the settings whole. The credential is kept unless it is given. What changes nothing makes no new version.',
    'A type lives in the connector once its definition names it.',
    'Private and loopback addresses are refused when it connects, unless the deployment allows them.',
  ],
  http: { method: 'PUT', path: '/v1/connectors/{id}', headers: { 'if-match': 'expectedVersion' } },
  access: WRITES,
  input: Input,
  output: z.object({ id: z.string(), version: z.int(), created: z.boolean() }),
  errors: ['validation-failed', 'stale', 'conflict'],
  confirmation: {
    kind: 'config-change',
    reason:
      'Configuration is read from and written to where a connector leads, with the credential it holds.',
    contractId: 'configuration.hub',
    action: 'configuration.connectors.put',
    envelope: false,
  },
  audit: {
    event: 'configuration_connector_put',
    record: 'config_connectors',
    attribution: 'The settings before and after, with who changed them; of the credential that it changed.',
  },
  async preview(ctx, input) {
    const settings = await settingsOf(input)
    const before = await findConnector(ctx.db, ctx.org, input.id, ctx.lock)
    await requireFree(ctx, input)
    requireOwnCredential(input, before, settings)
    const { id, kind } = input
    const verb = before ? 'Change' : 'Register'
    return {
      target: { kind: 'configuration-connector', id, title: `the connector ${id}` },
      targetSummary: `${verb} the connector ${id}.`,
      observed: [
        {
          kind: 'configuration-connector',
          id,
          version: before?.version ?? 0,
          updatedAt: before?.updatedAt.toISOString() ?? null,
        },
      ],
      arguments: {
        id,
        kind,
        external_org_id: input.external_org_id ?? null,
        settings: settings as Plan['arguments'],
        credential: credentialShown(ctx, input),
      },
      changes: changesOf(before, input, settings),
      affectedSurfaces: ['configuration-hub'],
      confirmationText: `I confirm: ${verb.toLowerCase()} the connector ${id}.`,
      redactions: input.credential ? ['/credential'] : [],
      subject: { before, settings },
    }
  },
  async apply(ctx, { changes }, input, { before, settings }) {
    if (before && changes.length === 0) {
      const state = { id: input.id, settings, version: before.version }
      return {
        output: { id: input.id, version: before.version, created: false },
        previous: state,
        next: state,
      }
    }
    const sealed = input.credential
      ? ctx.deps.sealing.seal(input.credential)
      : input.credential === null
        ? null
        : (before?.sealedCredentials ?? null)
    const row = {
      id: input.id,
      kind: input.kind,
      externalOrg: input.external_org_id ?? null,
      settings,
      sealedCredentials: sealed,
    }
    const by = { seen: before?.version ?? 0, now: ctx.now, author: ctx.principal.displayName }
    const version =
      (await putConnector(ctx.db, ctx.org, row, by).catch(reachedAlready)) ??
      fail('stale', `${input.id} changed meanwhile.`)
    return {
      output: { id: input.id, version, created: before === undefined },
      previous: before ? { settings: before.settings, version: before.version } : null,
      next: { id: input.id, settings, version },
    }
  },
})

async function settingsOf(input: Input): Promise<Record<string, unknown>> {
  const { kind, mapping, mapping_yaml, base_url, requests_per_second } = input
  if (kind === 'countersign') {
    if (mapping || mapping_yaml !== undefined) refuse('/mapping', 'is for connectors of the kind rest')
    return accept(
      CountersignSettings,
      { base_url, ...(requests_per_second ? { requests_per_second } : {}) },
      '',
    )
  }
  if (base_url !== undefined) refuse('/base_url', 'stands in the mapping')
  if ((mapping === undefined) === (mapping_yaml === undefined))
    refuse('/mapping', 'give either mapping or mapping_yaml')
  return mapping_yaml === undefined ? accept(RestMapping, mapping, '/mapping') : parseMapping(mapping_yaml)
}

function accept(schema: z.ZodType, value: unknown, at: string): Record<string, unknown> {
  const result = schema.safeParse(value)
  if (result.success) return result.data as Record<string, unknown>
  const errors = mistakesIn(result.error.issues, at).slice(0, 20)
  return fail('validation-failed', {
    detail: `Invalid input: ${errors[0]?.pointer} ${errors[0]?.message}`,
    errors: errors.map(({ pointer, message }) => ({ pointer, message })),
  })
}

const refuse = (pointer: string, message: string): never =>
  fail('validation-failed', {
    detail: `Invalid input: ${pointer} ${message}`,
    errors: [{ pointer, message }],
  })

/** Each other organisation is reached in one way. */
async function requireFree(ctx: Context, { id, external_org_id }: Input): Promise<void> {
  if (external_org_id === undefined) return
  if (external_org_id === ctx.org) refuse('/external_org_id', 'must be another organisation')
  const other = await connectorTo(ctx.db, ctx.org, external_org_id)
  if (other && other.id !== id)
    fail('conflict', `${external_org_id} is reached by the connector ${other.id} already.`)
}

/** Two may register a connector to the same organisation at the same time. */
function reachedAlready(error: { constraint?: string }): never {
  if (error.constraint !== 'config_connectors_external_org') throw error
  return fail('conflict', 'The organisation is reached by another connector already.')
}

/** A credential that was given for one place is not sent to another that somebody names later. */
function requireOwnCredential(
  { credential }: Input,
  before: ConnectorRow | undefined,
  settings: Record<string, unknown>,
): void {
  if (credential !== undefined || !before?.sealedCredentials) return
  const originOf = ({ base_url }: Record<string, unknown>) => new URL(String(base_url)).origin
  if (originOf(before.settings) === originOf(settings)) return
  refuse('/credential', 'must be given anew, or null, when the connector moves to another origin')
}

const credentialShown = (ctx: Context, { credential }: Input): string | null =>
  credential === undefined ? 'kept' : credential === null ? null : ctx.deps.sealing.hash(credential)

type Change = Plan['changes'][number]

function changesOf(
  before: ConnectorRow | undefined,
  input: Input,
  settings: Record<string, unknown>,
): Change[] {
  const op = before ? ('update' as const) : ('create' as const)
  const next = { kind: input.kind, external_org_id: input.external_org_id ?? null, settings }
  const was = before && { kind: before.kind, external_org_id: before.externalOrg, settings: before.settings }
  const changed = (['kind', 'external_org_id', 'settings'] as const).filter(
    (name) => canonical(was?.[name] ?? null) !== canonical(next[name]),
  )
  const changes: Change[] = changed.map((name) => ({
    op,
    pointer: `/${name}`,
    label: name,
    before: (was?.[name] ?? null) as Change['before'],
    after: next[name] as Change['after'],
  }))
  // whether it is the same one is nobody's to learn
  if (input.credential !== undefined && (input.credential !== null || before?.sealedCredentials))
    changes.push({
      op: 'update',
      pointer: '/credential',
      label: 'credential',
      before: before?.sealedCredentials ? 'set' : null,
      after: input.credential === null ? null : 'changed',
    })
  return changes
}
