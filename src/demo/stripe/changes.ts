import { invalid, missing } from './answers.ts'
import { type Form, flagOf, groupOf, only, requiredText, textOf, wholeOf } from './form.ts'
import type { Event, Metadata, Price, Product, Recurring } from './objects.ts'
import type { State } from './state.ts'

const INTERVALS = ['day', 'week', 'month', 'year']
const TAX = ['exclusive', 'inclusive', 'unspecified']

const oneOf = <T extends string>(value: string, allowed: readonly string[], name: string): T => {
  if (!allowed.includes(value)) throw invalid(`Invalid ${name}: must be one of ${allowed.join(', ')}`, name)
  return value as T
}

export function createPrice(state: State, form: Form, request: Event['request']): Price {
  only(form, [
    ...['active', 'currency', 'lookup_key', 'metadata', 'nickname', 'product', 'product_data', 'recurring'],
    ...['tax_behavior', 'transfer_lookup_key', 'unit_amount'],
  ])
  const currency = requiredText(form, 'currency').toLowerCase()
  if (!/^[a-z]{3}$/.test(currency)) throw invalid(`Invalid currency: ${currency}`, 'currency')
  const amount = wholeOf(form, 'unit_amount')
  if (amount === undefined)
    throw invalid(
      'You must specify either `unit_amount` or `unit_amount_decimal`.',
      'unit_amount',
      'parameter_missing',
    )
  const lookupKey = lookup(state, form)
  const recurring = recurringOf(form)
  const rest = {
    active: flagOf(form, 'active') ?? true,
    metadata: groupOf(form, 'metadata') ?? {},
    nickname: textOf(form, 'nickname') ?? null,
    tax_behavior: oneOf<Price['tax_behavior']>(
      textOf(form, 'tax_behavior') ?? 'unspecified',
      TAX,
      'tax_behavior',
    ),
  }
  const product = productOf(state, form, request)
  return state.addPrice(
    { ...rest, product, currency, unit_amount: amount, lookup_key: lookupKey, recurring },
    request,
  )
}

function recurringOf(form: Form): Recurring | null {
  const group = groupOf(form, 'recurring')
  if (group === undefined) return null
  only(group, ['interval', 'interval_count', 'trial_period_days', 'usage_type'])
  return {
    interval: oneOf(requiredText(group, 'interval'), INTERVALS, 'recurring[interval]'),
    interval_count: wholeOf(group, 'interval_count', 1) ?? 1,
    trial_period_days: wholeOf(group, 'trial_period_days', 1) ?? null,
    usage_type: oneOf(
      textOf(group, 'usage_type') ?? 'licensed',
      ['licensed', 'metered'],
      'recurring[usage_type]',
    ),
  }
}

function productOf(state: State, form: Form, request: Event['request']): string {
  const data = groupOf(form, 'product_data')
  const product = textOf(form, 'product')
  if ((data === undefined) === (product === undefined))
    throw invalid('You must specify either `product` or `product_data`.', 'product', 'parameter_missing')
  if (data) {
    only(data, ['name', 'active'])
    return state.addProduct({ name: requiredText(data, 'name') }, request).id
  }
  if (!state.products.get(product as string)) throw missing('product', product as string, 400)
  return product as string
}

/** A lookup key belongs to one price; `transfer_lookup_key` takes it from the one that has it. */
function lookup(state: State, form: Form, own?: Price): string | null {
  const key = textOf(form, 'lookup_key')
  if (key === undefined || key === '') return null
  const holder = state.prices.items.find((each) => each !== own && each.lookup_key === key)
  if (holder && flagOf(form, 'transfer_lookup_key') !== true)
    throw invalid(
      `A price already uses that lookup key: ${holder.id}`,
      'lookup_key',
      'resource_already_exists',
    )
  if (holder) state.setPrice(holder.id, { lookup_key: null })
  return key
}

/** An amount, a currency and an interval never change: Stripe wants a new price instead. */
export function updatePrice(state: State, id: string, form: Form, request: Event['request']): Price {
  const price = state.prices.get(id) ?? fail(missing('price', id))
  only(form, ['active', 'lookup_key', 'metadata', 'nickname', 'tax_behavior', 'transfer_lookup_key'])
  const active = flagOf(form, 'active')
  const nickname = textOf(form, 'nickname')
  if (active === false && state.products.get(price.product)?.default_price === id)
    throw invalid('This price cannot be archived because it is the default price of its product.', 'active')
  const change: Partial<Price> = {
    ...(active === undefined ? {} : { active }),
    ...(nickname === undefined ? {} : { nickname: nickname || null }),
    ...(form.lookup_key === undefined ? {} : { lookup_key: lookup(state, form, price) }),
    ...(form.metadata === undefined ? {} : { metadata: merged(price.metadata, form) }),
    ...(form.tax_behavior === undefined
      ? {}
      : {
          tax_behavior: oneOf<Price['tax_behavior']>(requiredText(form, 'tax_behavior'), TAX, 'tax_behavior'),
        }),
  }
  return state.setPrice(id, change, request)
}

const PRODUCT_FIELDS = ['active', 'description', 'metadata', 'name']

export function createProduct(state: State, form: Form, request: Event['request']): Product {
  only(form, [...PRODUCT_FIELDS, 'id'])
  const id = textOf(form, 'id')
  if (id !== undefined && state.products.get(id))
    throw invalid('Product already exists.', 'id', 'resource_already_exists')
  return state.addProduct(
    {
      ...(id === undefined ? {} : { id }),
      name: requiredText(form, 'name'),
      active: flagOf(form, 'active') ?? true,
      description: textOf(form, 'description') ?? null,
      metadata: groupOf(form, 'metadata') ?? {},
    },
    request,
  )
}

export function updateProduct(state: State, id: string, form: Form, request: Event['request']): Product {
  const product = state.products.get(id) ?? fail(missing('product', id))
  only(form, [...PRODUCT_FIELDS, 'default_price'])
  const active = flagOf(form, 'active')
  const defaultPrice = textOf(form, 'default_price')
  if (defaultPrice && state.prices.get(defaultPrice)?.product !== id)
    throw missing('price', defaultPrice, 400)
  const change: Partial<Product> = {
    ...(active === undefined ? {} : { active }),
    ...(form.name === undefined ? {} : { name: requiredText(form, 'name') }),
    ...(form.description === undefined ? {} : { description: textOf(form, 'description') || null }),
    ...(form.metadata === undefined ? {} : { metadata: merged(product.metadata, form) }),
    ...(defaultPrice === undefined ? {} : { default_price: defaultPrice || null }),
  }
  return state.setProduct(id, change, request)
}

/** What is named replaces, an empty text removes, the rest stays. */
function merged(before: Metadata, form: Form): Metadata {
  const given = groupOf(form, 'metadata') ?? {}
  if (Object.keys(given).length === 0) return {}
  return Object.fromEntries(Object.entries({ ...before, ...given }).filter(([, value]) => value !== ''))
}

function fail(error: Error): never {
  throw error
}
