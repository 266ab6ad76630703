import type { Principal } from '../access/principal.ts'
import type { Deps } from '../deps.ts'
import { context } from '../operation/context.ts'
import type { Context } from '../operation/define.ts'
import { SYSTEM_ACTOR } from './log.ts'

/** The system itself, acting in one organisation. It has no scope, and calls no operation. */
export const systemPrincipal = (org: string): Principal => ({
  kind: 'automation',
  source: 'approved-automation',
  role: 'automation',
  org,
  id: 'system',
  userId: null,
  displayName: SYSTEM_ACTOR.displayName,
  email: null,
  adminRole: null,
  scopes: [],
  grantId: null,
  client: null,
})

/** A call that the system makes as itself, in the background. */
export const systemContext = (deps: Deps, org: string, requestId: string): Context =>
  context(
    deps,
    { principal: systemPrincipal(org), requestId, origin: deps.access.origin(), unattended: true },
    deps.clock(),
  )
