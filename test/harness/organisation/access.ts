import type { Document } from '../../../src/config-hub/index/entry.ts'
import type { Draft } from './draft.ts'
import type { TypeOfOrganisation } from './layout.ts'
import { blocks, some } from './prose.ts'

const portal = (draft: Draft): Document => ({
  portal_id: draft.id,
  name: draft.title,
  enabled: draft.chance(0.9),
  domain: `portal-${draft.n}.example.org`,
  origin: 'END_CUSTOMER_PORTAL',
  accessToken: `portal-token-${draft.n}`,
  design_id: draft.ref('designbuilder'),
  allowed_portal_entities: some(draft.random, 2, 6, () => draft.ref('schema', { by: 'slug' })),
  email_templates: {
    invitation: draft.ref('emailtemplate'),
    forgotPassword: draft.ref('emailtemplate'),
    confirmAccount: draft.ref('emailtemplate'),
  },
  notification_triggers: [
    { trigger_type: 'entity_created', enabled: true, template_id: draft.ref('notification_template') },
  ],
  triggered_journeys: [{ trigger_name: 'FIRST_LOGIN', journey_id: draft.ref('journey') }],
  surfaces: [{ id: 'website', name: 'Website', data_access: { role_id: draft.ref('role'), entities: [] } }],
  pages: Object.fromEntries(
    some(draft.random, 2, 6, (k) => [
      `page-${k}`,
      {
        slug: `page-${k}`,
        visibility: { visible_for_targets: some(draft.random, 0, 2, () => draft.ref('target')) },
        blocks: Object.fromEntries(
          blocks(draft.random, (draft.size - 2_500) / 5).map((block) => [block.id, block]),
        ),
      },
    ]),
  ),
  // a whole configuration inside a string
  config: JSON.stringify({ start: { journeyId: draft.mention('journey'), text: draft.prose(200) } }),
})

export const ACCESS: Partial<Record<TypeOfOrganisation, (draft: Draft) => Document>> = {
  portal_config: portal,
  role: (draft) => ({
    id: draft.id,
    slug: `role_${draft.n}`,
    name: draft.title,
    type: 'user_role',
    grants: some(draft.random, 2, 12, () => ({
      action: 'entity-read',
      resource: `journey:739224:${draft.mention('journey')}`,
      effect: 'allow',
    })),
  }),
  usergroup: (draft) => ({
    id: draft.id,
    org_id: '739224',
    name: draft.title,
    users: some(draft.random, 1, 10, () => ({ id: draft.person() })),
    created_at: draft.instant(),
    updated_at: draft.instant(),
  }),
  webhook: (draft) => ({
    id: draft.id,
    name: draft.title,
    eventName: 'CustomerRequestSubmitted',
    url: `https://hooks.example.org/${draft.n}`,
    httpMethod: 'POST',
    enabled: draft.chance(0.9),
    auth: { authType: 'BASIC', basicAuthConfig: { username: 'laurel', password: `password of ${draft.n}` } },
    ...(draft.chance(0.3)
      ? { secureProxy: { integration_id: draft.ref('integration'), use_case_slug: 'proxy' } }
      : {}),
    jsonataExpression: draft.prose(draft.size - 500),
    creationTime: draft.instant(),
    updatedTime: draft.instant(),
  }),
  integration: (draft) => ({
    id: draft.id,
    orgId: '739224',
    name: draft.title,
    integration_type: 'connector',
    access_token_ids: some(draft.random, 0, 2, () => draft.ref('access_token')),
    app_ids: some(draft.random, 0, 1, () => draft.ref('app')),
    environment_config: some(draft.random, 0, 3, () => ({
      key: draft.ref('environment_variable', { by: 'slug' }),
      label: draft.prose(12),
      type: 'SecretString',
    })),
    connector_config: {
      base_url: 'https://erp.example.org',
      auth: { type: 'bearer', token: `token of ${draft.n}` },
    },
    description: draft.prose(draft.size - 700),
    created_at: draft.instant(),
    updated_at: draft.instant(),
  }),
  app: (draft) => ({
    app_id: draft.id,
    name: draft.title,
    enabled: draft.chance(0.9),
    installed_version: `1.${draft.random.below(20)}.0`,
    owner_org_id: '728',
    option_values: [{ component_id: '$app', options: [{ key: 'apiKey', value: `option of ${draft.n}` }] }],
    functions: [{ name: 'sync', type: 'scheduled', code: draft.prose(draft.size - 500) }],
    installation_audit: { updated_at: draft.instant(), updated_by: draft.person() },
  }),
  access_token: (draft) => ({
    id: draft.id,
    name: draft.title,
    ...(draft.chance(0.3)
      ? { token_type: 'journey', journey_id: draft.ref('journey') }
      : { token_type: 'api', assignments: some(draft.random, 1, 3, () => draft.ref('role')) }),
    token: `secret token of ${draft.n}`,
    created_at: draft.instant(),
    last_used: draft.instant().slice(0, 10),
  }),
  designbuilder: (draft) => ({
    id: draft.id,
    style_name: draft.title,
    brand_name: 'Laurel',
    is_default: draft.n === 0,
    style: {
      logo: { main: { name: 'logo.png', file_id: draft.ref('file') } },
      palette: { primary: '#005eb4', secondary: '#88d4be' },
      custom: draft.prose(draft.size - 500),
    },
    created_at: draft.instant(),
    last_modified_at: draft.instant(),
  }),
}
