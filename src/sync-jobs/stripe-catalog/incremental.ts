import type { Transaction } from '../../db/pool.ts'
import type { Deps } from '../../deps.ts'
import { beginIncremental } from '../engine/runs.ts'
import { STRIPE_CATALOG } from './definition.ts'

/** Begins a run over what changed, for events that Stripe told of; false: a run is under way. */
export const scanChanges = (deps: Deps, tx: Transaction, org: string): Promise<boolean> =>
  beginIncremental(deps, tx, { org, jobId: STRIPE_CATALOG, requestedBy: 'Stripe' })
