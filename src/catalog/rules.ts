export const SOURCE_KINDS = ['lesson-offering', 'shop-product', 'membership-tier'] as const
export type SourceKind = (typeof SOURCE_KINDS)[number]

export const STATUSES = ['draft', 'active', 'retired'] as const
export type Status = (typeof STATUSES)[number]

/** Where a tier may go from each status; what was on sale is no draft any more. */
export const NEXT_STATUSES: Record<Status, readonly Status[]> = {
  draft: ['active', 'retired'],
  active: ['retired'],
  retired: ['active'],
}

export const INTERVALS = ['month', 'year'] as const
export type Interval = (typeof INTERVALS)[number]

/** What is said of an item beside its price; which of it an item has depends on its kind. */
export type Details = {
  description?: string | undefined
  /** Of lessons. Sessions booked and not yet held, when the organisation says how many. */
  durationMinutes?: number | undefined
  bookedSessions?: number | undefined
  /** Of store items. */
  format?: 'digital' | 'physical' | undefined
  /** Of tiers. People who are in it, when the organisation says how many. */
  benefits?: string[] | undefined
  members?: number | undefined
}

/** What names an item within its organisation. */
export type ItemRef = { sourceKind: SourceKind; key: string }

export type CatalogItem = ItemRef & {
  title: string
  status: Status
  /** Whether the status is `active`. */
  active: boolean
  /** Whether guests see it while it is active. */
  visible: boolean
  /** In the smallest unit of the currency, as Stripe counts it (see money.ts). */
  amountCents: number
  /** ISO 4217, lower case. */
  currency: string
  /** How often a tier is paid; null for everything else. */
  interval: Interval | null
  /** As Stripe names it. It leaves only through redactPriceId or pseudonym. */
  stripePriceId: string | null
  details: Details
  version: number
  createdAt: Date
  /** Later than that of every earlier change in the organisation, in milliseconds. */
  updatedAt: Date
}

/** What of an item is written: all that neither names it nor follows from something else. */
export type Written = Omit<CatalogItem, 'active' | 'version' | 'createdAt' | 'updatedAt'>

export const refOf = ({ sourceKind, key }: ItemRef): string => `${sourceKind}:${key}`
