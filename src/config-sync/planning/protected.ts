import type { Document } from '../../config-hub/index/entry.ts'
import { at } from '../../config-hub/references/path.ts'
import type { ConfigType } from '../../config-hub/types/definition.ts'

/** Names under which types show in their `metadata` that something belongs to the system. */
const OF_THE_SYSTEM = ['protected', 'system_flow', 'system_template']

/** What the organisation cannot do without, by type: values of a member. */
const BUILT_IN: Readonly<Record<string, readonly [pointer: string, values: readonly string[]][]>> = {
  // the root role of the organisation, and the roles that it starts with
  role: [
    ['/type', ['org_role']],
    ['/slug', ['owner', 'administrator']],
  ],
  // built-in schemas say that they come from the system
  schema: [['/source/type', ['SYSTEM']]],
  saved_view: [['/created_by/source', ['SYSTEM']]],
}

/** Why a configuration may not be deleted; undefined: it may. */
export function protection(type: ConfigType, document: Document): string | undefined {
  if (!type.deletable) return `Configurations of the type ${type.type} are not deleted.`
  for (const name of OF_THE_SYSTEM) {
    const path = type.metadata[name]
    if (path !== undefined && at(document, path) === true) return 'It is protected.'
  }
  const isBuiltIn = BUILT_IN[type.type]?.some(([pointer, values]) =>
    values.includes(String(at(document, pointer))),
  )
  return isBuiltIn ? 'It is built in.' : undefined
}
