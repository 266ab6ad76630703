import type { Queryable } from '../../db/pool.ts'
import { insertAudit } from '../../operation/store.ts'
import type { Counts, JobStatus, SyncJob } from './job.ts'

/**
 * The record of what a job wrote, for the organisation that asked and, where it is another one of this server, for the
 * one that was written to: its people see who promoted what into it, and allowed by whom.
 */
export async function auditEnd(
  tx: Queryable,
  job: SyncJob,
  status: JobStatus,
  { created = 0, patched = 0, deleted = 0, failed = 0 }: Counts,
  now: Date,
): Promise<void> {
  const { source, role, displayName } = job.requestedBy as Record<string, string>
  const authority = job.request.authority as { org: string } | undefined
  const row = {
    ...{ occurredAt: now, outcome: 'applied' as const, event: 'configuration_sync_job_end' },
    ...{ operationId: 'config-sync.jobs.apply', tool: 'config_sync_jobs_apply', requestId: job.id },
    principal: {
      source: source ?? 'unknown',
      role: role ?? 'unknown',
      displayName: displayName ?? 'unknown',
    },
    target: { kind: 'configuration-job', id: job.id },
    next: {
      ...{ id: job.id, kind: job.kind, status, source_org: job.sourceOrg, target_org: job.targetOrg },
      ...{ created, patched, deleted, failed },
    },
    ...(job.planDigest === null ? {} : { planDigest: job.planDigest }),
  }
  await insertAudit(tx, { ...row, org: job.org })
  if (authority?.org === job.targetOrg) await insertAudit(tx, { ...row, org: job.targetOrg })
}
