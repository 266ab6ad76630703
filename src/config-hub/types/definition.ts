import { z } from 'zod'

/** Names of types, the contract's and an organisation's own. */
export const TypeName = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,62}$/, 'must be lower case letters, digits and _, at most 63')

/** RFC 6901, to one place in a document. */
export const Pointer = z
  .string()
  .max(300)
  .regex(/^(\/([^~/]|~[01])*)*$/, 'must be a JSON pointer')

/** A JSON pointer in which `*` stands for any one member or element and `**` for any number of levels. */
export const PathPattern = Pointer

/** By which of its names a reference names its target; `any` is whichever fits. */
export const ReferenceBy = z.enum(['id', 'alias', 'slug', 'variable', 'any'])

/** A place where documents of a type name another configuration. Each text found at `path` is one reference. */
export const ReferenceRule = z.strictObject({
  path: PathPattern,
  /** The type of the target; absent: whichever type has that name. */
  type: TypeName.optional(),
  by: ReferenceBy.default('id'),
  /** The target must exist before this can: a hard edge for promotion, an error when it dangles. */
  required: z.boolean().default(false),
})

/** Further names a configuration answers to. A variable is what templates write between braces. */
export const AliasRule = z.strictObject({
  path: PathPattern,
  kind: z.enum(['alias', 'slug', 'variable']).default('alias'),
  /** Written before the text to make the name: `env.` where templates say `{{ env.the_key }}`. */
  prefix: z.string().max(40).default(''),
})

/**
 * Everything the hub knows of a type, as data: how to show it, where a document says what, what refers to what.
 * Built-in types are such objects; an organisation adds its own without code. Paths are into the document.
 */
export const TypeDefinition = z.strictObject({
  type: TypeName,
  label: z.string().min(1).max(80),
  icon: z.string().min(1).max(80),
  source_api: z.string().max(300),
  sdk_client: z.string().max(200),
  /** Whether delete jobs may remove configurations of the type. */
  deletable: z.boolean().default(true),
  /** Only ever reached through what refers to it: no folder of its own at the top of an inventory. */
  dependency_only: z.boolean().default(false),
  /** Which connector the documents live in: `store` is the built-in one. */
  connector: z.string().max(100).default('store'),
  id_path: Pointer.default('/id'),
  /** The first of them that holds text is the title; else the id. */
  title_paths: z.array(Pointer).max(10).default(['/title', '/name']),
  alias_rules: z.array(AliasRule).max(20).default([]),
  tag_paths: z.array(PathPattern).max(10).default([]),
  purpose_paths: z.array(PathPattern).max(10).default([]),
  /** A boolean; absent or another value: the type knows no inactive ones. */
  active_path: Pointer.optional(),
  updated_at_path: Pointer.optional(),
  updated_by_path: Pointer.optional(),
  /** URL with `{id}` in it. */
  link: z.string().max(500).optional(),
  /** Objects `{id, title}`: the blueprints that installed it. */
  blueprint_paths: z.array(PathPattern).max(10).default([]),
  /** Shown in the node's `metadata` by these names. */
  metadata: z.record(z.string().max(60), Pointer).default({}),
  /** A number; what `sort=usage` orders by. */
  usage_path: Pointer.optional(),
  /** Members that together identify it to people, in any organisation; empty: it has no natural key. */
  natural_key: z.array(Pointer).max(6).default([]),
  references: z.array(ReferenceRule).max(60).default([]),
  /** Whether strings are searched for names of other configurations. */
  scan: z.boolean().default(true),
  /** Change by themselves (times, counters, authors): no part of a comparison. */
  volatile_paths: z.array(PathPattern).max(40).default([]),
  /** Write-only: stored sealed, never returned, compared by keyed hash. */
  secret_paths: z.array(PathPattern).max(40).default([]),
  /**
   * Ids within a document that its place makes anew when it creates it. Promotion leaves them out, and resolves what
   * names them elsewhere from what was created.
   */
  derived_paths: z.array(PathPattern).max(10).optional(),
  /** JSON Schema (2020-12) that documents must satisfy. */
  json_schema: z.record(z.string(), z.unknown()).optional(),
})

export type TypeDefinition = z.output<typeof TypeDefinition>
export type ReferenceRule = z.output<typeof ReferenceRule>
export type AliasRule = z.output<typeof AliasRule>

/** A type as an organisation sees it. `custom` ones are its own and no part of the contract. */
export type ConfigType = TypeDefinition & { custom: boolean }
export type Registry = ReadonlyMap<string, ConfigType>
