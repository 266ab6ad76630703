import type { Document, NodeKey } from '../../config-hub/index/entry.ts'
import { same } from '../../config-store/rules.ts'
import { canonical, sha256 } from '../../operation/plan.ts'
import { VERSION } from '../../version.ts'
import type { Draft, Planning } from './draft.ts'
import { byKey, keyText, remembered, type SourceItem, type SyncInput } from './input.ts'
import { type BaseNames, type Naming, namedBase, renamedAtTarget } from './naming.ts'

/*
 * When it is known without their documents that the promotion of a pair changes nothing.
 *
 * A comparison that finds the source, in the target's names, to be the base of the last sync writes nothing, whatever
 * the target is like by now and whichever side would count in a conflict: what only the target changed stays. So nothing
 * of the target's document and no choice for conflicts has to be known, only that source and base are still the same.
 * Both follow from what `settlements.as` hashes, which is kept with the base.
 */

export type Settlements = {
  /** What the comparison of a draft's source with its base follows from; undefined: from more than is kept. */
  as(draft: Draft): string | undefined
  /** Whether it is known to be settled. */
  has(draft: Draft): boolean
}

export function settlementsOf(input: SyncInput, naming: Naming): Settlements {
  const { sourceTypes, openSecrets, hash } = input
  const definitions = new Map([...sourceTypes].map(([name, type]) => [name, sha256(canonical(type))]))
  // a base holds keyed hashes of secrets; a new release may compare otherwise
  const common = [VERSION, hash('settled')]
  // ids that the target makes within documents, and ids that are made anew there, may be named in any text
  const isPlain = naming.derived.size === 0 && renamedAtTarget(input, naming).size === 0
  const meaningOf = remembered((key) => naming.meaningOf(key)?.at)
  const as = ({ type, item, place }: Draft): string | undefined => {
    // only the store numbers its versions, secrets included, and what is overridden is of no version; a place that makes
    // ids names things differently from one sync to the next
    if (item?.version === undefined || !openSecrets.has(type) || !place?.choosesIds || !isPlain)
      return undefined
    const own = [item.id, naming.meaningOf(item)?.at]
    const names = namesOf(item, meaningOf)
    return sha256(JSON.stringify([common, type, definitions.get(type), item.version, own, names]))
  }
  return {
    as,
    has(draft) {
      const { refusal, pairing } = draft
      // what the target has deleted is created again, whatever was settled; what was matched anew has no pair yet
      if (refusal || !pairing?.target) return false
      const kept = pairing.pair?.settledAs
      return kept !== undefined && kept === as(draft)
    },
  }
}

/** What the names in a document that are renamed are at the target: what was paired with something else has another. */
function namesOf(item: SourceItem, meaningOf: (key: NodeKey) => string | undefined): unknown[] {
  const names: unknown[] = []
  for (const { name, toType, kind, to } of item.references) {
    const keys = to.filter(({ id }) => id === name).sort(byKey)
    if (keys.length > 0) names.push(kind, toType, name, ...keys.map((key) => [key.type, meaningOf(key)]))
  }
  return names
}

/**
 * Whether the next comparison will find `base` to be what the source is, by the names that `as` hashes and no others. A
 * document may hold a symbol of its own, and what was synced the other way is called by its id at the target.
 */
export function willSettle(
  base: Document,
  source: Document,
  item: SourceItem,
  names: Pick<BaseNames, 'source'>,
): boolean {
  const hashed = new Set([keyText(item)])
  for (const { name, to } of item.references)
    for (const key of to) if (key.id === name) hashed.add(keyText(key))
  const found = namedBase(
    base,
    { baseMirrored: false },
    {
      source: (type, id) => (hashed.has(`${type}/${id}`) ? names.source(type, id) : undefined),
      target: () => undefined,
    },
  )
  return found.isCurrent && same(found.document, source)
}

/** The documents that an outline still needs: of what is neither settled nor refused. */
export function unreadOf({ planning, settled }: { planning: Planning; settled: ReadonlySet<Draft> }) {
  const open = planning.drafts.filter((draft) => !draft.refusal && !settled.has(draft))
  return {
    sources: open.flatMap(({ item }) => (item?.unread ? [item] : [])),
    targets: open.flatMap(({ pairing }) => (pairing?.target?.unread ? [pairing.target] : [])),
  }
}

/** The settled drafts of a plan. */
export const settledOf = ({ input, drafts }: Planning, naming: Naming): ReadonlySet<Draft> => {
  const settlements = settlementsOf(input, naming)
  return new Set(input.thorough ? [] : drafts.filter(settlements.has))
}
