import type { Document } from '../config-hub/index/entry.ts'
import { WRITES } from '../config-hub/schema.ts'
import type { ConfigType } from '../config-hub/types/definition.ts'
import { registryOf, requireType } from '../config-hub/types/registry.ts'
import type { Context } from '../operation/define.ts'
import type { Plan, PlanChange, PlanDraft } from '../operation/plan.ts'
import { applyWrites, type DocumentWrite, keyOf, planWrites } from './documents.ts'
import type { Resolved } from './resolve.ts'
import { changesBetween } from './rules.ts'
import { hashesOf, secretPlaces, secretStates, split } from './secrets.ts'

type Json = PlanChange['before']

/** The writes that a request asks for, resolved against the documents of now; locked when about to be applied. */
export async function resolveFor(ctx: Context, writes: readonly DocumentWrite[]): Promise<Resolved[]> {
  return planWrites(ctx, await registryOf(ctx.db, ctx.org), writes, { lock: ctx.lock })
}

export const applyFor = (ctx: Context, planned: readonly Resolved[]) =>
  applyWrites({ ...ctx, author: ctx.principal.displayName }, planned)

/** The same for one write. */
export async function resolveOne(ctx: Context, write: DocumentWrite): Promise<Resolved> {
  const [one] = await resolveFor(ctx, [write])
  return one as Resolved
}

const VERBS = {
  created: 'create',
  replaced: 'change',
  deleted: 'delete',
  unchanged: 'leave as it is',
} as const

/** The plan of a write of one document. `sent` is what was sent of it, its secrets as keyed hashes. */
export function draftOf(one: Resolved, sent: Record<string, unknown>): PlanDraft {
  const key = keyOf(one)
  const verb = VERBS[one.outcome]
  return {
    target: { kind: 'configuration', id: key, title: key },
    targetSummary: `${verb[0]?.toUpperCase()}${verb.slice(1)}: ${key}.`,
    observed: [observedOf(one)],
    arguments: { type: one.type, id: one.id, ...sent } as PlanDraft['arguments'],
    changes: changesOf(one),
    affectedSurfaces: ['configuration-hub'],
    warnings: warningsOf(one),
    confirmationText: `I confirm: ${verb} ${key}.`,
    details: { secrets: secretsOf(one) },
    redactions: Object.keys(secretsOf(one)),
  }
}

/** What does not exist has the version 0. */
export const observedOf = ({ type, id, before, row }: Resolved): Plan['observed'][number] => ({
  kind: 'configuration',
  id: keyOf({ type, id }),
  version: before && row ? row.version : 0,
  updatedAt: before && row ? row.updatedAt.toISOString() : null,
})

/** Every change by its place; of a secret only that there is one. */
export function changesOf(one: Resolved): PlanChange[] {
  const { before, after } = one
  const target = keyOf(one)
  const whole = (op: 'create' | 'delete', document: Document): PlanChange => ({
    target,
    op,
    pointer: '',
    label: target,
    before: op === 'delete' ? (document as Json) : null,
    after: op === 'create' ? (document as Json) : null,
  })
  const visible = (): PlanChange[] => {
    if (!before) return after ? [whole('create', after.visible)] : []
    if (!after) return [whole('delete', before.visible)]
    return changesBetween(before.visible, after.visible).map((change) => ({
      ...change,
      target,
      label: change.pointer || target,
      before: change.before as Json,
      after: change.after as Json,
    }))
  }
  return [...visible(), ...secretChangesOf(one)]
}

const SECRET_CHANGES = {
  set: { op: 'create', before: null, after: 'set' },
  changed: { op: 'update', before: 'set', after: 'changed' },
  removed: { op: 'delete', before: 'set', after: null },
} as const

const secretChangesOf = (one: Resolved): PlanChange[] =>
  Object.entries(secretsOf(one)).flatMap(([pointer, state]) =>
    state === 'unchanged' ? [] : [{ ...SECRET_CHANGES[state], target: keyOf(one), pointer, label: pointer }],
  )

const secretsOf = ({ before, after }: Resolved) => secretStates(before?.hashes ?? {}, after?.hashes ?? {})

/** A secret that goes because its element of a list went, or cannot be told from others any more. */
function warningsOf(one: Resolved): string[] {
  if (one.outcome === 'deleted') return []
  const gone = Object.entries(secretsOf(one)).filter(([, state]) => state === 'removed')
  return gone.map(([pointer]) => `The secret at ${pointer} is removed.`)
}

/** What was sent, as plans show and digests bind it: secrets as keyed hashes, null where they are removed. */
export function shownArguments(
  { deps }: Context,
  of: ConfigType,
  document: Document,
): { document: Document; secrets: Record<string, string | null> } {
  const { visible, given, cleared } = split(of, document)
  const nulls = Object.fromEntries(cleared.map((pointer) => [pointer, null]))
  return { document: visible, secrets: { ...nulls, ...hashesOf(deps.sealing, given) } }
}

/** Pointers of the secrets in an input that has a document at `/document`. */
export async function documentSecrets(
  ctx: Context,
  { type, document }: { type: string; document: Document },
): Promise<string[]> {
  const of = requireType(await registryOf(ctx.db, ctx.org), type)
  return secretPlaces(of, document).map((pointer) => `/document${pointer}`)
}

/** The states before and after for the audit: versions, not contents, which the history has. */
export const auditStates = (
  one: Resolved,
): { previous: Record<string, unknown> | null; next: Record<string, unknown> } => ({
  previous: one.before ? { version: one.row?.version } : null,
  next: { id: keyOf(one), version: one.version, outcome: one.outcome },
})

/** What all writes of the store declare alike. */
export const storeWrite = (verb: string, reason: string) => ({
  surface: 'configuration-hub',
  access: WRITES,
  confirmation: {
    kind: 'config-change' as const,
    reason,
    contractId: 'configuration.store',
    action: `configuration.documents.${verb}`,
    envelope: false,
  },
  audit: {
    event: `configuration_${verb}`,
    record: 'config_versions',
    attribution: 'The versions before and after, with who wrote; their contents are in the history.',
  },
})
