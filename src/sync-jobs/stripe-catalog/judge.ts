import { pseudonym } from '../../catalog/redact.ts'
import type { Sealing } from '../../operation/sealing.ts'
import type { FindingDraft, JsonObject, Subject } from '../engine/definition.ts'
import {
  evidenceHash,
  type ItemEvidence,
  itemEvidence,
  itemSummary,
  type PriceEvidence,
  priceEvidence,
  priceSummary,
  shortenedEvidence,
} from './evidence.ts'
import { type DriftClass, judgeItem, judgePrice, NEEDS_PERSON } from './rules.ts'
import { type Coverage, type ItemSide, PRICE, type PriceSide, type ProductSide } from './sides.ts'

/** Both sides as far as some subjects need them. */
export type World = {
  prices: ReadonlyMap<string, PriceSide>
  products: ReadonlyMap<string, ProductSide>
  /** Items by the price that they are mapped to. */
  itemsOf: ReadonlyMap<string, readonly ItemSide[]>
  /** Products that speak for their prices. */
  ours: ReadonlySet<string>
  coverage: Coverage
}

/** What is to be judged: items, and prices by their ids. */
export type Subjects = { items: readonly ItemSide[]; priceIds: readonly string[] }

type Judged = { judged: Subject[]; findings: FindingDraft[] }

/** All that holds of the subjects. A price is named by its pseudonym: its id is nobody's business outside. */
export function judge(sealing: Pick<Sealing, 'hash'>, world: World, { items, priceIds }: Subjects): Judged {
  const judged: Subject[] = []
  const findings: FindingDraft[] = []
  const productOf = (price: PriceSide | null) => (price && world.products.get(price.productId)) ?? null
  const add = (
    subject: Subject,
    found: readonly DriftClass[],
    evidence: () => ItemEvidence | PriceEvidence,
    summaryOf: (each: DriftClass) => string,
  ) => {
    judged.push(subject)
    if (found.length === 0) return
    const whole = evidence()
    for (const each of found)
      findings.push({
        ...subject,
        class: each,
        summary: summaryOf(each),
        evidence: shortenedEvidence(whole) as JsonObject,
        evidenceHash: evidenceHash(sealing, each, whole),
        needsPerson: NEEDS_PERSON.has(each),
      })
  }
  for (const item of items) {
    const price = (item.stripePriceId !== null && world.prices.get(item.stripePriceId)) || null
    const sides = { item, price, product: productOf(price), coverage: world.coverage }
    add(
      { sourceKind: item.sourceKind, key: item.key },
      judgeItem(sides),
      () => itemEvidence(sealing, sides),
      (each) => itemSummary(each, sides),
    )
  }
  for (const id of priceIds) {
    const price = world.prices.get(id) ?? null
    const product = productOf(price)
    const productIsOurs = price !== null && world.ours.has(price.productId)
    const sides = { price, product, items: world.itemsOf.get(id) ?? [], productIsOurs }
    add(
      { sourceKind: PRICE, key: pseudonym(sealing, id) },
      judgePrice(sides),
      () => priceEvidence(sealing, id, sides),
      (each) => priceSummary(each, id, sides),
    )
  }
  return { judged, findings }
}
