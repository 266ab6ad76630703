import { z } from 'zod'

/** References only: what is true now is read from the manifest. Members that are not named here are dropped. */
const Drift = z.object({
  jobId: z.string(),
  checkpointDigest: z.string(),
  fingerprints: z.array(z.string()).max(100),
  opened: z.int().min(0).optional(),
  resolved: z.int().min(0).optional(),
  open: z.int().min(0).optional(),
})
const Readiness = z.object({
  eventId: z.string(),
  before: z.string(),
  after: z.string(),
  statusBefore: z.string().optional(),
  statusAfter: z.string().optional(),
})
const Approval = z.object({
  sessionId: z.string(),
  approvalId: z.string(),
  operationId: z.string(),
  planDigest: z.string(),
  expiresAt: z.string(),
})
const SyncFinished = z.object({ jobId: z.string(), kind: z.string(), status: z.string() })
const Idea = z.object({ ideaId: z.string() })

type Family = {
  version: string
  title: string
  /** Whether this deployment emits it; what is not produced here is described for who writes receivers. */
  produced: boolean
  /** What a subscriber must be allowed to read; null: only what is the subscriber's own. */
  scope: string | null
  /** Where to read what is true now; {id} is the subject's id. */
  manifest: string
  prompt: string
  data: z.ZodObject
  sample: {
    subject: TriggerSubject
    data: Record<string, string | number | readonly string[]>
  }
}

export type TriggerSubject = { kind: string; id: string; title: string }

export const FAMILY_IDS = [
  'creator.catalog.drift.detected',
  'live.readiness.changed',
  'session.approval.requested',
  'config.sync.finished',
  'member.idea.submitted',
] as const
export type FamilyId = (typeof FAMILY_IDS)[number]

export const FAMILIES: Readonly<Record<FamilyId, Family>> = {
  'creator.catalog.drift.detected': {
    version: 'agent-workflow-trigger.catalog-drift.v1',
    title: 'The catalog and what is at Stripe differ',
    produced: true,
    scope: 'catalog:read',
    manifest: '/api/agent/sync-jobs',
    prompt: 'Read the job’s current findings, then preview a fix for those that are still open.',
    data: Drift,
    sample: {
      subject: { kind: 'sync-job', id: 'stripe-catalog', title: 'Catalog and Stripe' },
      data: {
        jobId: 'stripe-catalog',
        checkpointDigest: `sync-digest-${'0'.repeat(64)}`,
        fingerprints: ['finding-0123456789abcdef'],
        opened: 1,
        resolved: 0,
        open: 1,
      },
    },
  },
  'live.readiness.changed': {
    version: 'agent-workflow-trigger.live-readiness.v1',
    title: 'The readiness or the status of a live event changed',
    produced: true,
    scope: 'live:read',
    manifest: '/api/agent/live-controls',
    prompt: 'Read the event’s current readiness, then preview what it still needs.',
    data: Readiness,
    sample: {
      subject: { kind: 'live-event', id: 'studio-room-1a2b3c4d', title: 'Studio Room' },
      data: {
        eventId: 'studio-room-1a2b3c4d',
        before: 'blocked',
        after: 'ready',
        statusBefore: 'draft',
        statusAfter: 'scheduled',
      },
    },
  },
  'session.approval.requested': {
    version: 'agent-workflow-trigger.session-approval.v1',
    title: 'People were asked to approve a plan',
    produced: true,
    scope: null,
    manifest: '/api/agent/sessions',
    prompt: 'Read the approval’s current status. Only a signed-in person decides it.',
    data: Approval,
    sample: {
      subject: { kind: 'approval', id: 'approval-0123456789abcdef', title: 'Cancel Studio Room.' },
      data: {
        sessionId: 'agent-session-0123456789abcdef',
        approvalId: 'approval-0123456789abcdef',
        operationId: 'live.events.status.confirmed-update',
        planDigest: '0'.repeat(64),
        expiresAt: '2026-05-21T03:30:00.000Z',
      },
    },
  },
  'config.sync.finished': {
    version: 'agent-workflow-trigger.config-sync.v1',
    title: 'A job of the configuration ended',
    produced: true,
    scope: 'config:read',
    manifest: '/api/agent/configuration-hub',
    prompt: 'Read the job’s current status and rows before you plan another.',
    data: SyncFinished,
    sample: {
      subject: { kind: 'config-job', id: 'job-0123456789abcdef', title: 'sync' },
      data: { jobId: 'job-0123456789abcdef', kind: 'sync', status: 'succeeded' },
    },
  },
  'member.idea.submitted': {
    version: 'agent-workflow-trigger.member-idea.v1',
    title: 'A member submitted an idea',
    produced: false,
    scope: null,
    manifest: '/api/agent/surfaces',
    prompt: 'Read the idea’s current state where it is kept.',
    data: Idea,
    sample: {
      subject: { kind: 'member-idea', id: 'idea-0001', title: 'An idea' },
      data: { ideaId: 'idea-0001' },
    },
  },
}

/** Those that this deployment emits, which alone can be subscribed to. */
export const PRODUCED = FAMILY_IDS.filter((id) => FAMILIES[id].produced)
