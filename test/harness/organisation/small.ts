import type { Document } from '../../../src/config-hub/index/entry.ts'

/**
 * A few configurations whose graph is known by hand. Configurations are written `type/id`; those that are left out of
 * `dependencies` or `usedBy` have none.
 */
export type SmallOrganisation = {
  documents: { type: string; id: string; document: Document }[]
  dependencies: Record<string, string[]>
  usedBy: Record<string, string[]>
  /** Declared references that lead nowhere. */
  dangling?: { from: string; name: string }[]
  /** Members of each cycle; one that refers to itself is a cycle of one. */
  cycles?: string[][]
}

const of = (type: string, id: string, document: Document) => ({ type, id, document })
const related = (...ids: string[]) => ({ $relation: ids.map((entity_id) => ({ entity_id })) })
const product = (id: string, members: Document = {}) => of('product', id, { _id: id, name: id, ...members })
const price = (id: string, tax: string) => of('price', id, { _id: id, description: id, tax: related(tax) })
const tax = (id: string) => of('tax', id, { _id: id, _title: id, type: 'VAT', rate: 19 })
const file = (id: string) => of('file', id, { _id: id, filename: `${id}.pdf` })

/** One root, two branches, two leaves. */
const tree: SmallOrganisation = {
  documents: [
    product('product-root', { price_options: related('price-left', 'price-right') }),
    price('price-left', 'tax-left'),
    price('price-right', 'tax-right'),
    tax('tax-left'),
    tax('tax-right'),
  ],
  dependencies: {
    'product/product-root': ['price/price-left', 'price/price-right'],
    'price/price-left': ['tax/tax-left'],
    'price/price-right': ['tax/tax-right'],
  },
  usedBy: {
    'price/price-left': ['product/product-root'],
    'price/price-right': ['product/product-root'],
    'tax/tax-left': ['price/price-left'],
    'tax/tax-right': ['price/price-right'],
  },
}

/** Two ways to the same leaf, one of them named twice, once declared and once in a text. */
const diamond: SmallOrganisation = {
  documents: [
    product('product-top', {
      price_options: related('price-one', 'price-two', 'price-two'),
      description: 'Sold at price-one.',
    }),
    price('price-one', 'tax-shared'),
    price('price-two', 'tax-shared'),
    tax('tax-shared'),
  ],
  dependencies: {
    'product/product-top': ['price/price-one', 'price/price-two'],
    'price/price-one': ['tax/tax-shared'],
    'price/price-two': ['tax/tax-shared'],
  },
  usedBy: {
    'price/price-one': ['product/product-top'],
    'price/price-two': ['product/product-top'],
    'tax/tax-shared': ['price/price-one', 'price/price-two'],
  },
}

/** A journey, the automation that maps it, and the mapping that reads the journey; another refers into the cycle. */
const cycle: SmallOrganisation = {
  documents: [
    of('journey', 'journey-a1', {
      journeyId: 'journey-a1',
      name: 'Round',
      settings: { mappingsAutomationId: 'flow-a1' },
    }),
    of('automation_flow', 'flow-a1', {
      id: 'flow-a1',
      flow_name: 'Map',
      actions: [{ type: 'map-entity', config: { mapping_config: { config_id: 'mapping-a1' } } }],
    }),
    of('entity_mapping', 'mapping-a1', {
      id: 'mapping-a1',
      source: { type: 'journey', config: { journey_id: 'journey-a1' } },
      targets: [{ id: 'one', name: 'To contact', target_schema: 'contact' }],
    }),
    of('schema', 'contact', { slug: 'contact', name: 'Contact', plural: 'Contacts' }),
    of('portal_config', 'portal-a1', {
      portal_id: 'portal-a1',
      name: 'Portal',
      triggered_journeys: [{ trigger_name: 'FIRST_LOGIN', journey_id: 'journey-a1' }],
    }),
  ],
  dependencies: {
    'journey/journey-a1': ['automation_flow/flow-a1'],
    'automation_flow/flow-a1': ['entity_mapping/mapping-a1'],
    'entity_mapping/mapping-a1': ['journey/journey-a1', 'schema/contact'],
    'portal_config/portal-a1': ['journey/journey-a1'],
  },
  usedBy: {
    'automation_flow/flow-a1': ['journey/journey-a1'],
    'entity_mapping/mapping-a1': ['automation_flow/flow-a1'],
    'journey/journey-a1': ['entity_mapping/mapping-a1', 'portal_config/portal-a1'],
    'schema/contact': ['entity_mapping/mapping-a1'],
  },
  cycles: [['automation_flow/flow-a1', 'entity_mapping/mapping-a1', 'journey/journey-a1']],
}

