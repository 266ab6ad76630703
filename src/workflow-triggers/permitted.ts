import { hasScope, type Principal } from '../access/principal.ts'
import type { Queryable } from '../db/pool.ts'
import { seesSession } from '../sessions/wake.ts'
import { FAMILIES, type FamilyId } from './families.ts'

/** The scope that a principal lacks for a family; undefined when it may be told of it. */
export function missingScope(principal: Principal, family: FamilyId): string | undefined {
  const { scope } = FAMILIES[family]
  if (scope === null) return undefined
  const wanted = `creator:${principal.org}:${scope}`
  return hasScope(principal, wanted) ? undefined : wanted
}

/** Whether a principal may be told of this event: by the family's scope, and of sessions only what it sees of them. */
export async function mayKnow(
  db: Queryable,
  principal: Principal,
  { family, data }: { family: FamilyId; data: Record<string, unknown> },
): Promise<boolean> {
  if (missingScope(principal, family)) return false
  if (family !== 'session.approval.requested') return true
  return seesSession({ db, org: principal.org, principal }, String(data.sessionId))
}
