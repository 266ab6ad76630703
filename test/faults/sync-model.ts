/**
 * What promotion between two organisations is to do, from first principles and on purpose by other means than the
 * planner: things known by a mark that never changes, which pairs them; a three-way comparison member by member; ids
 * renamed by the pairs. Types have no secrets, and only one list each.
 */
export type Side = 'a' | 'b'
export type Kind = 'node' | 'leaf'
export const KINDS = ['node', 'leaf'] as const
export type Doc = Record<string, unknown>
export type Choice = 'source' | 'target' | 'fail'

/** Documents are without their id and revision. */
export type Thing = {
  mark: string
  kind: Kind
  on: Partial<Record<Side, { id: string; doc: Doc }>>
  /** Ids of both when they were last one, and what they were then, ids of things as `‹mark|side|id›`. */
  pair?: { a: string; b: string; base: Doc | undefined } | undefined
  /** The order of its list there is not known. */
  mixed?: Side | undefined
}
export type Model = {
  things: Map<string, Thing>
  /** Ids that were ever taken, and by which mark. */
  used: Record<Side, Map<string, string>>
}

export const newModel = (): Model => ({ things: new Map(), used: { a: new Map(), b: new Map() } })

/** Where documents of a kind name others: by a member, of which kind, and whether they cannot be without. */
export const REFERENCES: Record<Kind, readonly { member: string; kind: Kind; required: boolean }[]> = {
  node: [
    { member: 'main', kind: 'node', required: false },
    { member: 'leaf', kind: 'leaf', required: false },
    { member: 'peers', kind: 'node', required: false },
  ],
  leaf: [{ member: 'node', kind: 'node', required: true }],
}

export function thingAt(
  { things }: Model,
  side: Side,
  kind: Kind | undefined,
  id: string,
): Thing | undefined {
  for (const thing of things.values())
    if (thing.on[side]?.id === id && (kind === undefined || thing.kind === kind)) return thing
  return undefined
}

type Named = { kind: Kind | undefined; id: string; required: boolean }

/** All that a document names, at declared places and in its text. */
export function namedIn(kind: Kind, doc: Doc): Named[] {
  const declared = REFERENCES[kind].flatMap(({ member, kind, required }) => {
    const value = doc[member]
    const ids = Array.isArray(value) ? value : value === undefined ? [] : [value]
    return ids.map((id): Named => ({ kind, id: id as string, required }))
  })
  const words = String(doc.note ?? '').match(WORDS) ?? []
  return [...declared, ...words.map((id): Named => ({ kind: undefined, id, required: false }))]
}

const WORDS = /[\w‹›|-]+/g

/** The document with what it names renamed. */
export function renamed(kind: Kind, doc: Doc, to: (kind: Kind | undefined, id: string) => string): Doc {
  const copy = structuredClone(doc)
  for (const { member, kind: of } of REFERENCES[kind]) {
    const value = copy[member]
    if (Array.isArray(value)) copy[member] = value.map((id) => to(of, id))
    else if (value !== undefined) copy[member] = to(of, value as string)
  }
  if (copy.note !== undefined) copy.note = String(copy.note).replace(WORDS, (id) => to(undefined, id))
  return copy
}

export const isSame = (one: unknown, other: unknown): boolean => text(one) === text(other)

/** Members in one order. */
export const text = (value: unknown): string =>
  JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  ) ?? 'nothing'

/** The target with what the source changed since the base; without a base, the source. */
export function mergedDoc(base: Doc | undefined, target: Doc, source: Doc, choice: Choice) {
  const conflicts: string[] = []
  let isMixed = false
  const settle = (target: unknown, source: unknown, at: string): unknown => {
    conflicts.push(at)
    return choice === 'source' ? source : target
  }
  const merge = (base: unknown, target: unknown, source: unknown, at: string): unknown => {
    if (isSame(target, source) || isSame(base, source)) return target
    if (isSame(base, target)) return source
    if (isObject(base) && isObject(target) && isObject(source)) {
      const names = new Set([...Object.keys(target), ...Object.keys(source)])
      const merged = [...names].map((name) => [
        name,
        merge(base[name], target[name], source[name], `${at}/${name}`),
      ])
      return Object.fromEntries(merged.filter(([, value]) => value !== undefined))
    }
    if (Array.isArray(base) && Array.isArray(target) && Array.isArray(source)) {
      // elements are what they name, and are only ever added at the end or taken away
      const kept = target.filter((each) => source.includes(each) || !base.includes(each))
      const added = source.filter((each) => !target.includes(each) && !base.includes(each))
      isMixed = true
      const common = (list: unknown[], other: unknown[]) => list.filter((each) => other.includes(each))
      if (isSame(common(target, source), common(source, target))) return [...kept, ...added]
      const order = settle(target, source, at) as unknown[]
      return [...kept, ...added].sort((one, other) => order.indexOf(one) - order.indexOf(other))
    }
    return settle(target, source, at)
  }
  const doc = base === undefined ? source : (merge(base, target, source, '') as Doc)
  return { doc, conflicts, isMixed }
}

