import { z } from 'zod'
import { admits } from '../operation/admit.ts'
import { type Context, type Operation, read, routePath } from '../operation/define.ts'
import { describe, endpoint, surfaceOf } from '../operation/manifest.ts'
import { availableFeeds } from '../sync-feeds/feeds.ts'
import { READS } from './access.ts'
import { definitionsOf, requireDefinition } from './engine/jobs.ts'
import { ManifestSchema } from './manifest-schema.ts'
import { sampleJob } from './sample-job.ts'
import { JOB_STATUSES } from './schema.ts'
import { simulate } from './simulation.ts'
import { STRIPE_CATALOG } from './stripe-catalog/definition.ts'
import { wholeJob } from './whole-job.ts'
import { CONTRACTS, FIRST_SOURCE, GUIDANCE, SAFE_USE, SUMMARY, WRITE_BACK } from './wording.ts'

type Manifest = z.input<typeof ManifestSchema>

export const manifestRead = read({
  id: 'sync-jobs.manifest.read',
  tool: 'agent_sync_jobs_manifest_read',
  surface: 'sync-jobs',
  summary: 'Read what sync jobs are, their contracts and endpoints, and a scan replayed on sample records.',
  boundaries: [
    'Who may not read the job gets the checkpoint of the simulation in its place, marked as a sample.',
    'The simulation is what the engine makes of the sample records, and is in no database.',
  ],
  http: { method: 'GET', path: '/api/agent/sync-jobs' },
  access: { auth: 'guest' },
  input: z.strictObject({}),
  output: ManifestSchema,
  errors: ['not-found'],
  audit: { none: 'A read changes nothing.' },
  resource: { uri: 'fanful://agent/sync-jobs/manifest', title: 'Sync jobs manifest' },
  async run(ctx) {
    const { origin } = ctx.call
    const definition = requireDefinition(ctx.deps, STRIPE_CATALOG)
    const simulation = simulate()
    const sample = sampleJob(ctx, definition, simulation)
    const job = admits(READS, ctx.principal) ? await wholeJob(ctx, STRIPE_CATALOG) : undefined
    const { checkpoint, status, stats } = job ?? sample
    return {
      ok: true as const,
      version: 'agent-sync-jobs.v1' as const,
      generatedAt: ctx.now.toISOString(),
      surface: { ...surfaceOf('sync-jobs', ctx.org), executionRuntimeReady: true },
      currentStatus: {
        contract: 'manual-run-ready',
        storage: 'enabled',
        scheduler: 'cron-ready',
        firstImplementedSurface: STRIPE_CATALOG,
        lastCheckpoint: checkpoint,
        sample: job === undefined,
        firstAvailableFeed: 'work-log',
        summary: SUMMARY,
      },
      endpoints: endpointsOf(ctx),
      ...contracts(),
      firstImplementedSync: {
        id: STRIPE_CATALOG,
        source: FIRST_SOURCE,
        status,
        lastCheckpoint: checkpoint,
        sample: job === undefined,
        safeUse: SAFE_USE,
      },
      workflowTriggers: triggers(origin, checkpoint.digest, stats.driftFindings),
      availableFeeds: availableFeeds(origin),
      checkpointSimulation: {
        contract: 'agent-sync-checkpoint-simulation.v1' as const,
        pages: simulation.pages,
        expectedFinalStats: simulation.stats,
      },
      sampleJobs: [sample],
      jobs: definitionsOf(ctx.deps).map(({ id, title }) => ({ id, title })),
      operations: ctx.deps.operations
        .filter(({ surface }) => surface === 'sync-jobs')
        .map((operation) => describe(operation, origin, ctx.principal)),
      agentClientGuidance: GUIDANCE,
    }
  },
})

const contracts = (): Pick<Manifest, 'syncJobContract' | 'cursorContract' | 'checkpointContract'> => ({
  syncJobContract: { ...CONTRACTS.job, statuses: [...JOB_STATUSES] },
  cursorContract: CONTRACTS.cursor,
  checkpointContract: CONTRACTS.checkpoint,
})

/** The contract's names for its endpoints, and ours beside them. */
const ENDPOINTS: Record<string, string> = {
  manifest: 'sync-jobs.manifest.read',
  readJob: 'sync-jobs.read',
  startRun: 'sync-jobs.runs.start',
  readCheckpoint: 'sync-jobs.checkpoint.read',
  readWorkLogFeed: 'sync-feeds.work-log-read',
  readDrift: 'sync-jobs.drift.read',
  listRuns: 'sync-jobs.runs.list',
  readRun: 'sync-jobs.runs.read',
  cancelRun: 'sync-jobs.runs.cancel',
  resumeRun: 'sync-jobs.runs.resume',
  putSchedule: 'sync-jobs.schedules.put',
  removeSchedule: 'sync-jobs.schedules.remove',
}

/** Cursors that the contract shows in an address. */
const WITH_CURSOR = new Set(['sync-feeds.work-log-read'])

function endpointsOf(ctx: Context): Manifest['endpoints'] {
  const byId = new Map<string, Operation>(ctx.deps.operations.map((operation) => [operation.id, operation]))
  return Object.fromEntries(
    Object.entries(ENDPOINTS).flatMap(([name, id]) => {
      const operation = byId.get(id)
      if (!operation) return []
      const { http, access, summary } = operation
      const described = endpoint(ctx.call.origin, http, access, summary, { status: 'available' })
      const href = `${ctx.call.origin}${routePath(http)}?cursor={cursor}`
      return [[name, WITH_CURSOR.has(id) ? { ...described, href } : described]]
    }),
  )
}

const triggers = (
  origin: string,
  checkpointDigest: string,
  driftFindings: number,
): Manifest['workflowTriggers'] => ({
  catalogDriftDetected: {
    type: 'creator.catalog.drift.detected',
    version: 'agent-workflow-trigger.catalog-drift.v1',
    status: 'signed-record-ready',
    triggerManifest: `${origin}/api/agent/workflow-triggers?family=creator.catalog.drift.detected`,
    creatorCommerceManifest: `${origin}/api/agent/creator-commerce`,
    sourceIssue: null,
    linkedSyncIssue: null,
    sourceJobId: STRIPE_CATALOG,
    checkpointDigest,
    driftFindings,
    writeBackPolicy: WRITE_BACK,
  },
})
