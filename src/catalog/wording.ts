import type { PlanChange } from '../operation/plan.ts'
import { formatPrice } from './money.ts'
import { redactPriceId } from './redact.ts'
import type { CatalogItem, SourceKind, Written } from './rules.ts'

export const KIND_NAMES: Record<SourceKind, string> = {
  'lesson-offering': 'lesson',
  'shop-product': 'store item',
  'membership-tier': 'membership tier',
}

/** What can change of an item that there is. */
export const FIELDS = [
  'title',
  'status',
  'visible',
  'amountCents',
  'currency',
  'interval',
  'stripePriceId',
  'details',
] as const
export type Field = (typeof FIELDS)[number]

/** Those that make its price. */
export const PRICE_FIELDS: readonly Field[] = ['amountCents', 'currency', 'interval']

const same = (left: unknown, right: unknown): boolean => JSON.stringify(left) === JSON.stringify(right)

/** Details with their members in one order, so that equal ones are written alike. */
export const sorted = (details: Written['details']): Written['details'] =>
  Object.fromEntries(
    Object.entries(details)
      .filter(([, value]) => value !== undefined)
      .sort(([left], [right]) => (left < right ? -1 : 1)),
  )

const comparable = (item: Written, field: Field): unknown =>
  field === 'details' ? sorted(item.details) : item[field]

export const changedFields = (before: Written, next: Written): Field[] =>
  FIELDS.filter((field) => !same(comparable(before, field), comparable(next, field)))

/** A field's value as plans and audits may show it. */
function shownValue(item: Written, field: Field): PlanChange['before'] {
  if (field === 'stripePriceId') return item.stripePriceId === null ? null : redactPriceId(item.stripePriceId)
  return comparable(item, field) as PlanChange['before']
}

/** What changes, field by field; the price also as people read it. */
export function changesOf(before: CatalogItem | undefined, next: Written): PlanChange[] {
  const op = before ? ('update' as const) : ('create' as const)
  const fields = before ? changedFields(before, next) : FIELDS
  return fields.map((field) => ({
    op,
    pointer: `/${field}`,
    label: LABELS[field],
    before: before ? shownValue(before, field) : null,
    after: shownValue(next, field),
    ...(PRICE_FIELDS.includes(field)
      ? { shown: { before: before ? formatPrice(before) : '—', after: formatPrice(next) } }
      : {}),
  }))
}

const LABELS: Record<Field, string> = {
  title: 'title',
  status: 'status',
  visible: 'shown to guests',
  amountCents: 'price',
  currency: 'currency',
  interval: 'paid every',
  stripePriceId: 'price at Stripe',
  details: 'details',
}

/** What becomes of an item, as its confirmation says it: `updating Intro guitar lesson to $80.00`. */
export function updateWording(before: CatalogItem, next: Written, fields: readonly Field[]): string {
  const said = [
    ...(fields.some((field) => PRICE_FIELDS.includes(field)) ? [formatPrice(next)] : []),
    ...fields.flatMap((field) => SAID[field]?.(next) ?? []),
  ]
  return `updating ${before.title} to ${said.join(', ') || formatPrice(next)}`
}

const SAID: Partial<Record<Field, (next: Written) => string>> = {
  title: ({ title }) => `the title ${title}`,
  status: ({ status }) => status,
  visible: ({ visible }) => (visible ? 'visible' : 'hidden'),
  stripePriceId: ({ stripePriceId }) =>
    stripePriceId === null ? 'no price at Stripe' : `the Stripe price ${redactPriceId(stripePriceId)}`,
  details: () => 'new details',
}

export const createWording = (item: Written): string =>
  `creating the ${KIND_NAMES[item.sourceKind]} ${item.title} at ${formatPrice(item)}, ${item.status}${
    item.visible ? '' : ' and hidden'
  }`

/** Whom a change concerns who bought before it, as far as the organisation has said. */
export function affected(before: CatalogItem, fields: readonly Field[], next: Written): string[] {
  const matters = [...PRICE_FIELDS, 'stripePriceId', 'status', 'visible'] as Field[]
  if (!fields.some((field) => matters.includes(field))) return []
  const { bookedSessions, members } = before.details
  const leaves = next.status !== 'active' && before.active
  if (before.sourceKind === 'lesson-offering')
    return bookedSessions === undefined
      ? ['How many sessions are booked is not known.']
      : bookedSessions > 0
        ? [
            `${plural(bookedSessions, 'booked session')} ${verb(bookedSessions, 'stays', 'stay')} as agreed; only new bookings see the change.`,
          ]
        : []
  if (before.sourceKind !== 'membership-tier') return []
  if (members === undefined) return ['How many members the tier has is not known.']
  if (members === 0) return []
  const who = plural(members, 'member')
  return [
    leaves
      ? `${who} ${verb(members, 'is', 'are')} in the tier; nobody can join it any more.`
      : `${who} ${verb(members, 'is', 'are')} in the tier; what they pay at Stripe changes only when their subscriptions are moved there.`,
  ]
}

const plural = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`
const verb = (n: number, one: string, many: string): string => (n === 1 ? one : many)