const isObject = (value: unknown): value is Doc =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export type Sync = {
  from: Side
  to: Side
  /** Ids at the source. */
  resources: readonly { type: Kind; id: string }[]
  dependencies: boolean
  choice: Choice
  /** By kind: whether ids of creates are chosen. */
  choosesIds: boolean
}

export type Expected = {
  kind: Kind
  /** Its id at the source. */
  id: string
  thing: Thing | undefined
  action: 'create' | 'patch' | 'none' | 'refused'
  refusal?: string
  /** As the target will have it; ids of what is created there without a choice are `new-mark`. */
  doc?: Doc
  /** The id that it will have there, or `new-mark`. */
  targetId?: string
  isRenewed: boolean
  /** Both sides added to a list, in no order that anybody promises. */
  isMixed?: boolean
}

/** What a sync is to do to each of its rows; changes nothing. */
export function expectedOf(model: Model, sync: Sync): Expected[] {
  const { from, to, choice, choosesIds } = sync
  const items = closure(model, sync)
  const gone = sync.resources.filter(({ type, id }) => !thingAt(model, from, type, id))
  const rows = new Map<Thing, Expected>()
  const taken = new Set(
    [...model.things.values()].flatMap(({ kind, pair }) => (pair ? [`${kind} ${pair[to]}`] : [])),
  )
  const idText = (thing: Thing) => `${thing.kind}/${thing.on[from]?.id}`
  for (const thing of items.sort((a, b) => (idText(a) < idText(b) ? -1 : 1))) {
    const { kind, mark, pair } = thing
    const id = (thing.on[from] as { id: string }).id
    const there = thing.on[to]
    const isPaired = there !== undefined && pair?.[from] === id && pair[to] === there.id
    const row = { kind, id, thing, isRenewed: !isPaired }
    if (there) rows.set(thing, { ...row, action: 'none', targetId: there.id })
    else rows.set(thing, { ...row, action: 'create', targetId: `new-${mark}` })
  }
  // what is new takes its id after all that is matched
  for (const [{ kind, pair }, row] of rows) {
    if (row.action !== 'create' || !choosesIds) continue
    const former = pair?.[from] === row.id ? pair[to] : undefined
    const isFree = (id: string) => thingAt(model, to, kind, id) === undefined
    if (former !== undefined && isFree(former)) row.targetId = former
    else if (isFree(row.id) && !taken.has(`${kind} ${row.id}`)) row.targetId = row.id
    taken.add(`${kind} ${row.targetId}`)
  }
  const meaning = (thing: Thing): string | undefined => {
    const [row, there] = [rows.get(thing), thing.on[to]]
    if (row && (there || row.action !== 'refused')) return row.targetId
    return there && thing.pair?.[to] === there.id ? there.id : undefined
  }
  // what its source has by another id now is not known by the former one any more
  const isVoid = (thing: Thing) => {
    const row = rows.get(thing)
    return row !== undefined && thing.pair !== undefined && thing.pair[from] !== row.id
  }
  const known = (kind: Kind | undefined, id: string): string | undefined => {
    const named = nameOf(model, from, kind, id)
    return named && (named.on[from]?.id === id || !isVoid(named)) ? meaning(named) : undefined
  }
  const unmarked = (id: string): string => {
    const [, mark = '', side = 'a', raw] = /^‹(.*)\|(.*)\|(.*)›$/.exec(id) ?? []
    if (raw === undefined) return id
    const thing = model.things.get(mark)
    if (thing?.pair?.[side as Side] !== raw || isVoid(thing)) return raw
    return meaning(thing) ?? thing.pair[from]
  }
  const isThere = ({ kind, id }: Named) =>
    thingAt(model, to, kind, id) !== undefined || known(kind, id) !== undefined
  for (let again = true; again; ) {
    again = false
    for (const [{ kind, on }, row] of rows) {
      if (row.action !== 'create') continue
      if (namedIn(kind, (on[from] as { doc: Doc }).doc).every((each) => !each.required || isThere(each)))
        continue
      Object.assign(row, { action: 'refused', refusal: 'required-missing' })
      again = true
    }
  }
  for (const [thing, row] of rows) {
    if (row.action === 'refused') continue
    const { kind, on, pair } = thing
    const source = (on[from] as { doc: Doc }).doc
    row.doc = renamed(kind, source, (of, id) => known(of, id) ?? id)
    const there = on[to]
    if (!there) continue
    // what was made anew with another id is still what the target's documents call by the former one
    const theirs = renamed(kind, there.doc, (of, id) => {
      const named = thingAt(model, to, of, id) ? undefined : nameOf(model, to, of, id)
      return (named && rows.has(named) ? meaning(named) : undefined) ?? id
    })
    const former = row.isRenewed ? undefined : pair?.base
    const base = former && renamed(kind, former, (_, id) => unmarked(id))
    const { doc, conflicts, isMixed } = mergedDoc(base, theirs, row.doc, choice)
    if (conflicts.length > 0 && choice === 'fail')
      Object.assign(row, { action: 'refused', refusal: 'conflict' })
    else if (!isSame(doc, there.doc)) row.action = 'patch'
    Object.assign(row, { doc, isMixed })
    const required = namedIn(kind, source).filter((each) => each.required)
    if (row.action === 'patch' && !required.every(isThere))
      Object.assign(row, { action: 'refused', refusal: 'required-missing' })
  }
  const missing = gone.map(({ type: kind, id }): Expected => {
    const thing = nameOf(model, from, kind, id)
    return { kind, id, thing, action: 'refused', refusal: 'source-missing', isRenewed: false }
  })
  return [...rows.values(), ...missing]
}

