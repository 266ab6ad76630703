import type { Document } from '../../../src/config-hub/index/entry.ts'
import type { Draft, Layout } from './draft.ts'
import type { TypeOfOrganisation } from './layout.ts'
import { blocks, some } from './prose.ts'

type Builder = (draft: Draft, layout: Layout) => Document

const manifest = (draft: Draft) =>
  draft.chance(0.3) ? { _manifest: [`blueprint-${draft.random.below(12)}`] } : {}

/**
 * The journey n is mapped by the automation n, that by the mapping n, and that by the journey n again, as far as there
 * are as many: cycles of three.
 */
const journey: Builder = (draft, layout) => ({
  journeyId: draft.id,
  organizationId: '739224',
  name: draft.title,
  journey_type: 'Sales template',
  settings: {
    isActive: draft.chance(0.85),
    accessMode: 'PUBLIC',
    description: draft.prose(80),
    designId: draft.ref('designbuilder'),
    mappingsAutomationId: draft.refTo('automation_flow', draft.n % layout.automation_flow),
    filePurposes: some(draft.random, 0, 2, () => draft.ref('taxonomy_classification', { by: 'any' })),
    publicToken: `token-of-${draft.n}`,
  },
  steps: [
    {
      name: 'Products',
      stepId: `step-${draft.n}-products`,
      uischema: {
        elements: [
          {
            type: 'ProductSelection',
            products: some(draft.random, 1, 9, () => ({
              productId: draft.ref('product'),
              priceId: draft.ref('price'),
            })),
          },
        ],
      },
    },
    {
      name: 'Details',
      stepId: `step-${draft.n}-details`,
      uischema: { elements: blocks(draft.random, draft.size - 2_400) },
      schema: { help: `See ${draft.mention('file')} and ${draft.mention('journey')}.` },
    },
  ],
  validationRules: {
    [`block-${draft.n}-a`]: draft.ref('validation_rule'),
    [`block-${draft.n}-b`]: { email: [draft.ref('validation_rule')] },
  },
  createdBy: draft.person(),
  updatedBy: draft.person(),
  createdAt: draft.instant(),
  lastModifiedAt: draft.instant(),
  version: 1 + draft.random.below(40),
  ...manifest(draft),
  _usage: draft.random.below(20_000),
})

const ACTIONS: ((draft: Draft, layout: Layout) => Record<string, unknown>)[] = [
  (draft) => ({ type: 'send-email', config: { email_template_id: draft.ref('emailtemplate') } }),
  (draft) => ({ type: 'trigger-webhook', config: { target_webhook_id: draft.ref('webhook') } }),
  (draft) => ({ type: 'create-document', config: { template_id: draft.ref('document_template') } }),
  (draft) => ({
    type: 'trigger-workflow',
    config: {
      target_workflow: draft.ref(draft.chance(0.6) ? 'flow_template' : 'workflow_definition', {
        anyType: true,
      }),
    },
  }),
]

const automation: Builder = (draft, layout) => ({
  id: draft.id,
  org_id: '739224',
  flow_name: draft.title,
  enabled: draft.chance(0.85),
  runs: draft.random.below(100_000),
  entity_schema: draft.ref('schema', { by: 'slug' }),
  triggers: [
    {
      id: `trigger-${draft.n}`,
      type: 'journey_submission',
      // which journey is told by the string alone
      configuration: { source_id: draft.mention('journey') },
    },
  ],
  actions: [
    {
      id: `action-${draft.n}-map`,
      name: draft.prose(30),
      type: 'map-entity',
      config: {
        target_schema: draft.ref('schema', { by: 'slug' }),
        mapping_config: {
          config_id: draft.refTo('entity_mapping', draft.n % layout.entity_mapping, { required: true }),
          version: 1,
        },
      },
    },
    ...some(draft.random, 1, 5, (k) => ({
      id: `action-${draft.n}-${k}`,
      name: draft.prose(30),
      ...ACTIONS[draft.random.below(ACTIONS.length)]!(draft, layout),
    })),
  ],
  conditions: blocks(draft.random, draft.size - 1_500),
  created_at: draft.instant(),
  updated_at: draft.instant(),
  last_updated_by: draft.person(),
  ...manifest(draft),
})

