import type { Context } from '../../operation/define.ts'
import { fail } from '../../operation/errors.ts'
import { findNode, shownType } from '../index/read.ts'
import type { Registry } from '../types/definition.ts'
import { registryOf } from '../types/registry.ts'

/** The contract's types, and with `include=custom` the organisation's own too. */
export const shownTypes = (registry: Registry, include: 'custom' | undefined): string[] =>
  [...registry.values()].filter(({ custom }) => !custom || include === 'custom').map(({ type }) => type)

type Asked = { type: string; id: string; include?: 'custom' | undefined }

/**
 * The types that a question about one configuration may pass through. Errors: `validation-failed` for a type that is
 * not shown, `not-found` for a configuration that is unknown, foreign or deleted.
 */
export async function typesAround({ db, org }: Context, { type, id, include }: Asked): Promise<string[]> {
  const registry = await registryOf(db, org)
  shownType(registry, type, include)
  if (!(await findNode(db, org, type, id))) fail('not-found', `There is no ${type} ${id}.`)
  return shownTypes(registry, include)
}

/** The types of a list of the whole organisation, and the one that it is narrowed to. Errors: `validation-failed` as above. */
export async function typesListed(
  { db, org }: Context,
  { type, include }: { type?: string | undefined; include?: 'custom' | undefined },
): Promise<string[]> {
  const registry = await registryOf(db, org)
  if (type !== undefined) shownType(registry, type, include)
  return shownTypes(registry, include)
}