/** What an id names on a side: what lives there, else what it was paired as. */
export function nameOf(model: Model, side: Side, kind: Kind | undefined, id: string): Thing | undefined {
  const living = thingAt(model, side, kind, id)
  if (living) return living
  for (const thing of model.things.values())
    if (thing.pair?.[side] === id && (kind === undefined || thing.kind === kind)) return thing
  return undefined
}

function closure(model: Model, { from, resources, dependencies }: Sync): Thing[] {
  const found = new Set<Thing>()
  const open = resources.flatMap(({ type, id }) => thingAt(model, from, type, id) ?? [])
  for (let thing = open.pop(); thing; thing = open.pop()) {
    if (found.has(thing)) continue
    found.add(thing)
    if (!dependencies) continue
    for (const { kind, id } of namedIn(thing.kind, (thing.on[from] as { doc: Doc }).doc)) {
      const named = thingAt(model, from, kind, id)
      if (named) open.push(named)
    }
  }
  return [...found]
}

/** Takes note of what a sync did: `ids` are those that were made, by mark. Rows that were not done are left out. */
export function applied(
  model: Model,
  sync: Sync,
  done: readonly Expected[],
  ids: ReadonlyMap<string, string>,
): void {
  const { from, to } = sync
  const real = (id: string) => (id.startsWith('new-') ? (ids.get(id.slice(4)) ?? id) : id)
  for (const { thing, action, doc, targetId, kind, isMixed } of done) {
    if (!thing || action === 'refused' || doc === undefined || targetId === undefined) continue
    const id = real(targetId)
    model.used[to].set(id, thing.mark)
    if (isMixed) thing.mixed = to
    thing.on[to] = { id, doc: renamed(kind, doc, (_, each) => real(each)) }
  }
  for (const { thing, action, targetId, id } of done) {
    if (!thing || action === 'refused' || targetId === undefined) continue
    const ends = { [from]: id, [to]: real(targetId) } as Record<Side, string>
    thing.pair = { ...ends, base: (thing.on[from] as { doc: Doc }).doc }
  }
  // marked only once all pairs are known
  for (const { thing, action, targetId, kind } of done) {
    if (!thing?.pair || action === 'refused' || targetId === undefined) continue
    thing.pair.base = renamed(kind, thing.pair.base as Doc, (of, id) => {
      const named = nameOf(model, from, of, id)
      return named?.pair && named.pair[to] === named.on[to]?.id ? `‹${named.mark}|${from}|${id}›` : id
    })
  }
}
