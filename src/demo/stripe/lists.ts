import { invalid, missing } from './answers.ts'
import { type Form, flagOf, groupOf, only, textOf, wholeOf } from './form.ts'
import type { Event, Price, Product } from './objects.ts'
import type { Shelf, State } from './state.ts'

const PAGING = ['limit', 'starting_after', 'ending_before', 'created', 'expand']
/** "The list of events goes back up to 30 days" (docs.stripe.com/api/events). */
const EVENTS_KEPT_SECONDS = 30 * 86_400

/** Prices without `active` are the active ones: archived prices come only to those who ask for them. */
export function listPrices(state: State, query: Form): unknown {
  only(query, [...PAGING, 'active', 'product', 'currency', 'type'])
  const active = flagOf(query, 'active') ?? true
  const product = textOf(query, 'product')
  const currency = textOf(query, 'currency')
  const type = textOf(query, 'type')
  const fits = (price: Price) =>
    price.active === active &&
    (product === undefined || price.product === product) &&
    (currency === undefined || price.currency === currency) &&
    (type === undefined || price.type === type)
  return page('/v1/prices', 'price', state.prices, query, fits)
}

/** Products without `active` are all of them. */
export function listProducts(state: State, query: Form): unknown {
  only(query, [...PAGING, 'active', 'ids'])
  const active = flagOf(query, 'active')
  const ids = groupOf(query, 'ids')
  const fits = (product: Product) =>
    (active === undefined || product.active === active) &&
    (ids === undefined || Object.values(ids).includes(product.id))
  return page('/v1/products', 'product', state.products, query, fits)
}

export function listEvents(state: State, query: Form): unknown {
  only(query, [...PAGING, 'type', 'types'])
  const type = textOf(query, 'type')
  const types = Object.values(groupOf(query, 'types') ?? {})
  if (type !== undefined && types.length > 0) throw invalid('You may pass type or types, not both.', 'type')
  const since = state.now() - EVENTS_KEPT_SECONDS
  const fits = (event: Event) =>
    event.created >= since &&
    (type === undefined || matches(event.type, type)) &&
    (types.length === 0 || types.includes(event.type))
  return page('/v1/events', 'event', state.events, query, fits)
}

/** `price.*` is every kind of event of prices. */
const matches = (type: string, pattern: string): boolean =>
  pattern.endsWith('*') ? type.startsWith(pattern.slice(0, -1)) : type === pattern

/** Newest first; `starting_after` goes on to older ones, `ending_before` back to newer ones. */
function page<T extends { id: string; created: number }>(
  url: string,
  kind: string,
  shelf: Shelf<T>,
  query: Form,
  fits: (item: T) => boolean,
): unknown {
  const limit = wholeOf(query, 'limit', 1) ?? 10
  if (limit > 100)
    throw invalid('This value must be less than or equal to 100.', 'limit', 'parameter_invalid_integer')
  const [after, before] = [textOf(query, 'starting_after'), textOf(query, 'ending_before')]
  if (after !== undefined && before !== undefined)
    throw invalid('You may pass starting_after or ending_before, not both.', 'starting_after')
  const cursor = after ?? before
  const at = cursor === undefined ? shelf.items.length : shelf.placeOf(cursor)
  if (at === undefined) throw missing(kind, cursor as string, 400)
  const inTime = createdFilter(query)
  const step = before === undefined ? -1 : 1
  const found: T[] = []
  for (let place = at + step; place >= 0 && place < shelf.items.length; place += step) {
    const item = shelf.items[place] as T
    if (!inTime(item.created) || !fits(item)) continue
    found.push(item)
    if (found.length > limit) break
  }
  const data = found.slice(0, limit)
  if (step === 1) data.reverse()
  return { object: 'list', url, has_more: found.length > limit, data }
}

const TESTS = {
  gt: (created: number, bound: number) => created > bound,
  gte: (created: number, bound: number) => created >= bound,
  lt: (created: number, bound: number) => created < bound,
  lte: (created: number, bound: number) => created <= bound,
}

function createdFilter(query: Form): (created: number) => boolean {
  if (query.created === undefined) return () => true
  if (typeof query.created === 'string') {
    const exactly = wholeOf(query, 'created')
    return (created) => created === exactly
  }
  const bounds = query.created
  only(bounds, Object.keys(TESTS))
  const tests = Object.entries(TESTS).flatMap(([name, test]) => {
    const bound = wholeOf(bounds, name)
    return bound === undefined ? [] : [(created: number) => test(created, bound)]
  })
  return (created) => tests.every((test) => test(created))
}
