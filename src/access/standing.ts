import type { Queryable } from '../db/pool.ts'
import { keyPrincipal } from './authenticate.ts'
import { grantPrincipal, type Principal, personPrincipal } from './principal.ts'
import { intersectScopes } from './scopes.ts'
import { findGrantById, findKeyById, findMemberById } from './store.ts'

/**
 * Who did something earlier, by name only: `user:<id>`, `key:<id>` or `grant:<id>`, and the most it may do (what its
 * credential could do then; without them all that it may do now).
 */
export type KeptPrincipal = { id: string; scopes?: readonly string[] | undefined }

/**
 * The same principal as it is now, without a credential. Undefined when it may do nothing any more: a key or a grant
 * that was revoked or has expired, a person who left, and whoever acts for that person.
 */
export async function standing(
  db: Queryable,
  org: string,
  kept: KeptPrincipal,
  now: Date,
): Promise<Principal | undefined> {
  const principal = await principalOf(db, org, kept.id, now)
  if (!principal || !kept.scopes) return principal
  return { ...principal, scopes: intersectScopes(principal.scopes, kept.scopes) }
}

async function principalOf(
  db: Queryable,
  org: string,
  principalId: string,
  now: Date,
): Promise<Principal | undefined> {
  const [kind, id = ''] = principalId.split(/:(.*)/s)
  if (kind === 'key') {
    const key = await findKeyById(db, org, id, now)
    // an agent's key is no principal itself; its grant is
    return key && key.keyRole !== 'agent' ? keyPrincipal(key) : undefined
  }
  if (kind === 'grant') {
    const grant = await findGrantById(db, org, id, now)
    return grant && grantPrincipal(grant, grant.person, { org, role: grant.memberRole })
  }
  if (kind !== 'user') return undefined
  const member = await findMemberById(db, org, id)
  return member && personPrincipal(member.person, { org, role: member.role })
}
