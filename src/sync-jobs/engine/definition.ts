import type { Transaction } from '../../db/pool.ts'
import type { Deps } from '../../deps.ts'

export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue }
export type JsonObject = { [key: string]: JsonValue }

/** Everything there is, or what changed since the last run that completed. */
export type Mode = 'full' | 'incremental'

/** Whether both the application and the provider were looked at. */
export type Coverage = 'both-sides' | 'app-side-only'

/** Names one thing of a source; unique in a job. */
export type Subject = { sourceKind: string; key: string }

/** One thing as a source has it, normalised: `content` is plain JSON without secrets, and all that is compared. */
export type SourceRecord = Subject & {
  /** Which of two versions is the newer one. */
  updatedAt: Date
  /** `partOf`, if any, names what the record is part of; see `partsOf`. */
  content: JsonObject
  /** The source says that it is gone. */
  deleted?: true
}

export type SourcePage = {
  records: readonly SourceRecord[]
  /** Where the next page begins; null after the last. */
  next: string | null
  /** Where this page ended, as the checkpoint shows it; left out: `next`. */
  position?: string
  /** How far an incremental run may begin next time; kept when the run has completed. */
  highWatermark?: Date
}

/**
 * Where records come from, page by page. The same cursor may be read again, and pages may overlap. Errors:
 * `SourceLimited` (asked for a pause), `SourceFailure`, the signal's reason.
 */
export type Source = {
  id: string
  /** A scan of it sees everything there is, so what was not seen has disappeared. */
  complete: boolean
  sourceKinds: readonly string[]
  /** Called outside any transaction. `cursor` is null for the first page. */
  read(cursor: string | null, limit: number, signal: AbortSignal): Promise<SourcePage>
}

/** The source asks to be left alone until then; the run pauses there and goes on by itself. */
export class SourceLimited extends Error {
  readonly resumeAt: Date
  constructor(resumeAt: Date) {
    super('The source asked for a pause.')
    this.name = 'SourceLimited'
    this.resumeAt = resumeAt
  }
}

/** Why a source cannot be read. `unavailable` passes by itself and is tried again; the others fail the run. */
export type FailureCode = 'unavailable' | 'credential-refused' | 'not-configured' | 'source-invalid'

export class SourceFailure extends Error {
  readonly code: FailureCode
  constructor(code: FailureCode) {
    super(`The source failed: ${code}.`)
    this.name = 'SourceFailure'
    this.code = code
  }
}

/** What the last run that completed left for an incremental one. */
export type Since = {
  /** When that run began: whatever changed before it has been seen. */
  completeThrough: Date
  lastFullAt: Date
  /** By source. */
  watermarks: Readonly<Record<string, Date>>
}

export type RunContext = { deps: Deps; org: string; jobId: string; runId: string; mode: Mode; now: Date }

/** A record that is new or is another than before; `before` is what was known of it, null for nothing. */
export type ChangedRecord = SourceRecord & { before: JsonObject | null }

/** What does not agree, redacted already. `evidenceHash` is another as soon as either side is. */
export type FindingDraft = Subject & {
  class: string
  summary: string
  evidence: JsonObject
  evidenceHash: string
  /** Only a person can say what is right. */
  needsPerson: boolean
}

export type RunSummary = {
  opened: number
  resolved: number
  open: number
  digest: string
  completeThrough: Date
  coverage: Coverage
}

/** The contract's words for where records come from and what becomes of them; hrefs are made by who serves them. */
export type JobDescription = {
  source: {
    id: string
    type: string
    provider: string
    endpoint: { path: string; method: string; auth: string; description: string }
    credentials: string
    modelVisibleIdentifiers: string
    records: readonly string[]
  }
  target: {
    id: string
    resourceUri: string
    mode: string
    writesEnabled: boolean
    reviewBoundary: string
  }
  keyFields: readonly string[]
  duplicateBehavior: string
  redactions: readonly string[]
}

/** A sync job, declared once; the engine does the rest. */
export type SyncJobDefinition = {
  id: string
  title: string
  describe: JobDescription
  classes: readonly string[]
  /** Records in a page, unless the source has its own limit. */
  pageSize?: number
  /**
   * The sources of a run in the order in which they are read; asked again whenever the run goes on, with the same
   * `since`, so it must give the same ones. `notes` say what is not looked at, and why. `mode`: the run is a full one after
   * all, since what was left is not enough for an incremental one.
   */
  sources(
    deps: Deps,
    org: string,
    mode: Mode,
    since: Since | null,
  ): Promise<{ sources: readonly Source[]; notes: readonly string[]; coverage: Coverage; mode?: 'full' }>
  /**
   * In a page's own transaction, after its records were written: which subjects they concern, and all findings that hold
   * for those now. Findings of a judged subject that are not among them are resolved.
   */
  project(
    tx: Transaction,
    run: RunContext,
    changed: readonly ChangedRecord[],
  ): Promise<{ judged: readonly Subject[]; findings: readonly FindingDraft[] }>
  /** In the transaction that completes a run. */
  finished?(tx: Transaction, run: RunContext, summary: RunSummary): Promise<void>
}
