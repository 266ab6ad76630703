import type { Document } from '../../../src/config-hub/index/entry.ts'
import type { Draft } from './draft.ts'
import type { TypeOfOrganisation } from './layout.ts'
import { some } from './prose.ts'

const relation = (ids: string[]) => ({ $relation: ids.map((entity_id) => ({ entity_id, _tags: [] })) })
const hex = (draft: Draft): string =>
  draft.random
    .below(2 ** 31)
    .toString(16)
    .padStart(8, '0')

/** What every entity has. */
function entity(draft: Draft): Document {
  const updated = draft.instant()
  return {
    _id: draft.id,
    _org: '739224',
    _schema: draft.type,
    _title: draft.title,
    _created_at: updated,
    _updated_at: updated,
    ...(draft.chance(0.4) ? { _tags: some(draft.random, 1, 3, () => `tag ${draft.random.below(30)}`) } : {}),
    ...(draft.chance(0.5)
      ? { _purpose: some(draft.random, 1, 2, () => draft.ref('taxonomy_classification', { by: 'any' })) }
      : {}),
    ...(draft.chance(0.3) ? { _manifest: [`blueprint-${draft.random.below(12)}`] } : {}),
    created_by: draft.person(),
    updated_by: draft.person(),
  }
}

/** One price in ten is made of others; those are never made of others themselves. */
const isComposite = (n: number): boolean => n % 10 === 9

function price(draft: Draft): Document {
  const common = {
    ...entity(draft),
    active: draft.chance(0.9),
    description: draft.title,
    unit_amount_currency: 'EUR',
    long_description: `${draft.prose(draft.size - 900)} ${draft.variable()}`,
  }
  if (isComposite(draft.n))
    return {
      ...common,
      is_composite_price: true,
      price_components: relation(
        some(draft.random, 2, 8, () =>
          draft.refTo('price', Math.floor(draft.random.below(draft.n) / 10) * 10, { required: true }),
        ),
      ),
    }
  return {
    ...common,
    is_composite_price: false,
    pricing_model: draft.chance(0.7) ? 'per_unit' : 'tiered_volume',
    type: draft.chance(0.5) ? 'recurring' : 'one_time',
    unit_amount: draft.random.below(500_000),
    tax: relation([draft.ref('tax', { required: true })]),
    ...(draft.chance(0.5) ? { _coupons: relation(some(draft.random, 1, 3, () => draft.ref('coupon'))) } : {}),
  }
}

const product = (draft: Draft): Document => ({
  ...entity(draft),
  name: draft.title,
  code: `P-${draft.n}-${hex(draft)}`,
  type: draft.chance(0.8) ? 'product' : 'service',
  active: draft.chance(0.9),
  description: `${draft.prose(draft.size - 1_200)} https://files.example.org/${draft.mention('file')}/download`,
  price_options: relation(some(draft.random, 1, 8, () => draft.ref('price'))),
  product_images: relation(some(draft.random, 0, 3, () => draft.ref('file'))),
  product_downloads: relation(some(draft.random, 0, 2, () => draft.ref('file'))),
  // to itself now and then, as happens where all of a family are ticked
  cross_sellable_products: relation(
    some(draft.random, 0, 3, () =>
      draft.chance(0.05) ? draft.refTo('product', draft.n) : draft.ref('product'),
    ),
  ),
  feature: some(draft.random, 0, 4, () => ({ _tags: [], feature: draft.prose(40) })),
})

/** Rich text with links to journeys and files, and variables between. */
const richText = (draft: Draft, characters: number): string => {
  const parts = some(draft.random, 4, 13, () => {
    const kind = draft.random.below(4)
    if (kind === 0)
      return `<a href="https://portal.example.org/journey/${draft.mention('journey')}?utm=mail">`
    if (kind === 1) return `<img src="https://files.example.org/v1/files/${draft.mention('file')}/preview">`
    return draft.variable()
  })
  const between = Math.max(20, characters / parts.length)
  return parts.map((part) => `<p>${draft.prose(between)} ${part}</p>`).join('\n')
}

export const ENTITIES: Partial<Record<TypeOfOrganisation, (draft: Draft) => Document>> = {
  price,
  product,
  file: (draft) => ({
    ...entity(draft),
    filename: `${draft.title.replaceAll(' ', '-')}.pdf`,
    type: 'document',
    mime_type: 'application/pdf',
    size_bytes: draft.random.below(5_000_000),
    access_control: draft.chance(0.3) ? 'public-read' : 'private',
    s3ref: { bucket: 'user-content', key: `739224/${hex(draft)}${hex(draft)}/file.pdf` },
    short_summary_en: draft.prose(draft.size - 600),
    versions: some(draft.random, 1, 2, () => ({
      filename: 'file.pdf',
      size_bytes: draft.random.below(5_000_000),
    })),
  }),
  tax: (draft) => ({
    ...entity(draft),
    type: draft.chance(0.8) ? 'VAT' : 'Custom',
    rate: [0, 7, 10, 19, 20][draft.random.below(5)],
    description: draft.title,
    active: draft.chance(0.9),
    region: ['DE', 'AT', 'CH'][draft.random.below(3)],
  }),
  coupon: (draft) => ({
    ...entity(draft),
    name: draft.title,
    type: 'percentage',
    category: 'discount',
    percentage_value: String(draft.random.below(50)),
    active: draft.chance(0.7),
    description: draft.prose(draft.size - 500),
    promo_codes: some(draft.random, 0, 3, (k) => ({ id: `${hex(draft)}-${k}`, code: hex(draft) })),
  }),
  emailtemplate: (draft) => ({
    ...entity(draft),
    name: draft.title,
    subject: `${draft.prose(30)} ${draft.variable()}`,
    from: { name: 'Laurel', email: 'no-reply@laurel.example' },
    body: richText(draft, draft.size - 1_200),
    system_template: draft.chance(0.05),
    ...(draft.chance(0.5) ? { file: relation(some(draft.random, 1, 3, () => draft.ref('file'))) } : {}),
  }),
  document_template: (draft) => ({
    ...entity(draft),
    name: draft.title,
    description: `${draft.prose(draft.size - 800)} ${draft.variable()} ${draft.variable()}`,
    template_document: relation([draft.ref('file')]),
  }),
  notification_template: (draft) => ({
    ...entity(draft),
    name: draft.title,
    type: 'workflow',
    notification_title: `${draft.prose(30)} ${draft.variable()}`,
    message: richText(draft, draft.size - 900),
    action_url: `https://portal.example.org/app/${draft.mention('portal_config')}`,
  }),
  target: (draft) => ({
    ...entity(draft),
    name: draft.title,
    description: draft.prose(draft.size - 700),
    entity_schema: draft.ref('schema', { by: 'slug', required: true }),
    entity_filters: { should: [{ term: { 'product._id': draft.mention('product') } }] },
  }),
  product_recommendation: (draft) => ({
    ...entity(draft),
    type: draft.chance(0.5) ? 'cross-sell' : 'up-sell',
    source_product: relation([draft.ref('product', { required: true })]),
    offers: some(draft.random, 1, 3, () => ({
      target_id: draft.ref('target'),
      items: some(draft.random, 1, 3, () => ({
        product_id: draft.ref('product'),
        price_id: draft.ref('price'),
      })),
    })),
  }),
}
