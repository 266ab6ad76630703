/** How many of a thousand configurations are of each type, in an organisation that sells and serves. */
const SHARES = {
  file: 165,
  price: 150,
  product: 115,
  emailtemplate: 75,
  automation_flow: 70,
  journey: 60,
  entity_mapping: 55,
  saved_view: 45,
  taxonomy_classification: 40,
  document_template: 35,
  custom_variable: 30,
  flow_template: 25,
  coupon: 20,
  closing_reason: 18,
  schema: 14,
  target: 14,
  validation_rule: 14,
  workflow_definition: 14,
  notification_template: 12,
  environment_variable: 12,
  product_recommendation: 10,
  webhook: 8,
  access_token: 8,
  dashboard: 8,
  role: 7,
  kanban: 6,
  usergroup: 6,
  tax: 4,
  designbuilder: 4,
  taxonomy: 3,
  integration: 3,
  app: 3,
  portal_config: 2,
} as const

export type TypeOfOrganisation = keyof typeof SHARES
export const TYPES = Object.keys(SHARES) as TypeOfOrganisation[]
const WHOLE = Object.values(SHARES).reduce((sum, share) => sum + share, 0)

/** How many configurations of each type there are among `documents`; at least one of each. */
export function layoutOf(documents: number): Record<TypeOfOrganisation, number> {
  if (documents < TYPES.length) throw new RangeError(`at least ${TYPES.length} documents, one of each type`)
  const free = documents - TYPES.length
  const layout = Object.fromEntries(
    TYPES.map((type) => [type, 1 + Math.floor((free * SHARES[type]) / WHOLE)]),
  ) as Record<TypeOfOrganisation, number>
  const missing = documents - Object.values(layout).reduce((sum, count) => sum + count, 0)
  layout.file += missing
  return layout
}

/** A 32-bit hash of integers (the finaliser of MurmurHash3 over a sum). */
export function mix(...numbers: number[]): number {
  let hash = 0x9e3779b9
  for (const each of numbers) {
    hash = Math.imul(hash ^ each, 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
    hash ^= hash >>> 16
  }
  return hash >>> 0
}

const hex = (number: number, digits: number): string =>
  number.toString(16).padStart(digits, '0').slice(-digits)

/** Different for every pair of kind and ordinal, since both are in it. */
export const uuid = (seed: number, kind: number, ordinal: number): string => {
  const [a, b, c] = [mix(seed, kind, ordinal, 1), mix(seed, kind, ordinal, 2), mix(seed, kind, ordinal, 3)]
  return `${hex(a, 8)}-${hex(b, 4)}-4${hex(b >>> 16, 3)}-8${hex(c, 3)}-${hex(kind, 4)}${hex(ordinal, 8)}`
}

/** Slugs of the schemas that every organisation has; further ones are its own. */
const COMMON_SCHEMAS = [
  'contact',
  'account',
  'opportunity',
  'order',
  'contract',
  'submission',
  'meter',
  'ticket',
]
const COMMON_VARIABLES = ['order_table', 'customer', 'unsubscribe', 'brand_name']

/** The id of the n-th configuration of a type; n may be beyond those that there are, for references that dangle. */
export function idOf(seed: number, type: TypeOfOrganisation, n: number): string {
  if (type === 'schema') return COMMON_SCHEMAS[n] ?? `custom_entity_${n}`
  if (type === 'taxonomy') return n === 0 ? 'purpose' : `taxonomy_${n}`
  if (type === 'environment_variable') return `erp.api_${n}`
  if (type === 'role') return `7${seed % 1000}:role_${n}`
  if (type === 'closing_reason') return `x${n.toString(36).padStart(3, '0')}c${seed % 10}w`
  return uuid(seed, TYPES.indexOf(type), n)
}

/** What templates write for the n-th custom variable. */
export const variableOf = (n: number): string => COMMON_VARIABLES[n] ?? `variable_${n}`
/** The slug of the n-th classification. */
export const classificationOf = (n: number): string => `class-${n}`
