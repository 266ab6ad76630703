import contract from '@epilot/sdk/configuration-hub/openapi.json' with { type: 'json' }
import { describe, expect, test } from 'vitest'
import { isPublished } from '../../../test/harness/published-paths.ts'
import { BUILT_IN } from './builtin.ts'
import type { TypeDefinition } from './definition.ts'
import { USAGE } from './paths.ts'
import { BUILT_IN_REGISTRY } from './registry.ts'
import { ownDefinition } from './rules.ts'

const each = BUILT_IN.map((definition) => [definition.type, definition] as const)

describe('[CT-1] the types of the contract', () => {
  test('are its resource types, in its order', () => {
    expect([...BUILT_IN_REGISTRY.keys()]).toEqual(contract.components.schemas.ResourceType.enum)
    expect([...BUILT_IN_REGISTRY.values()].every(({ custom }) => !custom)).toBe(true)
  })

  test('name the API and the client that the contract names', () => {
    const rows = contract.info.description.matchAll(/^\| `(\w+)` \| (\S+) \| `(\S+)` \|$/gm)
    const named = [...rows].map(([, type, api, client]) => [type, `https://${api}`, client])
    const ours = BUILT_IN.map(({ type, source_api, sdk_client }) => [type, source_api, sdk_client])
    // the table has another order
    expect(new Set(ours.map(String))).toEqual(new Set(named.map(String)))
    expect(named).toHaveLength(33)
  })

  test.each(each)(
    '%s refers to types that there are, and would be accepted from an organisation',
    (type, of) => {
      for (const rule of of.references)
        if (rule.type !== undefined) expect(BUILT_IN_REGISTRY.has(rule.type), rule.path).toBe(true)
      const { type: _, ...sent } = of
      expect(ownDefinition(type, sent)).toEqual({ definition: of })
    },
  )

  test.each(each)('%s names each path once', (_type, of) => {
    const rules = of.references.map(({ path, type, by }) => `${path} ${type} ${by}`)
    expect(new Set(rules).size).toBe(rules.length)
    expect(new Set(of.volatile_paths).size).toBe(of.volatile_paths.length)
  })
})

/** Where the owning APIs publish a type; several where its documents have several forms. */
const PUBLISHED: Record<string, [api: string, ...schemas: string[]]> = {
  journey: ['journey', 'Journey'],
  automation_flow: ['automation', 'AutomationFlow'],
  workflow_definition: ['workflow-definition', 'WorkflowDefinition'],
  closing_reason: ['workflow-definition', 'ClosingReason'],
  flow_template: ['workflow-definition', 'FlowTemplate'],
  schema: ['entity', 'EntitySchemaItem'],
  emailtemplate: ['email-template', 'EmailTemplateEntity'],
  product: ['pricing', 'Product'],
  price: ['pricing', 'Price', 'NonHydratedCompositePrice'],
  tax: ['pricing', 'Tax'],
  coupon: ['pricing', 'Coupon'],
  file: ['file', 'FileEntity'],
  document_template: ['entity', 'EntityItem'],
  webhook: ['webhooks', 'WebhookConfig'],
  saved_view: ['entity', 'SavedViewItem'],
  dashboard: ['dashboard', 'Dashboard'],
  kanban: ['kanban', 'Board'],
  role: ['permissions', 'UserRole'],
  usergroup: ['user', 'Group'],
  validation_rule: ['validation-rules', 'ValidationRule'],
  integration: ['integration-toolkit', 'Integration'],
  app: ['app', 'Installation'],
  designbuilder: ['design', 'GetDesignRes'],
  notification_template: ['notification', 'NotificationTemplate'],
  custom_variable: ['template-variables', 'CustomVariable'],
  environment_variable: ['environments', 'EnvironmentVariable'],
  taxonomy: ['entity', 'Taxonomy'],
  taxonomy_classification: ['entity', 'TaxonomyClassification'],
  entity_mapping: ['entity-mapping', 'MappingConfigV2'],
  portal_config: ['customer-portal', 'PortalConfig'],
  target: ['targeting', 'Target'],
  product_recommendation: ['pricing', 'ProductRecommendation'],
  access_token: ['access-token', 'AccessTokenItem'],
}

/** Entities carry the system's members and whatever attributes their schema has, whichever API describes them. */
const OF_ENTITIES =
  /^\/(_org|_org_id|_owners|_acl|_tags|_purpose|_manifest|created_by|updated_by|_?coupons)(\/|$)/
/** Answered once, when the token is made. */
const ELSEWHERE = new Map([['access_token', ['/token']]])

const pathsOf = (of: TypeDefinition): string[] => [
  of.id_path,
  ...of.title_paths,
  ...of.alias_rules.map(({ path }) => path),
  ...of.tag_paths,
  ...of.purpose_paths,
  ...of.blueprint_paths,
  ...Object.values(of.metadata),
  ...of.natural_key,
  ...of.references.map(({ path }) => path),
  ...of.volatile_paths,
  ...of.secret_paths,
  ...[of.active_path, of.updated_at_path, of.updated_by_path, of.usage_path].flatMap((path) => path ?? []),
]

describe('[CT-2] what a built-in type says of its documents', () => {
  test.each(each)('%s is what its API publishes', (type, of) => {
    const [api, ...schemas] = PUBLISHED[type]!
    const isEntity = of.id_path === '/_id'
    // a design is answered inside an object
    const inside = type === 'designbuilder' ? '/design' : ''
    const unknown = [...new Set(pathsOf(of))].filter(
      (path) =>
        path !== USAGE &&
        !(isEntity && OF_ENTITIES.test(path)) &&
        !ELSEWHERE.get(type)?.includes(path) &&
        !schemas.some((schema) => isPublished(api, schema, inside + path)),
    )
    expect(unknown).toEqual([])
  })

  test('the comparison tells a path that is not there', () => {
    expect(isPublished('journey', 'Journey', '/settings/designId')).toBe(true)
    expect(isPublished('journey', 'Journey', '/settings/designs')).toBe(false)
    expect(isPublished('webhooks', 'WebhookConfig', '/auth/**/password')).toBe(true)
    expect(isPublished('webhooks', 'WebhookConfig', '/auth/**/passphrase')).toBe(false)
  })
})
