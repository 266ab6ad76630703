import { hasScope, type Principal } from '../access/principal.ts'
import type { OperationAccess } from './define.ts'
import { fail } from './errors.ts'

/** Why a principal may not call, or undefined when it may. */
type Refusal = { code: 'unauthenticated' | 'forbidden' | 'scope-missing'; detail: string }

const admitsKind = {
  guest: () => true,
  'optional-session': () => true,
  'signed-in-listener': (principal) => principal.kind === 'person' || principal.kind === 'key',
  'first-party-session': (principal) => principal.kind === 'person',
  'scoped-agent-grant': (principal) => principal.kind !== 'guest',
  'artist-admin-or-approved-automation': (principal) =>
    principal.kind === 'automation' || (principal.kind !== 'guest' && principal.adminRole !== null),
} satisfies Record<OperationAccess['auth'], (principal: Principal) => boolean>

/** The full scope an operation asks for in an organisation. */
export const requiredScope = (access: OperationAccess, org: string): string | undefined =>
  access.scope && `creator:${org}:${access.scope}`

export function refusal(access: OperationAccess, principal: Principal): Refusal | undefined {
  if (!admitsKind[access.auth](principal)) {
    if (principal.kind === 'guest')
      return { code: 'unauthenticated', detail: `This operation is for ${access.auth}.` }
    return { code: 'forbidden', detail: `This operation is for ${access.auth}, not for ${principal.source}.` }
  }
  if (access.owner && !(principal.kind === 'person' && principal.adminRole === 'owner'))
    return { code: 'forbidden', detail: 'This operation is for signed-in owners of the organisation.' }
  const scope = requiredScope(access, principal.org)
  if (scope && !hasScope(principal, scope))
    return { code: 'scope-missing', detail: `The scope ${scope} is missing.` }
  return undefined
}

export const admits = (access: OperationAccess, principal: Principal): boolean =>
  refusal(access, principal) === undefined

export function requireAdmission(access: OperationAccess, principal: Principal): void {
  const refused = refusal(access, principal)
  if (refused) fail(refused.code, refused.detail)
}