/** What refers to itself is no dependency of itself; another dependency beside it is. */
const selfReference: SmallOrganisation = {
  documents: [
    product('product-alone', { cross_sellable_products: related('product-alone', 'product-other') }),
    product('product-other', { description: 'Known as product-other.' }),
  ],
  dependencies: { 'product/product-alone': ['product/product-other'] },
  usedBy: { 'product/product-other': ['product/product-alone'] },
  cycles: [['product/product-alone']],
}

/** Declared references to what is not there dangle; a word of that form in a text does not. */
const dangling: SmallOrganisation = {
  documents: [
    product('product-half', {
      price_options: related('price-there', 'price-gone'),
      description: 'Once there was product-gone.',
    }),
    price('price-there', 'tax-gone'),
  ],
  dependencies: { 'product/product-half': ['price/price-there'] },
  usedBy: { 'price/price-there': ['product/product-half'] },
  dangling: [
    { from: 'price/price-there', name: 'tax-gone' },
    { from: 'product/product-half', name: 'price-gone' },
  ],
}

/** Two products have one code: whoever names the code depends on both. */
const ambiguous: SmallOrganisation = {
  documents: [
    product('product-b1', { code: 'CODE-77' }),
    product('product-b2', { code: 'CODE-77' }),
    of('document_template', 'template-b1', {
      _id: 'template-b1',
      name: 'Offer',
      description: 'For CODE-77 only.',
      template_document: related('file-b1'),
    }),
    file('file-b1'),
  ],
  dependencies: {
    'document_template/template-b1': ['file/file-b1', 'product/product-b1', 'product/product-b2'],
  },
  usedBy: {
    'product/product-b1': ['document_template/template-b1'],
    'product/product-b2': ['document_template/template-b1'],
    'file/file-b1': ['document_template/template-b1'],
  },
}

/** Variables count between braces, and nowhere else; environment variables by `env.` and their key. */
const variables: SmallOrganisation = {
  documents: [
    of('custom_variable', 'variable-c1', { id: 'variable-c1', name: 'Table', key: 'order_table' }),
    of('custom_variable', 'variable-c2', { id: 'variable-c2', name: 'Brand', key: 'brand' }),
    of('custom_variable', 'variable-c3', { id: 'variable-c3', name: 'Unused', key: 'never_used' }),
    of('environment_variable', 'erp.url_1', { key: 'erp.url_1', type: 'String' }),
    of('emailtemplate', 'mail-c1', {
      _id: 'mail-c1',
      name: 'Order',
      subject: 'Your order with {{brand}}',
      body: '<p>{{{ order_table.rows }}}</p> {{contact.first_name}} never_used',
    }),
    of('webhook', 'webhook-c1', { id: 'webhook-c1', name: 'ERP', url: 'https://{{ env.erp.url_1 }}/orders' }),
  ],
  dependencies: {
    'emailtemplate/mail-c1': ['custom_variable/variable-c1', 'custom_variable/variable-c2'],
    'webhook/webhook-c1': ['environment_variable/erp.url_1'],
  },
  usedBy: {
    'custom_variable/variable-c1': ['emailtemplate/mail-c1'],
    'custom_variable/variable-c2': ['emailtemplate/mail-c1'],
    'environment_variable/erp.url_1': ['webhook/webhook-c1'],
  },
}

export const SMALL: Readonly<Record<string, SmallOrganisation>> = {
  tree,
  diamond,
  cycle,
  selfReference,
  dangling,
  ambiguous,
  variables,
}
