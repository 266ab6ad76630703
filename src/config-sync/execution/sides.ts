import { hasScope } from '../../access/principal.ts'
import { standing } from '../../access/standing.ts'
import { connectorsOf, openConnector, type Source } from '../../config-hub/connectors/open.ts'
import { type ConnectorRow, connectorTo } from '../../config-hub/connectors/store.ts'
import { READS, WRITES } from '../../config-hub/schema.ts'
import { registryOf } from '../../config-hub/types/registry.ts'
import type { Deps } from '../../deps.ts'
import { requiredScope } from '../../operation/admit.ts'
import { fail } from '../../operation/errors.ts'
import type { SyncJob } from './job.ts'
import { tokenOf } from './tokens.ts'

/** Who allowed the use of another organisation of this server: verified by its token once, kept by name only. */
export type Authority = { org: string; principal: string }

export type Sides = { source: Source | undefined; target: Source }

/**
 * Both sides of a job as they may be used now. Errors: `forbidden` when whoever allowed it may not any more, or the token
 * of another server is not here; `unavailable` when nothing is known of the other organisation.
 */
export async function openSides(deps: Deps, job: SyncJob): Promise<Sides> {
  const { sourceOrg, targetOrg, stage } = job
  // a plan that is applied has all that its source had, and nobody allowed the source's use anew
  const isRead = sourceOrg !== null && !(stage === 'running' && job.request.authority === undefined)
  const source = isRead ? await openSide(deps, job, sourceOrg, 'source') : undefined
  return { source, target: await openSide(deps, job, targetOrg, 'target') }
}

async function openSide(deps: Deps, job: SyncJob, org: string, side: 'source' | 'target'): Promise<Source> {
  if (org === job.org) return localSide(deps, org)
  const authority = job.request.authority as Authority | undefined
  if (authority?.org === org) {
    await requireStanding(deps, authority, side)
    return localSide(deps, org)
  }
  const token = tokenOf(deps, job.id)
  const row: ConnectorRow | undefined = await connectorTo(deps.db, job.org, org)
  if (!row) return fail('unavailable', `There is no connector for the organisation ${org}.`)
  // once a plan is made its source is not read again
  if (token === undefined && side === 'target')
    return fail('forbidden', 'The token for the other organisation is gone.')
  const connector = openConnector(deps, job.org, row, token)
  return { org, registry: await registryOf(deps.db, job.org), kind: 'remote', connectorOf: () => connector }
}

async function localSide(deps: Deps, org: string): Promise<Source> {
  const registry = await registryOf(deps.db, org)
  const connectors = await connectorsOf(deps, org, registry)
  return {
    org,
    registry,
    kind: 'local',
    connectorOf: ({ connector }) =>
      connectors.get(connector) ?? fail('unavailable', `There is no connector ${connector}.`),
  }
}

async function requireStanding(deps: Deps, authority: Authority, side: 'source' | 'target'): Promise<void> {
  if (!(await mayUse(deps, authority, side)))
    fail('forbidden', 'Whoever allowed the use of the other organisation may not do so any more.')
}

/** Whether a principal may read an organisation of this server, or write to it, now. */
export async function mayUse(
  { db, clock }: Pick<Deps, 'db' | 'clock'>,
  { org, principal }: Authority,
  side: 'source' | 'target',
): Promise<boolean> {
  const holder = await standing(db, org, { id: principal }, clock())
  return (
    holder !== undefined && hasScope(holder, requiredScope(side === 'source' ? READS : WRITES, org) as string)
  )
}
