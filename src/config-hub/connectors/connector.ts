import type { Document } from '../index/entry.ts'
import type { ConfigType } from '../types/definition.ts'

/** One configuration as a connector gives it. Secret members are in `document` only when asked for. */
export type Item = {
  id: string
  document: Document
  /** What guards a write against a stale state: the connector's version, ETag or update time. */
  revision: string
  updatedAt: Date
  updatedBy: string | null
  /** Version number in the built-in store; 0 elsewhere. */
  version: number
}

/** `cursor` is opaque and survives a restart; null when nothing follows. */
export type Page = { items: Item[]; cursor: string | null }

export type Capability = 'list' | 'get' | 'create' | 'create-with-id' | 'patch' | 'delete' | 'guarded-write'

export type Limits = {
  /** Requests a second that the target bears; absent: no limit known. */
  requestsPerSecond?: number
  /** At once. */
  concurrency: number
  pageSize: number
}

/** Whom a token belongs to. */
export type Whoami = { org: string }

export type WriteGuard = { ifRevision?: string; signal?: AbortSignal }

/**
 * A place where configuration lives. Errors are `ConnectorError`s; `get` of what is not there answers undefined. Every
 * connector is bound to one organisation and, where it needs one, to a credential kept in memory.
 */
export type Connector = {
  id: string
  /** For the type; empty when the connector does not know it. */
  capabilities(type: string): ReadonlySet<Capability>
  limits: Limits
  list(type: ConfigType, at: { cursor: string | null; size?: number; signal?: AbortSignal }): Promise<Page>
  get(type: ConfigType, id: string, signal?: AbortSignal): Promise<Item | undefined>
  /** With `id` where the connector can (`create-with-id`), else the target makes one. */
  create(type: ConfigType, document: Document, options: WriteGuard & { id?: string }): Promise<Item>
  /** JSON merge patch (RFC 7396). */
  patch(type: ConfigType, id: string, patch: Document, guard: WriteGuard): Promise<Item>
  remove(type: ConfigType, id: string, guard: WriteGuard): Promise<void>
  /** Verifies the credential with the place itself. */
  whoami(signal?: AbortSignal): Promise<Whoami>
}

/**
 * A refusal or failure of the place. `retryAfterMs` is what it asked for. `unknown` is true when a write may or may not
 * have happened (the connection broke after the request was sent).
 */
export class ConnectorError extends Error {
  readonly kind: 'unauthorized' | 'not-found' | 'conflict' | 'stale' | 'invalid' | 'limited' | 'unavailable'
  readonly retryAfterMs: number | undefined
  readonly unknown: boolean
  readonly status: number | undefined

  constructor(
    kind: ConnectorError['kind'],
    message: string,
    options: { retryAfterMs?: number; unknown?: boolean; status?: number } = {},
  ) {
    super(message)
    this.name = 'ConnectorError'
    this.kind = kind
    this.retryAfterMs = options.retryAfterMs
    this.unknown = options.unknown ?? false
    this.status = options.status
  }
}
