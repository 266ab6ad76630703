import { type Change, diff } from '../../config-hub/compare/diff.ts'
import type { State } from '../../config-hub/compare/three-way.ts'
import type { Document } from '../../config-hub/index/entry.ts'
import { at, without } from '../../config-hub/references/path.ts'
import type { ConfigType } from '../../config-hub/types/definition.ts'
import { same } from '../../config-store/rules.ts'
import { canonical } from '../../operation/plan.ts'
import { isMarker, marked, markersIn, placed, placesTaken, restored, stableOf } from './content.ts'
import type { Choice, SourceItem, TargetItem } from './input.ts'
import { type Conflict, merge } from './merge.ts'
import type { PlanRow, RowChange } from './plan.ts'

/** One configuration with its ids as the target has them, and what there is of it already. */
export type Wanted = {
  /** As the sides define the type. */
  types: { source: ConfigType; target: ConfigType }
  item: SourceItem
  /** The source's document, renamed: its ids as the target's, and as both sides share them. */
  named: Document
  shared(): Document
  target: TargetItem | undefined
  /** The target's document with what the target makes anew by its new id. */
  renewed(document: Document): Document
  /** Null when the target makes it. */
  targetId: string | null
  /** Of the last sync, with the target's names; undefined: there was none. */
  base: Document | undefined
  /** Whether all that the base names still has a counterpart: else it is to be remembered anew. */
  isCurrent: boolean
  /** Whether the source shows its secrets. */
  openSecrets: boolean
  choiceAt(pointer: string): Choice
  hash(text: string): string
}

/** What a plan's row says of the content. */
export type Outcome = Pick<PlanRow, 'changes' | 'desired' | 'secrets'> & {
  action: 'create' | 'patch' | 'none'
  /** Places that nobody chose a side for. */
  conflicts: readonly Conflict[]
  /** The source is as it was when both were last synced: there is nothing new to remember. */
  settled: boolean
  /** The source as it is compared, in the target's names. */
  source: Document
}

const hashesOf = ({ item, hash, openSecrets }: Wanted): Record<string, string> =>
  openSecrets
    ? Object.fromEntries(
        Object.entries(item.secrets).map(([pointer, value]) => [pointer, hash(canonical(value))]),
      )
    : {}

/** The source as it is compared, in the target's names; of secrets what stands for them. */
const sourceOf = (wanted: Wanted, document: Document): Document =>
  visible(wanted, wanted.types.source, stableOf(wanted.types.source, marked(document, hashesOf(wanted))))

const visible = ({ openSecrets }: Wanted, type: ConfigType, document: Document): Document =>
  openSecrets ? document : without(document, type.secret_paths)

/** What both are after this, as the next comparison begins: the source, since what the target keeps is its own change. */
export const nextBase = (wanted: Wanted): Document => sourceOf(wanted, wanted.shared())

export const outcomeOf = (wanted: Wanted): Outcome =>
  wanted.target ? changed(wanted, wanted.target) : created(wanted)

function created(wanted: Wanted): Outcome {
  const { types, item, named, targetId } = wanted
  const source = sourceOf(wanted, named)
  const { desired, secrets } = contentOf(wanted, source)
  const id = idOf(types.source, named, item.id, targetId)
  return {
    action: 'create',
    desired: id === undefined ? desired : withMember(desired, named, types.source.id_path, id),
    secrets,
    changes: Object.keys(secrets).map((pointer) => ({
      ...{ pointer, change: 'added' as const, state: 'differs' as const, secret: true as const },
    })),
    conflicts: [],
    settled: false,
    source,
  }
}

/** What the id member is to hold; undefined: there is none, or the target sets it. */
function idOf(type: ConfigType, document: Document, id: string, targetId: string | null): unknown {
  const value = type.id_path === '' ? undefined : at(document, type.id_path)
  if (value === undefined || targetId === null) return undefined
  return String(value) === id && targetId === id ? value : targetId
}

