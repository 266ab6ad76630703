import { derive } from '../config-hub/index/derive.ts'
import type { Document, Entry, NodeKey } from '../config-hub/index/entry.ts'
import { indexEntries, tombstone } from '../config-hub/index/write.ts'
import type { Registry } from '../config-hub/types/definition.ts'
import { holdTypes } from '../config-hub/types/registry.ts'
import type { Queryable } from '../db/pool.ts'
import type { Deps } from '../deps.ts'
import { joinSecrets } from '../operation/redact.ts'
import type { Sealing } from '../operation/sealing.ts'
import { appendBatchToFeed } from '../sync-feeds/append.ts'
import { type DocumentWrite, type Resolved, resolveWrites } from './resolve.ts'
import type { Secrets } from './secrets.ts'
import {
  type DocumentAt,
  type DocumentRow,
  documentsOf,
  insertDocumentRows,
  lockDocuments,
  type NextRow,
  pageOfDocuments,
  writeDocumentRows,
} from './store.ts'

export type { DocumentWrite } from './resolve.ts'

/** A document of the built-in store; null and `deleted` once it was deleted. Secrets are in it only where asked for. */
export type StoredDocument = NodeKey & {
  version: number
  document: Document | null
  createdAt: Date
  updatedAt: Date
  updatedBy: string
  deleted: boolean
}
export type LiveDocument = StoredDocument & { document: Document; deleted: false }

type WithSecrets = { withSecrets?: Sealing }
/** What writing needs; `now` is the caller's clock, `author` the name that versions carry. */
export type WriteContext = {
  db: Queryable
  deps: Pick<Deps, 'sealing'>
  org: string
  now: Date
  author: string
  /** Documents to be written that are in the database already, to the letter, and where. */
  stored?: { places: ReadonlyMap<Document, number>; at: DocumentAt }
}

/** The document, or undefined when there is none or it was deleted. With `withSecrets`, its secrets are in place. */
export async function findDocument(
  db: Queryable,
  org: string,
  type: string,
  id: string,
  options: WithSecrets = {},
): Promise<LiveDocument | undefined> {
  const [row] = await documentsOf(db, org, [{ type, id }])
  return row?.document ? live(row, options) : undefined
}

/** Documents of a type by id, those after `after`; fewer than `size` only at the end. Deleted ones are left out. */
export async function pageDocuments(
  db: Queryable,
  org: string,
  type: string,
  { after, size, ...options }: { after: string | null; size: number } & WithSecrets,
): Promise<LiveDocument[]> {
  const found: LiveDocument[] = []
  for (let last = after; ; last = found.at(-1)?.id as string) {
    const { rows, more } = await pageOfDocuments(db, org, {
      type,
      documents: true,
      size: size - found.length,
      ...(last === null ? {} : { after: { type, id: last } }),
    })
    found.push(...rows.map((row) => live(row, options)))
    if (!more || found.length === size) return found
  }
}

function live(row: DocumentRow, { withSecrets }: WithSecrets): LiveDocument {
  const { sealedSecrets, secretHashes: _, ...rest } = row
  const visible = row.document as Document
  const document =
    withSecrets && sealedSecrets
      ? joinSecrets(visible, JSON.parse(withSecrets.unseal(sealedSecrets)) as Secrets)
      : visible
  return { ...rest, document, deleted: false }
}

/**
 * The one way by which documents change, many at a time: versions, tombstones, secrets, index and feed in the open
 * transaction. Writes are of distinct documents; answers are in their order, unchanged ones as they were. Errors:
 * `not-found`, `stale`, `validation-failed`, as resolveWrites says; nothing is written then.
 */
export async function writeDocuments(
  ctx: WriteContext,
  registry: Registry,
  writes: readonly DocumentWrite[],
): Promise<StoredDocument[]> {
  return applyWrites(ctx, await planWrites(ctx, registry, writes, { lock: true }))
}

/**
 * What writes would do to the documents as they are now; with `lock` those, and the own types they are of, stay so
 * until the transaction ends.
 */
