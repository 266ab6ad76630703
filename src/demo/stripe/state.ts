import { type Event, idOf, makePrice, makeProduct, monthly, type Price, type Product } from './objects.ts'

type Kept = { id: string; created: number }

/** Objects of a kind in the order of their creation, found by id and by place. */
export type Shelf<T extends Kept> = {
  items: T[]
  get(id: string): T | undefined
  placeOf(id: string): number | undefined
  add(item: T): T
  remove(id: string): void
}

function shelf<T extends Kept>(): Shelf<T> {
  const items: T[] = []
  const places = new Map<string, number>()
  return {
    items,
    get: (id) => items[places.get(id) ?? -1],
    placeOf: (id) => places.get(id),
    add(item) {
      places.set(item.id, items.push(item) - 1)
      return item
    },
    remove(id) {
      const at = places.get(id)
      if (at === undefined) return
      items.splice(at, 1)
      places.delete(id)
      for (let later = at; later < items.length; later++) places.set((items[later] as T).id, later)
    },
  }
}

export type State = {
  prices: Shelf<Price>
  products: Shelf<Product>
  events: Shelf<Event>
  livemode: boolean
  /** Seconds since 1970; tests set their own. */
  now: () => number
  /** A change that somebody makes at Stripe itself (its dashboard): with its event, as one over the API. */
  setPrice(id: string, change: Partial<Price>, request?: Event['request']): Price
  setProduct(id: string, change: Partial<Product>, request?: Event['request']): Product
  addPrice(given: Partial<Price> & { product: string }, request?: Event['request']): Price
  addProduct(given: Partial<Product> & { name: string }, request?: Event['request']): Product
  /** A price that nothing was sold at is deleted: `price.deleted` tells of it. */
  deletePrice(id: string): void
  /** As when Stripe's support or its "delete all test data" takes it away: no event tells of it, nor ever did. */
  vanishPrice(id: string): void
  /** So many prices without events, in order of age, with ids that are the same each time. */
  seedPrices(count: number, options?: { archived?: boolean; prefix?: string; product?: string }): Price[]
  /** Told of each event, after it is listed. */
  onEvent: (event: Event) => void
}

const API_VERSION = '2026-10-28.endive'
/** 2026-01-01T00:00:00Z */
const SEEDED_FROM = 1_767_225_600
const BY_HAND: Event['request'] = { id: null, idempotency_key: null }

/** `account`: ids that are made are of this account alone, as Stripe's are. */
export function makeState({
  account = '',
  livemode = false,
  now = () => Math.floor(Date.now() / 1000),
} = {}): State {
  const prices = shelf<Price>()
  const products = shelf<Product>()
  const events = shelf<Event>()
  let made = 0
  let seeded = 0
  const nextId = (prefix: string) => idOf(prefix, `${account} made ${++made}`)

  const told = (
    type: string,
    object: Price | Product,
    request: Event['request'],
    previous?: Record<string, unknown>,
  ) => {
    const event = events.add({
      id: nextId('evt'),
      object: 'event',
      api_version: API_VERSION,
      created: state.now(),
      data: { object: structuredClone(object), ...(previous ? { previous_attributes: previous } : {}) },
      livemode,
      pending_webhooks: 0,
      request,
      type,
    })
    state.onEvent(event)
  }
  const changed = <T extends Price | Product>(item: T, change: Partial<T>, request: Event['request']): T => {
    const fields = Object.keys(change) as (keyof T)[]
    const differing = fields.filter((field) => JSON.stringify(item[field]) !== JSON.stringify(change[field]))
    if (differing.length === 0) return item
    const previous = Object.fromEntries(differing.map((field) => [field, item[field]]))
    Object.assign(item, change, item.object === 'product' ? { updated: state.now() } : {})
    told(`${item.object}.updated`, item, request, previous)
    return item
  }
  const state: State = {
    prices,
    products,
    events,
    livemode,
    now,
    onEvent: () => {},
    setPrice: (id, change, request = BY_HAND) => changed(prices.get(id) as Price, change, request),
    setProduct: (id, change, request = BY_HAND) => changed(products.get(id) as Product, change, request),
    addPrice(given, request = BY_HAND) {
      const price = prices.add(makePrice({ id: nextId('price'), created: state.now(), livemode, ...given }))
      told('price.created', price, request)
      return price
    },
    addProduct(given, request = BY_HAND) {
      const product = products.add(
        makeProduct({ id: nextId('prod'), created: state.now(), livemode, ...given }),
      )
      told('product.created', product, request)
      return product
    },
    deletePrice(id) {
      const price = prices.get(id) as Price
      prices.remove(id)
      told('price.deleted', price, BY_HAND)
    },
    vanishPrice(id) {
      prices.remove(id)
      const itsOwn = events.items.filter(({ data }) => data.object.id === id)
      for (const event of itsOwn) events.remove(event.id)
    },
    seedPrices(count, { archived = false, prefix = archived ? 'archived' : 'seeded', product } = {}) {
      const of = product ?? idOf('prod', prefix)
      if (!products.get(of))
        products.add(makeProduct({ id: of, name: `Catalog ${prefix}`, created: SEEDED_FROM, livemode }))
      return Array.from({ length: count }, (_, index) =>
        prices.add(
          makePrice({
            id: idOf('price', `${prefix} ${index}`),
            product: of,
            created: SEEDED_FROM + seeded++,
            active: !archived,
            unit_amount: 500 + (index % 200) * 25,
            recurring: index % 3 === 0 ? monthly : null,
            lookup_key: `${prefix}-${index}`,
            livemode,
          }),
        ),
      )
    },
  }
  return state
}
