import {
  keyText,
  type Place,
  referenceKey,
  type SourceItem,
  type SourceReference,
  type SyncInput,
} from './input.ts'
import type { Naming } from './naming.ts'
import type { Pairing } from './pairing.ts'
import type { PlanRow } from './plan.ts'

export type Refusing = NonNullable<PlanRow['refusal']>

/** A row while it is being planned. */
export type Draft = {
  type: string
  id: string
  item: SourceItem | undefined
  pairing: Pairing | undefined
  place: Place | undefined
  refusal: Refusing | undefined
}

export type Planning = {
  input: SyncInput
  drafts: Draft[]
  /** By `type/id`. */
  index: ReadonlyMap<string, number>
}

/** Whether it is to be created, as far as is known. */
export const isNew = ({ refusal, pairing }: Draft): boolean =>
  !refusal && pairing !== undefined && !pairing.target

/** Whether what a reference names is at the target, or will be. */
export function willBe(
  { input, drafts, index }: Planning,
  reference: SourceReference,
  known: Naming,
): boolean {
  if (input.answered.has(referenceKey(reference))) return true
  return reference.to.some((key) => {
    const row = index.get(keyText(key))
    const draft = row === undefined ? undefined : drafts[row]
    if (draft) return draft.pairing?.target !== undefined || isNew(draft)
    return known.meaningOf(key) !== undefined
  })
}

export const missingOf = (planning: Planning, item: SourceItem, known: Naming): SourceReference[] =>
  item.references.filter((reference) => reference.required && !willBe(planning, reference, known))

export function missing(references: readonly SourceReference[]): Refusing {
  const among = references.map(({ toType, name }) => `${toType || 'something called'} ${name}`)
  const message = `It needs ${among.join(', ')}, which will not be at the target.`
  return { code: 'required-missing', message, among }
}
