/** A place in a document and what is there. */
export type Place = { pointer: string; value: unknown }

const unescaped = (name: string): string =>
  name.includes('~') ? name.replaceAll('~1', '/').replaceAll('~0', '~') : name
const escaped = (name: string): string =>
  name.includes('~') || name.includes('/') ? name.replaceAll('~', '~0').replaceAll('/', '~1') : name

/** The names along a JSON pointer or pattern (RFC 6901); none for the whole document. */
const namesOf = (pointer: string): string[] =>
  pointer === '' ? [] : pointer.slice(1).split('/').map(unescaped)

/** The pointer to a member or element of what is at `pointer`. */
export const pointerTo = (pointer: string, name: string): string => `${pointer}/${escaped(name)}`

const isContainer = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

/** An own member or element; `length` is none of a list. */
const has = (value: Record<string, unknown>, name: string): boolean =>
  Object.hasOwn(value, name) && !(name === 'length' && Array.isArray(value))

const memberOf = (value: unknown, name: string): unknown =>
  isContainer(value) && has(value, name) ? value[name] : undefined

/** The value at a pointer; undefined when there is none. */
export const at = (document: unknown, pointer: string): unknown => namesOf(pointer).reduce(memberOf, document)

/** How far a pattern has come on the way from the document to a place. */
type State = { names: readonly string[]; index: number }

/** Adds where a pattern is, once, and where else because `**` may stand for no level. */
function enter(states: State[], names: readonly string[], index: number): void {
  if (states.some((known) => known.names === names && known.index === index)) return
  states.push({ names, index })
  if (names[index] === '**') enter(states, names, index + 1)
}

function startOf(patterns: readonly string[]): State[] {
  const states: State[] = []
  for (const pattern of patterns) enter(states, namesOf(pattern), 0)
  return states
}

function step(states: readonly State[], key: string): State[] {
  const next: State[] = []
  for (const state of states) {
    const name = state.names[state.index]
    if (name === '**') enter(next, state.names, state.index)
    else if (name === '*' || name === key) enter(next, state.names, state.index + 1)
  }
  return next
}

const isNamed = (states: readonly State[]): boolean =>
  states.some(({ names, index }) => index === names.length)

/**
 * Every place that a pattern names, in the document's order, each once: `*` is any member or element, `**` any number
 * of levels, none included. A member that is itself called `*` or `**` cannot be named alone.
 */
export function select(document: unknown, pattern: string): Place[] {
  const found: Place[] = []
  const walk = (value: unknown, states: readonly State[], pointer: string): void => {
    if (isNamed(states)) found.push({ pointer, value })
    if (!isContainer(value)) return
    for (const key of keysFor(states, value)) walk(value[key], step(states, key), pointerTo(pointer, key))
  }
  walk(document, startOf([pattern]), '')
  return found
}

/** The members that a pattern may go on to: one where it names one. */
function keysFor(states: readonly State[], value: Record<string, unknown>): string[] {
  const [{ names, index }, ...more] = states as [State, ...State[]]
  const name = names[index]
  if (name === undefined) return []
  if (more.length > 0 || name === '*' || name === '**') return Object.keys(value)
  return has(value, name) ? [name] : []
}

/**
 * The document without what these patterns name. Elements of lists go as well, and the others move up. What no pattern
 * leads into is shared with the document, not copied.
 */
export function without<T>(document: T, patterns: readonly string[]): T {
  return left(document, startOf(patterns))
}

function left<T>(value: T, states: readonly State[]): T
function left(value: unknown, states: readonly State[]): unknown {
  if (states.length === 0 || !isContainer(value)) return value
  const kept: [string, unknown][] = []
  for (const key of Object.keys(value)) {
    const next = step(states, key)
    if (!isNamed(next)) kept.push([key, left(value[key], next)])
  }
  // fromEntries defines members, so that one called __proto__ stays a member
  return Array.isArray(value) ? kept.map(([, each]) => each) : Object.fromEntries(kept)
}
