import type { Document, NodeKey } from '../config-hub/index/entry.ts'
import type { ConfigType, Registry } from '../config-hub/types/definition.ts'
import { requireType } from '../config-hub/types/registry.ts'
import { type FieldError, fail } from '../operation/errors.ts'
import { joinSecrets } from '../operation/redact.ts'
import type { Sealing } from '../operation/sealing.ts'
import { documentErrors, ID_FORM, MOST_BYTES, mergePatch, nextInstant, same } from './rules.ts'
import { type Hashes, hashesOf, nextSecrets, type Secrets, type Split, split } from './secrets.ts'
import type { DocumentRow } from './store.ts'
import { schemaErrors } from './validate.ts'

/**
 * What is asked of one document. `document` is the whole of it, or the merge patch (RFC 7396). `ifVersion` is the one
 * it must have now; 0: it must not exist. `at` is where the document stands in the caller's input, for errors.
 */
export type DocumentWrite = NodeKey & {
  op: 'put' | 'patch' | 'delete'
  document?: Document
  ifVersion?: number
  at?: string
}

/** A document with its secrets apart, as it is stored. */
export type Content = { visible: Document; secrets: Secrets; hashes: Hashes }

/** What a write does to the document that there is; `version` and `updatedAt` are those it has afterwards. */
export type Resolved = NodeKey & {
  of: ConfigType
  outcome: 'created' | 'replaced' | 'deleted' | 'unchanged'
  /** The row that there is, a tombstone too. */
  row: DocumentRow | undefined
  before: Content | undefined
  /** Undefined after a deletion. */
  after: Content | undefined
  version: number
  updatedAt: Date
}

type Given = { registry: Registry; sealing: Sealing; now: Date }

/**
 * What each write does to the row that its document has; writes and rows are in the same order. Pure. Errors:
 * `not-found` for a patch or deletion of what is not there, `stale` for another version than `ifVersion`,
 * `validation-failed` for a type or document that is none, with pointers.
 */
export function resolveWrites(
  given: Given,
  writes: readonly DocumentWrite[],
  rows: readonly (DocumentRow | undefined)[],
): Resolved[] {
  const errors: FieldError[] = []
  const resolved = writes.flatMap((write, index) => {
    const found = errorsOf(given.registry, write)
    if (found.length > 0) {
      errors.push(...found)
      return []
    }
    const one = resolve(given, write, rows[index])
    errors.push(...contentErrors(one, write.at ?? '/document'))
    return [one]
  })
  if (errors.length > 0) refuse(errors)
  return resolved
}

/** As many as any input's errors. */
const MOST_ERRORS = 20

export function refuse(errors: readonly FieldError[]): never {
  const named = errors.slice(0, MOST_ERRORS)
  const text = named.map(({ pointer, message }) => `${pointer || '/'} ${message}`).join('; ')
  return fail('validation-failed', { detail: `Invalid input: ${text}`.slice(0, 1000), errors: named })
}

function errorsOf(registry: Registry, { type, id, document, at = '/document' }: DocumentWrite): FieldError[] {
  const above = at.slice(0, at.lastIndexOf('/'))
  const { connector } = requireType(registry, type, `${above}/type`)
  if (connector !== 'store')
    return [{ pointer: `${above}/type`, message: `lives in the connector ${connector}, not in this store` }]
  if (!ID_FORM.test(id))
    return [{ pointer: `${above}/id`, message: 'must be text without control characters' }]
  return document ? documentErrors(document, at) : []
}

function resolve(
  { registry, sealing, now }: Given,
  write: DocumentWrite,
  row: DocumentRow | undefined,
): Resolved {
  const of = requireType(registry, write.type)
  const before = row?.document ? contentOf(of, row, sealing) : undefined
  requireVersion(write, before && row ? row.version : 0)
  const base = { type: write.type, id: write.id, of, row, before }
  const next = { version: (row?.version ?? 0) + 1, updatedAt: nextInstant(now, row?.updatedAt) }
  if (write.op === 'delete') return { ...base, ...next, outcome: 'deleted', after: undefined }
  const after = contentAfter(of, before, write, sealing)
  if (!before || !row) return { ...base, ...next, outcome: 'created', after }
  // against the row's own hashes: a member that became secret since is still in the clear there
  if (same(before.visible, after.visible) && same(row.secretHashes ?? {}, after.hashes))
    return { ...base, outcome: 'unchanged', after, version: row.version, updatedAt: row.updatedAt }
  return { ...base, ...next, outcome: 'replaced', after }
}

function requireVersion({ type, id, op, ifVersion }: DocumentWrite, version: number): void {
  if (version === 0 && op !== 'put') fail('not-found', `There is no ${type} ${id}.`)
  if (ifVersion === undefined || ifVersion === version) return
  const detail = ifVersion === 0 ? `${type} ${id} is there already.` : `${type} ${id} changed meanwhile.`
  fail('stale', { detail, extra: { version } })
}

/** A row's document and secrets; members that the type calls secret only since are taken out as well. */
function contentOf(of: ConfigType, row: DocumentRow, sealing: Sealing): Content {
  const { visible, given } = split(of, row.document as Document)
  const sealed = row.sealedSecrets ? (JSON.parse(sealing.unseal(row.sealedSecrets)) as Secrets) : {}
  return content(sealing, visible, { ...sealed, ...given })
}

const content = (sealing: Sealing, visible: Document, secrets: Secrets): Content => ({
  visible,
  secrets,
  hashes: hashesOf(sealing, secrets),
})

function contentAfter(
  of: ConfigType,
  before: Content | undefined,
  { op, document = {} }: DocumentWrite,
  sealing: Sealing,
): Content {
  const sent = split(of, document)
  const old = before ?? { visible: {}, secrets: {} }
  const next: Split = op === 'patch' ? { ...sent, visible: mergePatch(old.visible, sent.visible) } : sent
  return content(sealing, next.visible, nextSecrets(old, next))
}

/** The document with its secrets in their places; not to be changed. */
export const wholeOf = ({ visible, secrets }: Content): Document =>
  Object.keys(secrets).length > 0 ? joinSecrets(visible, secrets) : visible

/** What is wrong with a document as it would be stored, secrets in their places. */
function contentErrors({ of, after, outcome }: Resolved, at: string): FieldError[] {
  if (!after || outcome === 'unchanged') return []
  const whole = wholeOf(after)
  if (Buffer.byteLength(JSON.stringify(whole)) > MOST_BYTES)
    return [{ pointer: at, message: `must have at most ${MOST_BYTES} bytes` }]
  return schemaErrors(of, whole, at)
}
