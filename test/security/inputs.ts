/** What a sample input refers to: things of one organisation, or things that do not exist. */
export type World = {
  org: string
  eventId: string
  observedUpdatedAt: string
  sessionId: string
  approvalId: string
  planDigest: string
}

type Inputs = Record<string, (world: World) => Record<string, unknown>>

/** An envelope in preview mode; who executes fills in the exact text and the evidence. */
const envelope = (action: string, id?: string) => ({
  contract: 'agent-write-envelope.v1',
  contractId: 'creator.live.schedule-and-status',
  actionMode: 'preview',
  dryRun: true,
  actor: 'Security suite',
  client: 'client-suite',
  action,
  target: id === undefined ? { kind: 'live-event' } : { kind: 'live-event', id },
  confirmation: { text: 'to be filled in', acknowledgedRisk: true },
  idempotencyKey: 'security-suite-key',
  reason: 'The suite asks.',
  auditCorrelationId: 'security-suite',
})

const room = {
  title: 'Suite room',
  status: 'scheduled',
  startsAt: '2026-09-01T18:00:00.000Z',
  streamProvider: 'none',
  chatEnabled: true,
  subscriberOnly: false,
}

/** The smallest good input of every operation, without `action`. The matrix proves that none is missing. */
export const INPUTS: Inputs = {
  'surfaces.list': () => ({}),
  'actions.contracts.read': () => ({}),
  'actions.envelope.validate': () => ({ contractId: 'creator.live.schedule-and-status', envelope: {} }),
  'sessions.manifest.read': () => ({}),
  'sessions.create': () => ({ workflow: 'suite.run', client: { id: 'c', name: 'Suite', kind: 'test' } }),
  'sessions.read': ({ sessionId }) => ({ sessionId }),
  'sessions.list': () => ({}),
  'sessions.messages.append': ({ sessionId }) => ({ sessionId, actorKind: 'agent', summary: 'Said so.' }),
  'sessions.events.read': ({ sessionId }) => ({ sessionId }),
  'sessions.approvals.request': ({ sessionId, eventId, planDigest }) => ({
    sessionId,
    operationId: 'live.events.status.confirmed-update',
    input: { eventId, nextStatus: 'cancelled' },
    planDigest,
    reason: 'The suite asks.',
  }),
  'sessions.approvals.read': ({ sessionId, approvalId }) => ({ sessionId, approvalId }),
  'sessions.approvals.resolve': ({ sessionId, approvalId, planDigest }) => ({
    sessionId,
    approvalId,
    decision: 'approve',
    planDigest,
  }),
  'sessions.complete': ({ sessionId }) => ({ sessionId, outcome: 'completed', summary: 'Done.' }),
  'sessions.cancel': ({ sessionId }) => ({ sessionId, reason: 'No longer wanted.' }),
  'live.controls.read': ({ eventId }) => ({ eventId }),
  'live.events.schedule.preview': ({ eventId }) => ({ eventId, ...room }),
  'live.events.schedule.confirmed-create': () => ({
    ...room,
    envelope: envelope('creator.live.schedule.create'),
  }),
  'live.events.schedule.confirmed-update': ({ eventId, observedUpdatedAt }) => ({
    eventId,
    observedUpdatedAt,
    ...room,
    envelope: envelope('creator.live.schedule.update', eventId),
  }),
  'live.events.status.preview': ({ eventId }) => ({ eventId, nextStatus: 'cancelled' }),
  'live.events.status.confirmed-update': ({ eventId, observedUpdatedAt }) => ({
    eventId,
    nextStatus: 'cancelled',
    observedUpdatedAt,
    envelope: envelope('creator.live.status.update', eventId),
  }),
  'policies.read': () => ({}),
  'policies.update': () => ({
    operationId: 'live.events.status.confirmed-update',
    principalKind: 'automation',
    mode: 'confirm',
  }),
  'audit.read': () => ({}),
}

/** Operations that act without preview and approval: nothing joins them unnoticed. */
export const RECORDS = [
  'actions.envelope.validate',
  'sessions.approvals.request',
  'sessions.approvals.resolve',
  'sessions.cancel',
  'sessions.complete',
  'sessions.create',
  'sessions.messages.append',
]
