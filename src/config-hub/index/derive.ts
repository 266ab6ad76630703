import { canonical, sha256 } from '../../operation/plan.ts'
import { extract } from '../references/extract.ts'
import { at, select, without } from '../references/path.ts'
import type { ConfigType } from '../types/definition.ts'
import type { Document, Entry, Name, Origin } from './entry.ts'

const LONGEST_TITLE = 300
/** Characters; an index of PostgreSQL holds no value above 2.7 kB. */
const LONGEST_KEY = 500

/**
 * What the index knows of one configuration: a function of its type and document (and where it comes from), never of
 * another configuration. The document is one that a store may hold (`documentErrors`), its secret members taken out.
 */
export function derive(type: ConfigType, document: Document, origin: Origin): Entry {
  const stable = without(document, type.volatile_paths)
  const { declared, names, words, variables } = extract(type, document, stable)
  const own: Name[] = [{ name: origin.id, kind: 'id' }, ...names]
  const ownNames = new Set(own.map(({ name }) => name))
  const blueprints = blueprintsOf(type, document)
  const active = valueAt(document, type.active_path)
  const usage = valueAt(document, type.usage_path)
  return {
    type: type.type,
    id: origin.id,
    connector: origin.connector,
    title: titleOf(type, document, origin.title) ?? origin.id,
    updatedAt: origin.updatedAt,
    updatedBy: origin.updatedBy,
    tags: textsAt(document, type.tag_paths),
    purposes: textsAt(document, type.purpose_paths),
    blueprintIds: blueprints.map(({ id }) => id),
    active: typeof active === 'boolean' ? active : null,
    usage: typeof usage === 'number' && Number.isFinite(usage) ? usage : 0,
    summary: { ...linkOf(type, origin.id), blueprints, metadata: metadataOf(type, document) },
    naturalKey:
      origin.naturalKey === undefined ? naturalKeyOf(type.natural_key, document) : origin.naturalKey,
    contentHash: sha256(JSON.stringify(ordered(stable))),
    version: origin.version,
    names: own,
    declared,
    words: words.filter((word) => !ownNames.has(word)),
    variables: variables.filter((name) => !ownNames.has(name)),
  }
}

/**
 * The same value with the members of every object in one order, whatever order they came in. Making its JSON text takes
 * less than half of the time of the canonical form (RFC 8785), from which it differs only in where numbered members stand.
 */
function ordered(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(ordered)
  const entries = Object.keys(value)
    .sort()
    .map((name) => [name, ordered((value as Document)[name])] as const)
  // fromEntries defines members, so that one called __proto__ stays a member
  return Object.fromEntries(entries)
}

const valueAt = (document: Document, path: string | undefined): unknown =>
  path === undefined ? undefined : at(document, path)

function titleOf(type: ConfigType, document: Document, told: string | undefined): string | undefined {
  for (const value of [told, ...type.title_paths.map((path) => at(document, path))]) {
    // a cut through a pair of surrogates would leave half of it, which no database stores
    if (typeof value === 'string' && value.trim() !== '')
      return value
        .trim()
        .slice(0, LONGEST_TITLE)
        .replace(/[\ud800-\udbff]$/, '')
        .trim()
  }
  return undefined
}

const textsAt = (document: Document, patterns: readonly string[]): string[] => {
  const values = patterns.flatMap((pattern) => select(document, pattern).map(({ value }) => value))
  return [...new Set(values.filter((value) => typeof value === 'string' && value !== ''))] as string[]
}

const linkOf = ({ link }: ConfigType, id: string): { link?: string } =>
  link === undefined ? {} : { link: link.replaceAll('{id}', () => encodeURIComponent(id)) }

function blueprintsOf(type: ConfigType, document: Document): { id: string; title: string }[] {
  const found = type.blueprint_paths.flatMap((pattern) =>
    select(document, pattern).flatMap(({ value }) => blueprintOf(value)),
  )
  return [...new Map(found.map((each) => [each.id, each])).values()]
}

/** Some systems list whole blueprints, others only their ids. */
function blueprintOf(value: unknown): { id: string; title: string }[] {
  if (typeof value === 'string' && value !== '') return [{ id: value, title: value }]
  const { id, title } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
  if (typeof id !== 'string' || id === '') return []
  return [{ id, title: typeof title === 'string' && title !== '' ? title : id }]
}

function metadataOf(type: ConfigType, document: Document): Record<string, unknown> {
  const known = Object.entries(type.metadata).map(([name, path]) => [name, at(document, path)] as const)
  return Object.fromEntries(known.filter(([, value]) => value !== undefined))
}

/** The values of the natural key as JSON text, hashed when that is long; none of them may be missing. */
export function naturalKeyOf(paths: readonly string[], document: Document): string | null {
  if (paths.length === 0) return null
  const values = paths.map((path) => at(document, path))
  if (values.some((value) => value === undefined || value === null || value === '')) return null
  const text = canonical(values)
  return text.length <= LONGEST_KEY ? text : canonical([`sha256:${sha256(text)}`])
}