export async function planWrites(
  ctx: Omit<WriteContext, 'author'>,
  registry: Registry,
  writes: readonly DocumentWrite[],
  { lock }: { lock: boolean },
): Promise<Resolved[]> {
  if (lock) {
    const types = writes.flatMap(({ type }) => registry.get(type) ?? [])
    await holdTypes(ctx.db, ctx.org, types)
    await lockDocuments(ctx.db, ctx.org, writes, ctx.now)
  }
  const rows = await documentsOf(ctx.db, ctx.org, writes)
  const byKey = new Map(rows.map((row) => [keyOf(row), row]))
  const inOrder = writes.map((write) => byKey.get(keyOf(write)))
  return resolveWrites({ registry, sealing: ctx.deps.sealing, now: ctx.now }, writes, inOrder)
}

export const keyOf = ({ type, id }: NodeKey): string => `${type}/${id}`

/** What the index is to say of what was planned: nothing of what stays as it is, or goes. */
export const entriesOf = (planned: readonly Resolved[], author: string): Entry[] =>
  planned.flatMap(({ of, id, after, version, updatedAt, outcome }) =>
    after && outcome !== 'unchanged'
      ? [derive(of, after.visible, { id, connector: of.connector, version, updatedAt, updatedBy: author })]
      : [],
  )

type Applying = {
  fresh?: boolean
  /** Made beforehand. */
  entries?: readonly Entry[]
}

/** Another writer made one of the documents that nobody had. Nothing of the transaction may stay. */
export class Raced extends Error {}

/**
 * Writes what was planned on locked rows. With `fresh` none of the documents was there, not as a tombstone either, and
 * nothing is locked: throws `Raced` when one is there by now.
 */
export async function applyWrites(
  ctx: WriteContext,
  planned: readonly Resolved[],
  { fresh = false, entries = entriesOf(planned, ctx.author) }: Applying = {},
): Promise<StoredDocument[]> {
  const { db, org, author } = ctx
  const changed = planned.filter(({ outcome }) => outcome !== 'unchanged')
  const rows = changed.map((each) => nextRow(each, ctx))
  const options = { at: ctx.stored?.at, author }
  const deleted = changed.filter(({ outcome }) => outcome === 'deleted')
  // one after the other, sent without waiting
  const [alone] = await Promise.all([
    fresh ? insertDocumentRows(db, org, rows, options) : true,
    rows.length > 0 && !fresh ? writeDocumentRows(db, org, rows, options) : undefined,
    entries.length > 0 ? indexEntries(db, org, entries) : undefined,
    // by now the transaction has its number, and nobody else writes these documents until it ends
    appendBatchToFeed(db, { org, feed: 'config-changes', entries: changed.map(feedEntry), at: ctx.now }),
  ])
  if (!alone) throw new Raced('Another writer was quicker.')
  if (deleted.length > 0) await tombstone(db, org, deleted, ctx.now)
  return planned.map((each) => storedOf(each, ctx))
}

/** What the feed of changes says of a document: which one, and its version. */
const feedEntry = ({ type, id, version, outcome }: Resolved) =>
  outcome === 'deleted'
    ? { key: keyOf({ type, id }), type: 'config.document.delete', data: null }
    : { key: keyOf({ type, id }), type: 'config.document.upsert', data: { type, id, version } }

const storedOf = (
  { type, id, outcome, row, after, version, updatedAt }: Resolved,
  { now, author }: WriteContext,
): StoredDocument => ({
  type,
  id,
  version,
  document: after?.visible ?? null,
  createdAt: row?.createdAt ?? now,
  updatedAt,
  updatedBy: outcome === 'unchanged' && row ? row.updatedBy : author,
  deleted: outcome === 'deleted',
})

function nextRow(
  { type, id, after, version, updatedAt }: Resolved,
  { deps: { sealing }, stored }: WriteContext,
): NextRow {
  const hasSecrets = after !== undefined && Object.keys(after.secrets).length > 0
  const place = after ? stored?.places.get(after.visible) : undefined
  return {
    type,
    id,
    version,
    document: place === undefined ? (after?.visible ?? null) : null,
    place: place ?? null,
    sealed: hasSecrets ? sealing.seal(JSON.stringify(after.secrets)).toString('base64') : null,
    hashes: hasSecrets ? after.hashes : null,
    updatedAt,
  }
}
