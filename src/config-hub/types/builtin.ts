import { ACCESS_TYPES } from './builtin-access.ts'
import { ENTITY_TYPES } from './builtin-entities.ts'
import { FLOW_TYPES } from './builtin-flows.ts'
import { MODEL_TYPES } from './builtin-model.ts'
import { TypeDefinition } from './definition.ts'

/** The resource types of the configuration hub's contract, in its order. */
export const CONTRACT_TYPES = [
  'journey',
  'automation_flow',
  'workflow_definition',
  'closing_reason',
  'flow_template',
  'schema',
  'emailtemplate',
  'product',
  'price',
  'tax',
  'coupon',
  'file',
  'document_template',
  'webhook',
  'saved_view',
  'dashboard',
  'kanban',
  'role',
  'usergroup',
  'validation_rule',
  'integration',
  'app',
  'designbuilder',
  'notification_template',
  'custom_variable',
  'environment_variable',
  'taxonomy',
  'taxonomy_classification',
  'entity_mapping',
  'portal_config',
  'target',
  'product_recommendation',
  'access_token',
] as const

const drafts = new Map(
  [...FLOW_TYPES, ...ENTITY_TYPES, ...MODEL_TYPES, ...ACCESS_TYPES].map((draft) => [draft.type, draft]),
)

/** Definitions of the 33 types of the contract; a wrong one stops the process at its start. */
export const BUILT_IN: readonly TypeDefinition[] = CONTRACT_TYPES.map((type) =>
  TypeDefinition.parse(drafts.get(type)),
)