const mapping: Builder = (draft, layout) => ({
  id: draft.id,
  org_id: '739224',
  source: { type: 'journey', config: { journey_id: draft.refTo('journey', draft.n % layout.journey) } },
  targets: some(draft.random, 1, 3, (k) => ({
    id: `target-${draft.n}-${k}`,
    name: draft.title,
    target_schema: draft.ref('schema', { by: 'slug', required: true }),
    mapping_attributes: blocks(draft.random, (draft.size - 500) / 2).map(({ label, text }) => ({
      target: label,
      operation: { _set: text },
    })),
    relation_attributes: some(draft.random, 0, 2, () => ({
      target: 'customer',
      source_filter: { schema: draft.ref('schema', { by: 'slug' }) },
    })),
  })),
  created_at: draft.instant(),
  updated_at: draft.instant(),
})

const journeyOfStep = (draft: Draft) => ({
  journey: { id: `link-${draft.n}`, journeyId: draft.ref('journey') },
})

const workflow: Builder = (draft) => ({
  id: draft.id,
  name: draft.title,
  enabled: draft.chance(0.8),
  description: draft.prose(120),
  flow: some(draft.random, 1, 3, (k) => ({
    id: `section-${draft.n}-${k}`,
    name: draft.prose(20),
    type: 'SECTION',
    steps: some(draft.random, 1, 3, (s) => ({
      id: `step-${draft.n}-${k}-${s}`,
      name: draft.prose(20),
      ...(draft.chance(0.3) ? journeyOfStep(draft) : {}),
      ...(draft.chance(0.3) ? { automationConfig: { flowId: draft.ref('automation_flow') } } : {}),
      description: { enabled: true, value: draft.prose((draft.size - 1_000) / 6) },
    })),
  })),
  closingReasons: some(draft.random, 1, 4, () => ({ id: draft.ref('closing_reason', { required: true }) })),
  updateEntityAttributes: [
    {
      source: 'workflow_status',
      target: { entitySchema: draft.ref('schema', { by: 'slug' }), entityAttribute: 'status' },
    },
  ],
  creationTime: draft.instant(),
  lastUpdateTime: draft.instant(),
  ...manifest(draft),
})

const flowTemplate: Builder = (draft) => ({
  id: draft.id,
  org_id: '739224',
  name: draft.title,
  enabled: draft.chance(0.8),
  trigger: draft.chance(0.6)
    ? { id: `trigger-${draft.n}`, type: 'automation', automation_id: draft.ref('automation_flow') }
    : { id: `trigger-${draft.n}`, type: 'journey_submission', journey_id: draft.ref('journey') },
  phases: some(draft.random, 1, 4, (k) => ({
    id: `phase-${draft.n}-${k}`,
    name: draft.prose(20),
    taxonomies: some(draft.random, 0, 1, () => draft.ref('taxonomy_classification', { by: 'any' })),
  })),
  tasks: some(draft.random, 2, 7, (k) => ({
    id: `task-${draft.n}-${k}`,
    name: draft.prose(25),
    task_type: 'AUTOMATION',
    ...(draft.chance(0.4) ? { automation_config: { flow_id: draft.ref('automation_flow') } } : {}),
    ...(draft.chance(0.2) ? journeyOfStep(draft) : {}),
    description: { enabled: true, value: draft.prose((draft.size - 1_500) / 5) },
  })),
  closing_reasons: some(draft.random, 1, 3, () => ({ id: draft.ref('closing_reason', { required: true }) })),
  entity_sync: [{ target: { entitySchema: draft.ref('schema', { by: 'slug' }), entityAttribute: 'title' } }],
  created_at: draft.instant(),
  updated_at: draft.instant(),
  ...manifest(draft),
})

export const FLOWS: Partial<Record<TypeOfOrganisation, Builder>> = {
  journey,
  automation_flow: automation,
  entity_mapping: mapping,
  workflow_definition: workflow,
  flow_template: flowTemplate,
  closing_reason: (draft) => ({
    id: draft.id,
    title: `${draft.title}: ${draft.prose(60)}`,
    status: draft.chance(0.8) ? 'ACTIVE' : 'INACTIVE',
    creationTime: draft.instant(),
    lastUpdateTime: draft.instant(),
  }),
}
