import type { Document, EdgeKind, NodeKey } from '../../config-hub/index/entry.ts'
import type { Registry } from '../../config-hub/types/definition.ts'

/** What a configuration names, and which configurations of the source answer to that; none: it dangles there. */
export type SourceReference = {
  name: string
  /** '' when it may be of any type. */
  toType: string
  kind: EdgeKind
  required: boolean
  to: readonly NodeKey[]
}

/** What a configuration is matched by. `names` are its aliases and slugs, `naturalKey` is JSON text. */
type Known = NodeKey & { title: string; naturalKey: string | null; names: readonly string[] }

/** A configuration that is to be promoted: its document without secrets, those by pointer where the place shows them. */
export type SourceItem = Known & {
  document: Document
  secrets: Readonly<Record<string, unknown>>
  references: readonly SourceReference[]
  /** Of the built-in store, when the document is just that version of it. */
  version?: number
  /** Its document was not read, `document` is empty: it may be settled without. */
  unread?: true
}

/** A live configuration of the target that something may become: paired, or like one of the source. */
export type TargetItem = Known & {
  revision: string
  document: Document
  /** Keyed hashes by pointer; null where the place does not show which secrets there are. */
  secretHashes: Readonly<Record<string, string>> | null
  /** Its document was not read, `document` is empty. */
  unread?: true
}

/**
 * What the place of a type at the target can do. `keyed`: a create whose answer was lost is never done twice.
 * `checksReferences`: it refuses what declares a reference to something that is not there.
 */
export type Place = {
  choosesIds: boolean
  creates: boolean
  patches: boolean
  deletes: boolean
  keyed?: boolean
  checksReferences?: boolean
}

/**
 * A pair of lineage, seen from this sync's source; `mirrored`: the source keeps it, which once imported it from the
 * target. `base` is what both were when they were last synced, with symbols: of the ids of who was the source then.
 */
export type KnownPair = {
  type: string
  sourceId: string
  targetId: string
  mirrored: boolean
  base: Document | null
  baseMirrored: boolean
  /** What the last sync, which left the base, was settled as (see settled.ts). */
  settledAs?: string | undefined
  /** Its source is gone: the target may become the counterpart of another one, and the pair ends then. */
  loose?: true
}

export type Choice = 'source' | 'target' | 'fail'
/** Which side counts where both changed: of the job, and of single places and all below them ('' is a whole document). */
export type Conflicts = {
  default: Choice
  places: readonly (NodeKey & { pointer: string; choice: Choice })[]
}
export const FAIL: Conflicts = { default: 'fail', places: [] }

/** Everything that a plan follows from. */
export type SyncInput = {
  sourceOrg: string
  targetOrg: string
  sourceTypes: Registry
  targetTypes: Registry
  /** By type; absent: the target has no place for it. */
  places: ReadonlyMap<string, Place>
  /** Types whose secrets the source shows. */
  openSecrets: ReadonlySet<string>
  /** What was asked for; of what is not in `sources` there is none. */
  selected: readonly NodeKey[]
  sources: readonly SourceItem[]
  targets: readonly TargetItem[]
  /** `type/id` of what lives at the target, of all that anyone may ask about here. */
  alive: ReadonlySet<string>
  /** References (`referenceKey`) that the names of the target itself answer. */
  answered: ReadonlySet<string>
  pairs: readonly KnownPair[]
  /** Pairs that must not be matched again. */
  blocked: readonly { type: string; sourceId: string; targetId: string }[]
  conflicts: Conflicts
  /** Everything is compared, also what is known to be settled. */
  thorough?: boolean
  /** Keyed: says whether secrets are equal, and nothing else. */
  hash(text: string): string
}

/** What follows from a key, made once for each object: many references share theirs. */
export function remembered<V>(of: (key: NodeKey) => V): (key: NodeKey) => V {
  const known = new Map<NodeKey, V>()
  return (key) => {
    const found = known.get(key)
    if (found !== undefined || known.has(key)) return found as V
    const made = of(key)
    known.set(key, made)
    return made
  }
}

export const keyText = ({ type, id }: NodeKey): string => `${type}/${id}`

export const referenceKey = ({ name, toType, kind }: Pick<SourceReference, 'name' | 'toType' | 'kind'>) =>
  `${toType} ${kind} ${name}`

/** One order for whatever has a key, whatever order it came in. */
export const byKey = (a: NodeKey, b: NodeKey): number =>
  a.type < b.type ? -1 : a.type > b.type ? 1 : a.id < b.id ? -1 : a.id > b.id ? 1 : 0