/** Puts the id back to where it was among the members of the document. */
function withMember(desired: Document, like: Document, pointer: string, value: unknown): Document {
  const whole = placed(desired, new Map([[pointer, value]]))
  const names = Object.keys(like).filter((name) => Object.hasOwn(whole, name))
  return Object.fromEntries(
    [...new Set([...names, ...Object.keys(whole)])].map((name) => [name, whole[name]]),
  )
}

/** The document without what stands for secrets, and the secrets themselves as far as the source has them. */
function contentOf({ item, hash }: Wanted, document: Document): { desired: Document; secrets: Document } {
  const markers = markersIn(document)
  if (markers.size === 0) return { desired: document, secrets: {} }
  const values = new Map(Object.values(item.secrets).map((value) => [hash(canonical(value)), value]))
  const secrets: Document = {}
  const taken: string[] = []
  for (const [pointer, of] of markers) {
    if (values.has(of)) secrets[pointer] = values.get(of)
    taken.push(pointer)
  }
  return { desired: placesTaken(document, taken), secrets }
}

const NOTHING = { action: 'none' as const, desired: null, secrets: {}, changes: [], conflicts: [] }

function changed(wanted: Wanted, target: TargetItem): Outcome {
  const { types, named, base, choiceAt } = wanted
  const known = base && visible(wanted, types.source, base)
  // a place that does not show its secrets has those that it was given last
  const hashes = target.secretHashes ?? Object.fromEntries(known ? markersIn(known) : [])
  const live = wanted.openSecrets ? marked(target.document, hashes) : target.document
  const ours = visible(wanted, types.target, stableOf(types.target, live))
  const source = sourceOf(wanted, named)
  const settled = known !== undefined && wanted.isCurrent && same(known, source)
  const merged = merge(known, wanted.renewed(ours), source, choiceAt)
  const open = merged.conflicts.filter(({ choice }) => choice === 'fail')
  if (open.length > 0) return { ...NOTHING, changes: open.map(conflicting), conflicts: open, settled, source }
  const differences = diff(ours, merged.document)
  if (differences.length === 0) return { ...NOTHING, settled, source }
  const stateOf = (pointer: string): State =>
    known === undefined
      ? 'differs'
      : merged.conflicts.some((each) => isWithin(pointer, each.pointer))
        ? 'conflict'
        : 'source_changed'
  const { desired, secrets } = contentOf(wanted, merged.document)
  const gone = goneSecrets(ours, merged.document)
  const cleared = gone.length > 0 ? placed(desired, new Map(gone.map((pointer) => [pointer, null]))) : desired
  return {
    action: 'patch',
    desired: restored(types.target, cleared, target.document),
    secrets,
    changes: differences.map((each) => changeOf(each, stateOf(each.pointer))),
    conflicts: [],
    settled,
    source,
  }
}

/** Secrets that the target has and is to lose: what is only left out, it keeps. */
function goneSecrets(before: Document, after: Document): string[] {
  const left = markersIn(after)
  return [...markersIn(before).keys()].filter(
    (pointer) => !left.has(pointer) && at(after, pointer) === undefined,
  )
}

const isWithin = (pointer: string, above: string): boolean =>
  pointer === above || pointer.startsWith(`${above}/`)

export function changeOf({ pointer, change, current, source, to }: Change, state: State): RowChange {
  const place = { pointer, change, state }
  if (isMarker(current) || isMarker(source)) return { ...place, secret: true }
  if (change === 'moved') return { ...place, after: to }
  return {
    ...place,
    ...(current === undefined ? {} : { before: shown(current) }),
    ...(source === undefined ? {} : { after: shown(source) }),
  }
}

const conflicting = ({ pointer, target, source }: Conflict): RowChange => {
  const change = target === undefined ? 'added' : source === undefined ? 'removed' : 'changed'
  return changeOf({ pointer, change, current: target, source }, 'conflict')
}

/** A secret anywhere in a value; a whole object that is added may hold some. */
const shown = (value: unknown): unknown =>
  markersIn(value).size === 0
    ? value
    : JSON.parse(JSON.stringify(value, (_, each: unknown) => (isMarker(each) ? 'secret' : each)))
