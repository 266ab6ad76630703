import type { Document, NodeKey } from '../../config-hub/index/entry.ts'
import type { ConfigType } from '../../config-hub/types/definition.ts'
import { type Draft, missing, missingOf, type Planning, type Refusing, willBe } from './draft.ts'
import {
  type Choice,
  type Conflicts,
  keyText,
  type Place,
  remembered,
  type SourceItem,
  type SyncInput,
} from './input.ts'
import {
  type BaseNames,
  baseNames,
  type Derived,
  type Naming,
  namedBase,
  renamed,
  renamingOf,
  renewed,
} from './naming.ts'
import type { Pairing } from './pairing.ts'
import type { PlanRow } from './plan.ts'
import { nextBase, outcomeOf, type Wanted } from './row.ts'
import { type Settlements, settlementsOf, willSettle } from './settled.ts'

/** A plan as far as it can be made without documents. */
export type Outline = {
  planning: Planning
  naming: Naming
  /** Those that are known to change nothing. */
  settled: ReadonlySet<Draft>
}

/** What names of former syncs and of the target mean now. */
type Bases = BaseNames & {
  renewed: ReturnType<typeof renewed>
  derived: ReadonlyMap<string, readonly Derived[]>
  settlements: Settlements
  /** The row of a configuration. */
  rowAt(key: NodeKey): number | undefined
}

/** The rows of a plan, in the order of its drafts. */
export function rowsOf({ planning, naming, settled }: Outline): PlanRow[] {
  const bases = {
    ...baseNames(naming, planning.input.pairs),
    renewed: renewed(planning.input, naming),
    derived: Map.groupBy(naming.derived.values(), ({ row }) => row),
    settlements: settlementsOf(planning.input, naming),
    rowAt: remembered((key) => planning.index.get(keyText(key))),
  }
  const choices = choicesBy(planning.input.conflicts)
  return planning.drafts.map((draft) => rowOf(planning, draft, settled.has(draft), naming, bases, choices))
}

function rowOf(
  planning: Planning,
  draft: Draft,
  isKnown: boolean,
  naming: Naming,
  bases: Bases,
  choices: Choices,
): PlanRow {
  const { input } = planning
  const { type, id, item, pairing, place } = draft
  const empty: PlanRow = {
    ...{
      type,
      sourceId: id,
      title: item?.title ?? id,
      action: 'refused',
      targetId: pairing?.targetId ?? null,
    },
    ...{ matchedBy: pairing?.matchedBy ?? null, revision: pairing?.target?.revision ?? null },
    ...{
      references: [],
      changes: [],
      desired: null,
      secrets: {},
      base: null,
      mayDuplicate: false,
      warnings: [],
    },
  }
  if (draft.refusal) return { ...empty, refusal: draft.refusal }
  if (!item || !pairing || !place) throw new Error(`${type} ${id} is neither planned nor refused`)
  if (isKnown) return { ...empty, action: 'none', references: referencesOf(planning, draft, item, bases) }
  if (item.unread || pairing.target?.unread) throw new Error(`${type} ${id} was not read`)
  const wanted = wantedOf(input, draft, { item, pairing, place }, naming, bases, choices)
  const { conflicts, settled, source, ...outcome } = outcomeOf(wanted)
  if (conflicts.length > 0) {
    const among = conflicts.map(({ pointer }) => pointer || '/')
    const message = `Both sides changed ${among.join(', ')} since the last sync: choose source or target.`
    return { ...empty, changes: outcome.changes, refusal: { code: 'conflict', message, among } }
  }
  const refusal = outcome.action === 'patch' ? patchRefusal(planning, draft, item, place, naming) : undefined
  if (refusal) return { ...empty, refusal }
  const isSettled = outcome.action === 'none' && pairing.matchedBy === 'lineage' && settled
  const made = outcome.action === 'create' && pairing.targetId === null
  return {
    ...empty,
    ...outcome,
    references: referencesOf(planning, draft, item, bases),
    ...kept(bases, draft, { item, source, isSettled, base: () => nextBase(wanted) }),
    mayDuplicate: made && item.naturalKey === null && !place.keyed,
    ...derives(bases, draft, made),
    warnings: outcome.action === 'none' ? [] : warningsOf(planning, item, pairing, naming, wanted),
  }
}

