import type { OperationAccess } from '../operation/define.ts'

/** Who sees jobs, runs, checkpoints and what was found. */
export const READS: OperationAccess = { auth: 'artist-admin-or-approved-automation', scope: 'sync:read' }
/** Who starts, stops and schedules scans. */
export const WRITES: OperationAccess = { auth: 'artist-admin-or-approved-automation', scope: 'sync:write' }
