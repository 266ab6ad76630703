import type { Context } from '../../operation/define.ts'
import { fail } from '../../operation/errors.ts'
import type { ConfigNode } from '../schema.ts'
import type { ConfigType, Registry } from '../types/definition.ts'
import { BUILT_IN_REGISTRY, registryOf, requireType } from '../types/registry.ts'
import type { NodeRow } from './read-store.ts'

export { findNode, type NodeRow, nodesOf } from './read-store.ts'

/** A node as the contract shows it: members that do not apply are left out. */
export function presentNode(row: NodeRow): ConfigNode {
  const { link, blueprints, metadata } = row.summary
  const list = <T>(name: string, values: readonly T[]) => (values.length > 0 ? { [name]: values } : {})
  return {
    type: row.type,
    id: row.id,
    title: row.title,
    updated_at: row.updatedAt.toISOString(),
    ...(row.updatedBy === null ? {} : { updated_by: row.updatedBy }),
    ...list('tags', row.tags),
    ...list('aliases', row.aliases),
    ...list('purposes', row.purposes),
    ...(link === undefined ? {} : { link }),
    ...(row.active === null ? {} : { active: row.active }),
    ...list('blueprints', blueprints),
    ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
  }
}

/** The type that a path names. Errors: `validation-failed` for an unknown one, and for an own one without include. */
export function shownType(registry: Registry, type: string, include: 'custom' | undefined): ConfigType {
  const found = requireType(registry, type)
  if (!found.custom || include === 'custom') return found
  return fail('validation-failed', {
    detail: `Invalid input: /type ${type} is a type of the organisation's own; ask for it with include=custom`,
    errors: [{ pointer: '/type', message: 'is an own type; ask for it with include=custom' }],
  })
}

/** The same of the open call. How the contract's types are shown no organisation changes: those need no statement. */
export const typeOfPath = async (
  { db, org }: Pick<Context, 'db' | 'org'>,
  type: string,
  include: 'custom' | undefined,
): Promise<ConfigType> => BUILT_IN_REGISTRY.get(type) ?? shownType(await registryOf(db, org), type, include)
