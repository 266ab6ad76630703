/** A JSON object that is one configuration. */
export type Document = Record<string, unknown>

export type NameKind = 'id' | 'alias' | 'slug' | 'variable'
export type Name = { name: string; kind: NameKind }

/** How a reference names its target: as declared (`any`: by whichever name), in a string, or as a template variable. */
export type EdgeKind = NameKind | 'any' | 'text' | 'template'
/** `toType` is '' when the reference may be to any type. */
export type Reference = { name: string; toType: string; kind: EdgeKind; required: boolean }

export type Summary = {
  link?: string
  blueprints: { id: string; title: string }[]
  metadata: Record<string, unknown>
}

/**
 * What the index knows of one configuration, derived from its type and its document alone, so that the entry of one
 * never depends on another's.
 */
export type Entry = {
  type: string
  id: string
  connector: string
  title: string
  updatedAt: Date
  updatedBy: string | null
  tags: string[]
  purposes: string[]
  blueprintIds: string[]
  active: boolean | null
  usage: number
  summary: Summary
  /** JSON text of the natural key's values; null when the type has none or a value is missing. */
  naturalKey: string | null
  /** SHA-256, hex, of the canonical document without volatile members. */
  contentHash: string
  /** Of the document in the built-in store; 0 elsewhere. */
  version: number
  names: Name[]
  /** Declared references; those in strings follow from `words` and `variables` and the names that there are. */
  declared: Reference[]
  /** Distinct words of its strings that have the form of a name, its own names left out. */
  words: string[]
  /** Distinct variables of its templates. */
  variables: string[]
}

/** What derivation needs beside type and document. */
export type Origin = {
  id: string
  connector: string
  version: number
  updatedAt: Date
  updatedBy: string | null
  /** Where the place, and not the type, says them. */
  title?: string | undefined
  naturalKey?: string | null | undefined
}

export type NodeKey = { type: string; id: string }
