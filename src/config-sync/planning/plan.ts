import type { Difference } from '../../config-hub/compare/three-way.ts'
import type { Document } from '../../config-hub/index/entry.ts'

/** What is to happen to one configuration at the target. */
export type Action = 'create' | 'patch' | 'delete' | 'none' | 'refused'

/** Why a row cannot be planned. Nothing is guessed: a person decides, or changes what is in the way. */
export type Refusal =
  | 'source-missing'
  | 'ambiguous-match'
  | 'conflict'
  | 'required-circle'
  | 'required-missing'
  | 'not-writable'
  | 'protected'
  | 'still-needed'
  | 'changed-since'

/** What a place was and becomes. A secret is only said to be set, changed or removed. */
export type RowChange = Pick<Difference, 'pointer' | 'change' | 'state'> & {
  before?: unknown
  after?: unknown
  secret?: true
}

/**
 * One configuration of a plan. `desired` is what the target is to be, with `⟨type/source id⟩` wherever the target's own
 * id of something that the same plan creates will stand; ids that are known are in place.
 */
export type PlanRow = {
  type: string
  sourceId: string
  title: string
  action: Action
  /** Null when the target makes it. */
  targetId: string | null
  matchedBy: 'lineage' | 'natural_key' | 'name' | 'title' | null
  /** The target's revision that was planned on; null: there was none. */
  revision: string | null
  /** Rows of the plan that this one refers to, by place, and whether it cannot do without. */
  references: readonly { to: number; required: boolean }[]
  changes: readonly RowChange[]
  desired: Document | null
  /** Secret members by pointer, kept sealed; never shown, part of the digest by keyed hash only. */
  secrets: Readonly<Record<string, unknown>>
  /** The document of both sides after this, normalised: the base of the next three-way comparison. */
  base: Document | null
  /** What the next promotion of the pair follows from, if it can be known by that; kept with the base. */
  settledAs?: string | undefined
  /** Another id or natural key of the target must not exist yet: a lost answer may then make a second one. */
  mayDuplicate: boolean
  /** Ids within it that the target makes with it: what stands for each elsewhere, and where it is once it is there. */
  derives?: readonly { symbol: string; pointer: string }[]
  refusal?: { code: Refusal; message: string; among?: readonly string[] }
  warnings: readonly string[]
}

/** One request of a plan: row `row`, which waits for the tasks `after`. `omits` are rows that it does not name yet. */
export type PlanTask = {
  row: number
  kind: 'create' | 'patch' | 'complete' | 'delete'
  after: readonly number[]
  omits: readonly number[]
  level: number
}

export type SyncPlan = {
  rows: readonly PlanRow[]
  tasks: readonly PlanTask[]
  /** Creates that leave a reference out until later; no fewer than `atLeast` would do, `exact`: none would. */
  cycles: { completed: number; atLeast: number; exact: boolean }
  /** SHA-256 of the canonical rows and tasks: what an approval binds to. */
  digest: string
}
