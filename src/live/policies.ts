import { z } from 'zod'
import { admits, requiredScope } from '../operation/admit.ts'
import type { Context, Operation, WriteOperation } from '../operation/define.ts'
import { actionLiteral } from '../operation/define.ts'
import { EndpointSchema, endpoint } from '../operation/manifest.ts'
import { eventsScheduleConfirmedCreate } from './events-schedule-confirmed-create.ts'
import { eventsScheduleConfirmedUpdate } from './events-schedule-confirmed-update.ts'
import { eventsSchedulePreview } from './events-schedule-preview.ts'
import { eventsStatusConfirmedUpdate } from './events-status-confirmed-update.ts'
import { eventsStatusPreview } from './events-status-preview.ts'
import { eventsStatusUpdate } from './events-status-update.ts'
import { NEXT_STATUSES } from './rules.ts'

const Availability = z.enum(['auth-required', 'ready'])

const Policy = z.object({
  version: z.string(),
  capability: z.string(),
  operationId: z.string(),
  safeForAgent: z.boolean(),
  requiredScopes: z.array(z.string()),
  auth: z.object({
    source: z.string(),
    role: z.string(),
    canPreview: z.boolean(),
    grant: z.object({ client: z.string(), scopes: z.array(z.string()) }).nullable(),
  }),
  status: Availability,
  dryRun: z.object({
    endpoint: EndpointSchema,
    supportedActions: z.array(z.string()),
    writesState: z.literal(false),
  }),
  confirmedWrites: z.object({
    status: Availability,
    shippedFoundationIssues: z.array(z.number()),
    requiredBeforeExecutable: z.array(z.string()),
    relatedIssues: z.array(z.number()),
  }),
})

export const SchedulePolicy = Policy.extend({
  confirmedWrite: z.object({
    status: Availability,
    endpoint: EndpointSchema,
    supportedActions: z.array(z.string()),
    createAction: z.string(),
    createToolName: z.string(),
    futureAction: z.string(),
    futureToolName: z.string(),
    contractId: z.string(),
    writesState: z.literal(true),
  }),
})

export const TransitionPolicy = Policy.extend({
  confirmedWrite: z.object({
    endpoint: EndpointSchema,
    supportedActions: z.array(z.string()),
    writesState: z.literal(true),
    contractId: z.string(),
    futureToolName: z.string(),
  }),
  supportedTransitions: z.object({ nextStatuses: z.array(z.string()), currentWriteRoute: EndpointSchema }),
})

const endpointOf = (ctx: Context, operation: Pick<Operation, 'http' | 'access' | 'summary'>) =>
  endpoint(ctx.call.origin, operation.http, operation.access, operation.summary)

const action = (operation: Operation): string => actionLiteral(operation) as string

/** What both policies say alike, for this caller. */
function common(ctx: Context, version: string, dryRun: Operation, required: readonly string[]) {
  const { principal } = ctx
  const canPreview = admits(dryRun.access, principal)
  const status = canPreview ? ('ready' as const) : ('auth-required' as const)
  return {
    version,
    capability: dryRun.id,
    operationId: dryRun.id,
    safeForAgent: true,
    requiredScopes: [requiredScope(dryRun.access, ctx.org) as string],
    auth: {
      source: principal.source,
      role: principal.role,
      canPreview,
      grant:
        principal.kind === 'grant'
          ? { client: principal.client?.name ?? 'agent', scopes: principal.scopes }
          : null,
    },
    status,
    dryRun: {
      endpoint: endpointOf(ctx, dryRun),
      supportedActions: [action(dryRun)],
      writesState: false as const,
    },
    confirmedWrites: {
      status,
      shippedFoundationIssues: [],
      requiredBeforeExecutable: [...required],
      relatedIssues: [],
    },
  }
}

const BEFORE_WRITE = [
  'agent-write-envelope.v1 execute payload',
  'exact confirmation text',
  'agent client attribution',
  'idempotency key',
  'audit correlation id',
]

export function schedulePolicy(ctx: Context): z.infer<typeof SchedulePolicy> {
  const [create, update] = [eventsScheduleConfirmedCreate, eventsScheduleConfirmedUpdate] as const
  const required = [
    'fresh schedule preview',
    ...BEFORE_WRITE,
    'observed updated_at for updates',
    'the same fanNotification copy as previewed, where followers are told',
    'approval of the planDigest, where the policy asks for one',
  ]
  const shared = common(ctx, 'agent-live-schedule-preview.v1', eventsSchedulePreview, required)
  return {
    ...shared,
    confirmedWrite: {
      status: shared.status,
      endpoint: endpointOf(ctx, update),
      supportedActions: [action(create), action(update)],
      createAction: action(create),
      createToolName: create.tool,
      futureAction: action(update),
      futureToolName: update.tool,
      contractId: update.confirmation.contractId,
      writesState: true,
    },
  }
}

export function transitionPolicy(ctx: Context): z.infer<typeof TransitionPolicy> {
  const update: WriteOperation = eventsStatusConfirmedUpdate
  const required = [
    'fresh status preview with observed updated_at',
    ...BEFORE_WRITE,
    'approval of the planDigest, where the policy asks for one',
  ]
  return {
    ...common(ctx, 'agent-live-transition-preview.v1', eventsStatusPreview, required),
    confirmedWrite: {
      endpoint: endpointOf(ctx, update),
      supportedActions: [action(update)],
      writesState: true,
      contractId: update.confirmation.contractId,
      futureToolName: update.tool,
    },
    supportedTransitions: {
      nextStatuses: [...NEXT_STATUSES],
      currentWriteRoute: endpointOf(ctx, eventsStatusUpdate),
    },
  }
}
