import type { Queryable } from '../../db/pool.ts'
import { fail } from '../../operation/errors.ts'
import { BUILT_IN } from './builtin.ts'
import type { ConfigType, Registry, TypeDefinition } from './definition.ts'
import { lockTypes, type Override, storedTypes } from './store.ts'

/** The contract's 33 types as nobody changed them. */
export const BUILT_IN_REGISTRY: Registry = new Map(
  BUILT_IN.map((definition) => [definition.type, { ...definition, custom: false }]),
)

/**
 * The types of an organisation: the contract's, in its order and with what the organisation changed of them, then its
 * own by name. One statement; organisations that stored nothing share one object.
 */
export async function registryOf(db: Queryable, org: string): Promise<Registry> {
  const stored = await storedTypes(db, org)
  if (stored.length === 0) return BUILT_IN_REGISTRY
  const registry = new Map(BUILT_IN_REGISTRY)
  for (const { type, definition } of stored) registry.set(type, effective(type, definition))
  return registry
}

/** A type as its organisation sees it, of what it stored: a whole definition, or what it changes of a built-in one. */
export function effective(type: string, stored: TypeDefinition | Override): ConfigType {
  const builtIn = BUILT_IN_REGISTRY.get(type)
  return builtIn ? { ...builtIn, ...stored } : { ...(stored as TypeDefinition), custom: true }
}

/**
 * Keeps own types as they are until the transaction ends, so that none is removed while documents of it are written.
 * Refuses (validation-failed) when one is gone since the registry was read.
 */
export async function holdTypes(tx: Queryable, org: string, types: readonly ConfigType[]): Promise<void> {
  const own = [...new Set(types.filter(({ custom }) => custom).map(({ type }) => type))]
  if (own.length === 0) return
  const held = await lockTypes(tx, org, own)
  for (const type of own) if (!held.includes(type)) refuseType(type)
}

/** The type, or a refusal (validation-failed) that names the field at `pointer`. */
export const requireType = (registry: Registry, type: string, pointer = '/type'): ConfigType =>
  registry.get(type) ?? refuseType(type, pointer)

const refuseType = (type: string, pointer = '/type'): never =>
  fail('validation-failed', {
    detail: `${type} is no type of this organisation.`,
    errors: [
      { pointer, message: 'must be one of the types that GET /v1/configs/types?include=custom lists' },
    ],
  })