function wantedOf(
  input: SyncInput,
  { type }: Draft,
  { item, pairing, place }: { item: SourceItem; pairing: Pairing; place: Place },
  naming: Naming,
  bases: Bases,
  choices: Choices,
): Wanted {
  const of = (types: SyncInput['sourceTypes']): ConfigType => {
    const found = types.get(type) as ConfigType
    return place.choosesIds ? { ...found, derived_paths: undefined } : found
  }
  const types = { source: of(input.sourceTypes), target: of(input.targetTypes) }
  const { pair, target, targetId } = pairing
  const named = renamed(types.source, item, naming)
  const former = target && pair?.base ? namedBase(pair.base, pair, bases) : undefined
  return {
    ...{ types, item, target, targetId, hash: input.hash },
    ...{ named: named.at(), shared: named.shared },
    renewed: (document) => bases.renewed(types.target, document),
    base: former?.document,
    isCurrent: former?.isCurrent ?? false,
    openSecrets: input.openSecrets.has(type),
    choiceAt: (pointer) => choiceFor(choices, item, pointer),
  }
}

function patchRefusal(
  planning: Planning,
  { type }: Draft,
  item: SourceItem,
  place: Place,
  naming: Naming,
): Refusing | undefined {
  if (!place.patches)
    return { code: 'not-writable', message: `Nothing of the type ${type} can be changed at the target.` }
  const found = missingOf(planning, item, naming)
  return found.length > 0 ? missing(found) : undefined
}

/** Rows that a row refers to, each once. */
function referencesOf(
  { drafts }: Planning,
  draft: Draft,
  item: SourceItem,
  { rowAt }: Bases,
): PlanRow['references'] {
  const found = new Map<number, boolean>()
  for (const { to, required } of item.references)
    for (const key of to) {
      const row = rowAt(key)
      if (row === undefined || drafts[row] === draft) continue
      found.set(row, found.get(row) === true || (required && to.length === 1))
    }
  return [...found].sort(([a], [b]) => a - b).map(([to, required]) => ({ to, required }))
}

/**
 * What the pair will remember, and what it is settled as with that. What is settled is not recorded again, unless only
 * its documents have said so: then the next promotion knows it without.
 */
function kept(
  { settlements, ...names }: Bases,
  draft: Draft,
  {
    item,
    source,
    isSettled,
    base,
  }: { item: SourceItem; source: Document; isSettled: boolean; base(): Document },
): Pick<PlanRow, 'base' | 'settledAs'> {
  const settledAs = settlements.as(draft)
  const pair = draft.pairing?.pair
  // the base of the other direction is recorded there
  const isOwn = pair !== undefined && !pair.mirrored && !pair.baseMirrored
  if (isSettled && (settledAs === undefined || !isOwn || pair.settledAs === settledAs)) return { base: null }
  const next = base()
  if (settledAs !== undefined && willSettle(next, source, item, names)) return { base: next, settledAs }
  return { base: isSettled ? null : next }
}

function derives({ derived }: Bases, draft: Draft, made: boolean): Pick<PlanRow, 'derives'> {
  const own = (made && derived.get(keyText(draft))) || []
  return own.length > 0 ? { derives: own.map(({ at: symbol, pointer }) => ({ symbol, pointer })) } : {}
}

function warningsOf(
  planning: Planning,
  item: SourceItem,
  pairing: Pairing,
  naming: Naming,
  { types, openSecrets }: Wanted,
): string[] {
  const warnings: string[] = []
  const { unclear } = renamingOf(item, naming, 'at')
  for (const reference of item.references) {
    const named = `${reference.toType ? `${reference.toType} ` : ''}${reference.name}`
    if (unclear.includes(reference))
      warnings.push(`Several configurations answer to ${named}, which stays as it is.`)
    else if (!willBe(planning, reference, naming))
      warnings.push(
        reference.to.length === 0
          ? `It refers to ${named}, which the source does not have either.`
          : `It refers to ${named}, which has no counterpart at the target.`,
      )
  }
  if (!openSecrets && types.source.secret_paths.length > 0)
    warnings.push('The source does not show its secrets: set them at the target.')
  if (pairing.wasDeleted) warnings.push('The target had its counterpart and deleted it; it is created again.')
  return [...new Set(warnings)].sort()
}

type Choices = {
  default: Choice
  places: ReadonlyMap<string, readonly { pointer: string; choice: Choice }[]>
}

/** The deepest place first. */
function choicesBy(conflicts: Conflicts): Choices {
  const places = [...conflicts.places].sort((a, b) => b.pointer.length - a.pointer.length)
  return { default: conflicts.default, places: Map.groupBy(places, keyText) }
}

const choiceFor = (choices: Choices, item: SourceItem, pointer: string): Choice =>
  choices.places
    .get(keyText(item))
    ?.find((each) => pointer === each.pointer || pointer.startsWith(`${each.pointer}/`))?.choice ??
  choices.default
