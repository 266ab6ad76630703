/**
 * What the index must answer, by searching every name in every string of every document. Written for the two types
 * below, from what is documented of names and references and not from the code that finds them.
 */
export type Kept = { type: string; id: string; document: Record<string, any>; deleted: boolean }
type Named = { name: string; kind: string }

/** The types that the search knows: `thing` has slugs and aliases, `field` variables. */
export const TYPES = [
  {
    type: 'thing',
    alias_rules: [
      { path: '/slug', kind: 'slug' },
      { path: '/aliases/*', kind: 'alias' },
    ],
    references: [
      { path: '/parent', type: 'field', by: 'id', required: true },
      { path: '/likes', type: 'field', by: 'id' },
      { path: '/any', by: 'any' },
      { path: '/parts/*/ref', by: 'alias' },
    ],
  },
  {
    type: 'field',
    alias_rules: [
      { path: '/key', kind: 'variable' },
      { path: '/slug', kind: 'slug' },
    ],
    references: [
      { path: '/owner', type: 'thing', by: 'slug' },
      { path: '/input', by: 'variable' },
    ],
  },
]

const texts = (value: unknown): string[] => (typeof value === 'string' ? [value] : [])

export function namesOf({ type, id, document }: Kept): Named[] {
  const slugs = texts(document.slug).map((name) => ({ name, kind: 'slug' }))
  const others =
    type === 'thing'
      ? (document.aliases ?? []).map((name: string) => ({ name, kind: 'alias' }))
      : texts(document.key).map((name) => ({ name, kind: 'variable' }))
  return [{ name: id, kind: 'id' }, ...slugs, ...others]
}

type Declared = { name: string; toType?: string; by: string; required: boolean }

function declaredOf({ type, document }: Kept): Declared[] {
  const at = (value: unknown, by: string, toType?: string, required = false): Declared[] =>
    texts(value).map((name) => ({ name, by, required, ...(toType ? { toType } : {}) }))
  if (type === 'field') return [...at(document.owner, 'slug', 'thing'), ...at(document.input, 'variable')]
  const parts = (document.parts ?? []).flatMap((part: { ref?: string }) => at(part.ref, 'alias'))
  const fields = [...at(document.parent, 'id', 'field', true), ...at(document.likes, 'id', 'field')]
  return [...fields, ...at(document.any, 'any'), ...parts]
}

/** What is searched for names: not what is a reference to one type already. */
const searched = ({ type, document }: Kept): unknown => {
  const { parent, likes, owner, ...rest } = document
  return type === 'thing' ? { ...rest, owner } : { ...rest, parent, likes }
}

const stringsIn = (value: unknown): string[] =>
  typeof value === 'string'
    ? [value]
    : typeof value === 'object' && value !== null
      ? Object.values(value).flatMap(stringsIn)
      : []

const isWord = (character: string | undefined): boolean =>
  character !== undefined && /[\p{L}\p{M}\p{N}_-]/u.test(character)
const isJoint = (character: string | undefined): boolean => character === '.' || character === ':'

/** Whether a text mentions a name: bounded, and of the form of an identifier where it is one word. */
export function mentions(text: string, name: string): boolean {
  if (name.length < 4 || name.length > 128) return false
  const whole = text === name && !/\s/.test(name)
  if ([...name].every(isWord)) {
    if (!/[\p{N}_-]|\p{Ll}\p{Lu}/u.test(name)) return false
  } else if (whole) return true
  else if (!/^[\p{L}\p{M}\p{N}_-]+([.:][\p{L}\p{M}\p{N}_-]+)+$/u.test(name)) return false
  const joined = /[.:]/.test(name)
  for (let at = text.indexOf(name); at !== -1; at = text.indexOf(name, at + 1)) {
    const end = at + name.length
    const free = !isWord(text[at - 1]) && !isWord(text[end])
    // a chain counts as a whole, not as a part of a longer one
    const part =
      (isJoint(text[at - 1]) && isWord(text[at - 2])) || (isJoint(text[end]) && isWord(text[end + 1]))
    if (free && !(joined && part)) return true
  }
  return false
}

/** Whether a text has a variable between braces: as a whole path, or as what a path begins with. */
export function uses(text: string, name: string): boolean {
  for (const [, path] of text.matchAll(/(?:\{\{|\$\{)\s*([\p{L}\p{M}\p{N}_.-]+)\s*\}/gu))
    if (path === name || path?.startsWith(`${name}.`)) return true
  return false
}

export type Edge = { required: boolean; kinds: Set<string> }
export type Found = {
  /** By key of who refers, then of what is referred to. */
  dependencies: Map<string, Map<string, Edge>>
  /** `key name`: declared and leading to nothing that lives, or mentioned and only of what was deleted. */
  dangling: string[]
}

export const keyOf = ({ type, id }: { type: string; id: string }): string => `${type}/${id}`

export function search(all: readonly Kept[]): Found {
  const dependencies = new Map<string, Map<string, Edge>>()
  const dangling = new Set<string>()
  for (const from of all.filter(({ deleted }) => !deleted)) {
    const own = new Set(namesOf(from).map(({ name }) => name))
    const strings = stringsIn(searched(from))
    const edges = new Map<string, Edge>()
    const alive = new Set<string>()
    const dead = new Set<string>()
    const note = (to: Kept, name: string, how: string, kind: string, required: boolean) => {
      const lives = to.deleted ? dead : alive
      lives.add(`${how} ${name}`)
      if (to.deleted || to === from) return
      const edge = edges.get(keyOf(to)) ?? { required: false, kinds: new Set() }
      edge.kinds.add(kind)
      edge.required ||= required
      edges.set(keyOf(to), edge)
    }
    const declared = declaredOf(from)
    for (const to of all)
      for (const { name, kind } of namesOf(to)) {
        for (const each of declared)
          if (
            each.name === name &&
            (each.by === 'any' || each.by === kind) &&
            (each.toType ?? to.type) === to.type
          )
            note(to, name, declaredHow(each), kind, each.required)
        if (own.has(name)) continue
        const found = kind === 'variable' ? uses : mentions
        if (strings.some((text) => found(text, name)))
          note(to, name, kind === 'variable' ? 'template' : 'text', kind, false)
      }
    for (const each of declared)
      if (!alive.has(`${declaredHow(each)} ${each.name}`))
        dangling.add(`${keyOf(from)} ${declaredHow(each)} ${each.name}`)
    for (const mention of dead)
      if (/^(text|template) /.test(mention) && !alive.has(mention)) dangling.add(`${keyOf(from)} ${mention}`)
    dependencies.set(keyOf(from), edges)
  }
  return { dependencies, dangling: [...dangling].sort() }
}

const declaredHow = ({ by, toType }: Declared): string => `${by}>${toType ?? ''}`
