import { createHash } from 'node:crypto'

export type Metadata = Record<string, string>

export type Recurring = {
  interval: 'day' | 'week' | 'month' | 'year'
  interval_count: number
  trial_period_days: number | null
  usage_type: 'licensed' | 'metered'
}

/** As Stripe shows a price. Instants are seconds since 1970, amounts are in the smallest unit of the currency. */
export type Price = {
  id: string
  object: 'price'
  active: boolean
  billing_scheme: 'per_unit'
  created: number
  currency: string
  custom_unit_amount: null
  livemode: boolean
  lookup_key: string | null
  metadata: Metadata
  nickname: string | null
  product: string
  recurring: Recurring | null
  tax_behavior: 'exclusive' | 'inclusive' | 'unspecified'
  tiers_mode: null
  transform_quantity: null
  type: 'one_time' | 'recurring'
  unit_amount: number | null
  unit_amount_decimal: string | null
}

export type Product = {
  id: string
  object: 'product'
  active: boolean
  created: number
  default_price: string | null
  description: string | null
  images: string[]
  livemode: boolean
  marketing_features: never[]
  metadata: Metadata
  name: string
  package_dimensions: null
  shippable: null
  statement_descriptor: null
  tax_code: null
  unit_label: null
  updated: number
  url: null
}

export type Event = {
  id: string
  object: 'event'
  api_version: string
  created: number
  data: { object: Price | Product; previous_attributes?: Record<string, unknown> }
  livemode: boolean
  pending_webhooks: number
  request: { id: string | null; idempotency_key: string | null }
  type: string
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** `price_` and 24 letters and digits that follow from the text. */
export function idOf(prefix: string, text: string): string {
  const digest = createHash('sha256').update(`${prefix}:${text}`).digest()
  let id = ''
  for (let at = 0; at < 24; at++) id += LETTERS[(digest[at] as number) % LETTERS.length]
  return `${prefix}_${id}`
}

export function makePrice(given: Partial<Price> & Pick<Price, 'id' | 'product' | 'created'>): Price {
  const amount = given.unit_amount === undefined ? 1000 : given.unit_amount
  return {
    object: 'price',
    active: true,
    billing_scheme: 'per_unit',
    currency: 'usd',
    custom_unit_amount: null,
    livemode: false,
    lookup_key: null,
    metadata: {},
    nickname: null,
    recurring: null,
    tax_behavior: 'unspecified',
    tiers_mode: null,
    transform_quantity: null,
    type: given.recurring ? 'recurring' : 'one_time',
    unit_amount: amount,
    unit_amount_decimal: amount === null ? null : String(amount),
    ...given,
  }
}

export const makeProduct = (given: Partial<Product> & Pick<Product, 'id' | 'name' | 'created'>): Product => ({
  object: 'product',
  active: true,
  default_price: null,
  description: null,
  images: [],
  livemode: false,
  marketing_features: [],
  metadata: {},
  package_dimensions: null,
  shippable: null,
  statement_descriptor: null,
  tax_code: null,
  unit_label: null,
  updated: given.created,
  url: null,
  ...given,
})

export const monthly: Recurring = {
  interval: 'month',
  interval_count: 1,
  trial_period_days: null,
  usage_type: 'licensed',
}
