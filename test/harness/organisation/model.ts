import type { Document } from '../../../src/config-hub/index/entry.ts'
import type { Draft } from './draft.ts'
import { classificationOf, type TypeOfOrganisation, variableOf } from './layout.ts'
import { blocks, some } from './prose.ts'

const schema = (draft: Draft): Document => ({
  slug: draft.id,
  name: draft.title,
  plural: `${draft.title}s`,
  version: 1 + draft.random.below(200),
  published: draft.chance(0.9),
  title_template: '{{first_name}} {{last_name}}',
  attributes: [
    ...some(draft.random, 1, 6, (k) => ({
      id: `attribute-${draft.n}-${k}`,
      name: `relation_attribute_${k}`,
      type: 'relation',
      // to the same schema now and then: parents and children
      allowedSchemas: [
        draft.chance(0.1)
          ? draft.refTo('schema', draft.n, { by: 'slug' })
          : draft.ref('schema', { by: 'slug' }),
      ],
      ...(draft.chance(0.2) ? { _purpose: [draft.ref('taxonomy_classification', { by: 'any' })] } : {}),
    })),
    ...blocks(draft.random, draft.size - 1_800).map(({ id, label, text }) => ({
      id,
      label,
      type: 'string',
      hint: text,
    })),
  ],
  capabilities: [
    {
      id: `capability-${draft.n}`,
      name: 'notes',
      ...(draft.chance(0.1) ? { app_id: draft.ref('app') } : {}),
      ui_hooks: [],
    },
  ],
  created_at: draft.instant(),
  updated_at: draft.instant(),
})

const classification = (draft: Draft): Document => ({
  id: draft.id,
  slug: classificationOf(draft.n),
  name: draft.title,
  // a tree, each below one that was there before it
  parents:
    draft.n > 0 && draft.chance(0.8)
      ? [draft.refTo('taxonomy_classification', draft.random.below(draft.n), { by: 'any' })]
      : [],
  archived: draft.chance(0.05),
  created_at: draft.instant(),
  updated_at: draft.instant(),
})

export const MODEL: Partial<Record<TypeOfOrganisation, (draft: Draft) => Document>> = {
  schema,
  taxonomy_classification: classification,
  taxonomy: (draft) => ({
    slug: draft.id,
    name: draft.title,
    plural: draft.title,
    kind: draft.n === 0 ? 'system' : 'user_defined',
    type: 'entity',
    enabled: draft.chance(0.9),
    created_at: draft.instant(),
    updated_at: draft.instant(),
  }),
  validation_rule: (draft) => ({
    _id: draft.id,
    title: draft.title,
    placeholder: draft.prose(draft.size - 500),
    rule: { type: 'comparison', conditions: [{ value: { source: 'external', app_id: draft.ref('app') } }] },
    created_at: draft.instant(),
    updated_at: draft.instant(),
    updated_by: draft.person(),
  }),
  custom_variable: (draft) => ({
    id: draft.id,
    type: draft.chance(0.4) ? 'journey_link' : 'snippet',
    name: draft.title,
    key: variableOf(draft.n),
    _tags: some(draft.random, 0, 2, () => `tag ${draft.random.below(30)}`),
    config: { journey_id: draft.ref('journey') },
    template: `<table>${draft.prose(draft.size - 700)} ${draft.variable()} ${draft.variable()}</table>`,
    created_at: draft.instant(),
    updated_at: draft.instant(),
    updated_by: draft.person(),
  }),
  environment_variable: (draft) => ({
    key: draft.id,
    type: draft.chance(0.5) ? 'SecretString' : 'String',
    description: draft.prose(120),
    group: 'erp',
    value: `value of ${draft.n}`,
    created_at: draft.instant(),
    updated_at: draft.instant(),
  }),
  saved_view: (draft) => ({
    id: draft.id,
    name: draft.title,
    org: '739224',
    shared: draft.chance(0.6),
    slug: [draft.ref('schema', { by: 'slug', required: true })],
    ui_config: {
      filters: {
        _purpose: draft.chance(0.5) ? [draft.mention('taxonomy_classification')] : [],
        product: some(draft.random, 0, 2, () => draft.mention('product')),
        text: draft.prose(draft.size - 700),
      },
    },
    created_at: draft.instant(),
    updated_at: draft.instant(),
    updated_by: draft.person(),
  }),
  dashboard: (draft) => ({
    id: draft.id,
    title: draft.title,
    tiles: some(draft.random, 1, 6, (k) => ({
      id: `tile-${draft.n}-${k}`,
      title: draft.prose(30),
      visualisation_config: {
        query: { dataset: 'entity_operations', filters: [{ journey_id: draft.mention('journey') }] },
        options: { text: draft.prose((draft.size - 600) / 4) },
      },
    })),
    created_at: draft.instant(),
    updated_at: draft.instant(),
    updated_by: draft.person(),
  }),
  kanban: (draft) => ({
    id: draft.id,
    title: draft.title,
    org_id: '739224',
    config: {
      dataset: 'workflow_tasks_overview',
      swimlanes: some(draft.random, 2, 6, (k) => ({
        id: `lane-${draft.n}-${k}`,
        title: draft.prose(15),
        position: k,
        filter: {
          items: [{ key: 'flow_template_id', operator: 'IN', value: draft.mention('flow_template') }],
        },
      })),
    },
    created_at: draft.instant(),
    updated_at: draft.instant(),
  }),
}
