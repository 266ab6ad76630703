import type { Context } from '../../operation/define.ts'
import { fail } from '../../operation/errors.ts'
import { newId } from '../../sessions/rules.ts'
import type { JobKind } from '../execution/job.ts'
import { startJob } from '../execution/run.ts'
import type { Use } from './other.ts'
import { findJob, insertJob, type JobRequest, type JobRow, type NewJob } from './store.ts'

export const newJobId = (): string => newId('job')

export type Begin = Pick<
  NewJob,
  'id' | 'kind' | 'name' | 'direction' | 'sourceOrg' | 'targetOrg' | 'dryRun'
> & {
  request: Omit<JobRequest, 'authority' | 'sealedOverrides'>
  overrides?: Record<string, unknown> | undefined
  ofJob?: string
  use: Use
}

/** Makes a job in the open transaction and has it planned; what comes then is decided by policy. */
export async function beginJob(ctx: Context, job: Begin): Promise<JobRow> {
  const { use, overrides, request, ofJob, ...rest } = job
  const made = await insertJob(ctx.db, {
    ...rest,
    org: ctx.org,
    stage: 'planning',
    request: {
      ...request,
      ...(use.authority ? { authority: use.authority } : {}),
      ...(overrides && Object.keys(overrides).length > 0
        ? { sealedOverrides: ctx.deps.sealing.seal(JSON.stringify(overrides)).toString('base64') }
        : {}),
    },
    requestedBy: requesterOf(ctx),
    ofJob: ofJob ?? null,
    sessionId: ctx.call.sessionId ?? null,
    holder: use.holder,
    createdAt: ctx.now,
  })
  await startJob(ctx.db, ctx.org, made.id)
  return made
}

export const requesterOf = ({ principal }: Pick<Context, 'principal'>): JobRow['requestedBy'] => {
  const { id, source, role, displayName, scopes } = principal
  return { id, source, role, displayName, scopes }
}

/** Jobs that the routes of the contract's sync jobs show. */
export const SYNC_KINDS: readonly JobKind[] = ['sync', 'restore', 'rollback']

export const ALL_KINDS: readonly JobKind[] = [...SYNC_KINDS, 'delete']

/** Errors: `not-found`, for a job of other kinds too. */
export async function requireJob(
  ctx: Pick<Context, 'db' | 'org'>,
  id: string,
  kinds: readonly JobKind[],
  lock = false,
): Promise<JobRow> {
  const row = await findJob(ctx.db, ctx.org, id, lock)
  return row && kinds.includes(row.kind) ? row : fail('not-found', `There is no job ${id}.`)
}
