import { z } from 'zod'
import { DescriptorSchema, EndpointSchema, SurfaceSchema } from '../operation/manifest.ts'
import { JOB_STATUSES, SyncCheckpoint, SyncJobCore, SyncStats } from './schema.ts'

const Texts = z.array(z.string())

const SimulatedRecord = z.object({
  key: z.string(),
  sourceKind: z.string(),
  title: z.string(),
  updatedAt: z.string(),
  active: z.boolean(),
  amountCents: z.int(),
  currency: z.string(),
  duplicateOfPreviousPage: z.boolean(),
  modelVisibleReference: z.string(),
  hasStripePrice: z.boolean(),
  redactedStripePriceId: z.string().nullable(),
})

export const SimulationSchema = z.object({
  contract: z.literal('agent-sync-checkpoint-simulation.v1'),
  pages: z.array(
    z.object({
      id: z.string(),
      inputCursor: z.string().nullable(),
      outputCursor: z.string().nullable(),
      records: z.array(SimulatedRecord),
      checkpointAfter: z.object({
        cursor: z.string().nullable(),
        highWatermark: z.string().nullable(),
        recordsProcessed: z.int(),
        duplicateRecordsSkipped: z.int(),
      }),
    }),
  ),
  expectedFinalStats: SyncStats,
})

/** `agent-sync-jobs.v1`. */
export const ManifestSchema = z.object({
  ok: z.literal(true),
  version: z.literal('agent-sync-jobs.v1'),
  generatedAt: z.string(),
  surface: SurfaceSchema.extend({ executionRuntimeReady: z.boolean() }),
  currentStatus: z.object({
    contract: z.string(),
    storage: z.string(),
    scheduler: z.string(),
    firstImplementedSurface: z.string(),
    lastCheckpoint: SyncCheckpoint,
    sample: z
      .boolean()
      .describe('The checkpoint is that of the simulation: this caller may not read the job'),
    firstAvailableFeed: z.string(),
    summary: z.string(),
  }),
  endpoints: z.record(z.string(), EndpointSchema),
  syncJobContract: z.object({
    contract: z.string(),
    requiredFields: Texts,
    statuses: z.array(z.enum(JOB_STATUSES)),
    credentialPolicy: z.string(),
    reviewPolicy: z.string(),
  }),
  cursorContract: z.object({
    contract: z.string(),
    requiredFields: Texts,
    semantics: z.string(),
    duplicatePolicy: z.string(),
  }),
  checkpointContract: z.object({
    contract: z.string(),
    requiredFields: Texts,
    retentionPolicy: z.string(),
  }),
  firstImplementedSync: z.object({
    id: z.string(),
    source: z.string(),
    status: z.enum(JOB_STATUSES),
    lastCheckpoint: SyncCheckpoint,
    sample: z.boolean(),
    safeUse: z.string(),
  }),
  workflowTriggers: z.object({
    catalogDriftDetected: z.object({
      type: z.string(),
      version: z.string(),
      status: z.string(),
      triggerManifest: z.string(),
      creatorCommerceManifest: z.string(),
      sourceIssue: z.int().nullable(),
      linkedSyncIssue: z.int().nullable(),
      sourceJobId: z.string(),
      checkpointDigest: z.string(),
      driftFindings: z.int(),
      writeBackPolicy: z.string(),
    }),
  }),
  availableFeeds: z.array(
    z.object({
      id: z.string(),
      version: z.string(),
      endpoint: EndpointSchema,
      cursorKind: z.string(),
      recordTypes: Texts,
      tombstones: z.string(),
      redactionPolicy: z.string(),
    }),
  ),
  checkpointSimulation: SimulationSchema,
  sampleJobs: z.array(SyncJobCore.extend({ sample: z.literal(true) })),
  jobs: z.array(z.object({ id: z.string(), title: z.string() })).describe('Every job there is'),
  operations: z.array(DescriptorSchema),
  agentClientGuidance: Texts,
})
