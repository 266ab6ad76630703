import type { Document } from '../../config-hub/index/entry.ts'
import { at, without } from '../../config-hub/references/path.ts'
import type { ConfigType } from '../../config-hub/types/definition.ts'
import { same } from '../../config-store/rules.ts'
import { joinSecrets } from '../../operation/redact.ts'
import type { Content } from './job.ts'

const SYMBOL = /⟨([^⟨⟩/]+\/[^⟨⟩]*)⟩/g

/** A reference to something of the same plan that has no id yet. */
export class Unresolved extends Error {}

/** Marks a member or element that is left out for now. */
const GONE = Symbol('gone')

export type Naming = {
  /** The target's id of what a symbol stands for (`type/source id`). */
  idOf(key: string): string | undefined
  /** Symbols and ids of what does not exist yet: what is nothing but one of them is left out. */
  omitted: ReadonlySet<string>
  /** Where an object that is a reference has the id: it is left out as a whole. */
  linkPath?: string | undefined
}

/**
 * The document to be written: symbols replaced by the target's ids, what is omitted for now left out, secrets in their
 * places. An omitted name within a longer text stays as the source has it. Throws `Unresolved`.
 */
export function documentOf({ desired, secrets }: Content, naming: Naming): Document {
  const named = walkMembers(desired ?? {}, naming) as Document
  return Object.keys(secrets).length > 0 ? joinSecrets(named, secrets) : named
}

function walk(value: unknown, naming: Naming): unknown {
  if (typeof value === 'string') return named(value, naming)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    const next = value.map((each) => walk(each, naming))
    return next.every((each, index) => each === value[index]) ? value : next.filter((each) => each !== GONE)
  }
  return isOmitted(value as Document, naming) ? GONE : walkMembers(value as Document, naming)
}

function isOmitted(value: Document, { linkPath, omitted }: Naming): boolean {
  const id = linkPath === undefined || omitted.size === 0 ? undefined : at(value, linkPath)
  return typeof id === 'string' && omitted.has(id)
}

function walkMembers(value: Document, naming: Naming): Document {
  let changed = false
  const next: Document = {}
  for (const [name, each] of Object.entries(value)) {
    const walked = walk(each, naming)
    changed ||= walked !== each
    if (walked !== GONE) next[name] = walked
  }
  return changed ? next : value
}

function named(text: string, { idOf, omitted, linkPath }: Naming): unknown {
  // where references are objects, a text that is like an id is none
  if (omitted.has(text) && (linkPath === undefined || text.startsWith('⟨'))) return GONE
  if (!text.includes('⟨')) return text
  return text.replace(SYMBOL, (symbol, key: string) => {
    // of ids that the target makes within something, the source's are not known here
    if (omitted.has(symbol)) return key.includes('#/') ? '' : key.slice(key.indexOf('/') + 1)
    const id = idOf(key)
    if (id === undefined) throw new Unresolved(`It refers to ${key}, which does not exist at the target.`)
    return id
  })
}

const isObject = (value: unknown): value is Document =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The merge patch (RFC 7396) that makes `live` what is desired; undefined: it is. Volatile members and the id are left. */
export function patchBetween(type: ConfigType, live: Document, desired: Document): Document | undefined {
  const ignored = [...type.volatile_paths, ...(type.id_path === '' ? [] : [type.id_path])]
  return difference(without(live, ignored), without(desired, ignored))
}

function difference(live: Document, desired: Document): Document | undefined {
  const patch: Document = {}
  for (const name of Object.keys(live)) if (!Object.hasOwn(desired, name)) patch[name] = null
  for (const [name, value] of Object.entries(desired)) {
    const there = live[name]
    if (Object.hasOwn(live, name) && same(there, value)) continue
    const within = isObject(there) && isObject(value) ? difference(there, value) : undefined
    patch[name] = within ?? value
  }
  return Object.keys(patch).length > 0 ? patch : undefined
}

/** Whether a document has all that another one says; it may say more, and leave out what is empty. */
export const covers = (document: unknown, wanted: unknown): boolean =>
  document === undefined
    ? isEmpty(wanted)
    : isObject(wanted)
      ? isObject(document) && Object.entries(wanted).every(([name, each]) => covers(document[name], each))
      : same(document, wanted)

const isEmpty = (value: unknown): boolean =>
  value === null || (typeof value === 'object' && Object.values(value).every(isEmpty))

/** Whether a member is null somewhere, elements of lists apart: those a merge patch writes as they are. */
export const holdsNull = (document: Document): boolean =>
  Object.values(document).some((value) => value === null || (isObject(value) && holdsNull(value)))
