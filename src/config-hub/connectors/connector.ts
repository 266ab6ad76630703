import type { Document } from '../index/entry.ts'
import type { ConfigType } from '../types/definition.ts'

/**
 * One configuration as a connector gives it. The document may hold what the type calls secret: the built-in store's does,
 * another Countersign's never.
 */
export type Item = {
  id: string
  document: Document
  /**
   * What guards a write against a stale state. Of a place with ETags, a list tells another one than `get`; both guard.
   */
  revision: string
  updatedAt: Date
  updatedBy: string | null
  /** Version number in the built-in store; 0 elsewhere. */
  version: number
  /** Where the place, and not the type, says what its title and natural key are (as text, as in `Entry`). */
  title?: string
  naturalKey?: string | null
}

/** `cursor` is opaque and survives a restart; null when nothing follows. */
export type Page = { items: Item[]; cursor: string | null }

/**
 * - `create-with-id`: the caller may choose the id; it is `stale` when that is taken.
 * - `guarded-write`: the place itself compares `ifRevision`, in one step with the write. Without it, the revision is read
 *   again just before the write.
 * - `keyed-write`: the same write sent again under the same `key` is done once.
 * - `find-by-key`: `find` finds what a create made by the `key` of that create.
 * - `refuses-existing`: the place itself refuses to create at an id that is taken, in one step with the create. Without
 *   it, whether something is there is read just before.
 * - `checks-references`: the place refuses what refers to something that it does not have.
 * - `prepares-delete`: something precedes a deletion that leaves another revision of the same content.
 */
export type Capability =
  | 'list'
  | 'get'
  | 'create'
  | 'create-with-id'
  | 'patch'
  | 'put'
  | 'delete'
  | 'guarded-write'
  | 'keyed-write'
  | 'find-by-key'
  | 'refuses-existing'
  | 'checks-references'
  | 'prepares-delete'

export type Limits = {
  /** Requests a second that the target bears; absent: no limit known. */
  requestsPerSecond?: number
  /** At once. */
  concurrency: number
  pageSize: number
}

/** Whom a token belongs to. */
export type Whoami = { org: string }

/**
 * `key`: 8 to 200 printable ASCII characters that name this one write. `known`: the document that has the revision
 * `ifRevision`, for a change of it; where the place itself compares revisions, it is not read again.
 */
export type WriteOptions = { ifRevision?: string; key?: string; known?: Document; signal?: AbortSignal }
export type CreateOptions = { id?: string; key?: string; signal?: AbortSignal }

/**
 * A place where configuration lives. Errors are `ConnectorError`s, and the signal's reason where that aborts; `get` of
 * what is not there answers undefined. Every connector is bound to one organisation and, where it needs one, to a
 * credential kept in memory. Writes answer the item as it is afterwards.
 */
export type Connector = {
  id: string
  /** For the type; empty when the connector does not know it. */
  capabilities(type: string): ReadonlySet<Capability>
  limits: Limits
  list(type: ConfigType, at: { cursor: string | null; size?: number; signal?: AbortSignal }): Promise<Page>
  get(type: ConfigType, id: string, signal?: AbortSignal): Promise<Item | undefined>
  /** All that a create under this key made (`find-by-key`), or all of this natural key (any place; may read the list). */
  find(type: ConfigType, by: Sought, signal?: AbortSignal): Promise<Item[]>
  /** With `id` where the connector can (`create-with-id`), else the target makes one. */
  create(type: ConfigType, document: Document, options: CreateOptions): Promise<Item>
  /** JSON merge patch (RFC 7396). `not-found` when there is nothing to patch. */
  patch(type: ConfigType, id: string, patch: Document, options: WriteOptions): Promise<Item>
  /** Replaces it whole; secret members that are left out are kept where the place keeps them. `not-found` as above. */
  put(type: ConfigType, id: string, document: Document, options: WriteOptions): Promise<Item>
  remove(type: ConfigType, id: string, options: WriteOptions): Promise<void>
  /**
   * Does once more what belongs to a write but comes after it (publishing), of an item as it was just read; whether it
   * was done already is no matter. Absent: writes are one request.
   */
  finish?(type: ConfigType, item: Item, signal?: AbortSignal): Promise<Item>
  /** Where an object that is a reference has its id: to leave the reference out is to leave that object out. */
  linkPath?(type: ConfigType): string | undefined
  /** Verifies the credential with the place itself. */
  whoami(signal?: AbortSignal): Promise<Whoami>
}

export type Sought = { key: string } | { naturalKey: string }

/**
 * What a caller can act upon. Nothing was written, for certain, unless `unknown` or `unfinished` says otherwise.
 * - `not-found`: what was to be written is not there (any more).
 * - `stale`: it is not as the caller saw it: another revision, or there already where it was to be created.
 * - `conflict`: the place refuses it for the state that it is in.
 * - `invalid`: the place will never accept this, or answers what cannot be used.
 * - `limited`: not now; not before `retryAt`, when the place said so.
 * - `unavailable`: try again; with `unknown` a write may have happened: look before anything is sent again.
 * - `unauthorized`: the place refuses the credential.
 * - `unfinished`: it was written, and the place refuses what belongs to the write and comes after it.
 */
export type ConnectorErrorKind =
  | 'not-found'
  | 'stale'
  | 'conflict'
  | 'invalid'
  | 'limited'
  | 'unavailable'
  | 'unauthorized'
  | 'unfinished'

/**
 * A refusal or failure of a place. The message is safe to show: it repeats nothing that the place answered. `unknown` is
 * of writes only, and only with the kind `unavailable`.
 */
export class ConnectorError extends Error {
  readonly kind: ConnectorErrorKind
  readonly unknown: boolean
  readonly retryAt: Date | undefined

  constructor(
    kind: ConnectorErrorKind,
    message: string,
    { unknown = false, retryAt }: { unknown?: boolean; retryAt?: Date | undefined } = {},
  ) {
    super(message)
    this.name = 'ConnectorError'
    this.kind = kind
    this.unknown = unknown
    this.retryAt = retryAt
  }
}
