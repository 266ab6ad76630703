import type { Caller, Reply } from './app.ts'

/** The schedule change of the contract's sample: 7:00 PM to 7:30 PM. */
export const MOVE = {
  title: 'Laurel Studio Room',
  status: 'scheduled',
  startsAt: '2026-05-21T02:30:00.000Z',
  streamProvider: 'none',
  chatEnabled: true,
  subscriberOnly: false,
}

export const EVENT_ID = 'laurel-studio-room-1a2b3c4d'

export const previewMove = (caller: Caller, overrides: Record<string, unknown> = {}): Promise<Reply> =>
  caller.call('POST', '/api/agent/live-controls', {
    action: 'preview_live_event_schedule_change',
    id: EVENT_ID,
    ...MOVE,
    ...overrides,
  })

export const openSession = async (caller: Caller): Promise<string> => {
  const reply = await caller.call('POST', '/api/agent/sessions', {
    workflow: 'creator.live.schedule-update',
    client: { id: 'client-test', name: 'Test client', kind: 'test' },
  })
  if (reply.status !== 201) throw new Error(`session: ${JSON.stringify(reply.body)}`)
  return reply.body.session.id
}

export const requestApproval = (
  caller: Caller,
  sessionId: string,
  planDigest: string,
  input: Record<string, unknown> = {},
): Promise<Reply> =>
  caller.call('POST', `/api/agent/sessions/${sessionId}/approvals`, {
    operationId: 'live.events.schedule.preview',
    input: { action: 'preview_live_event_schedule_change', id: EVENT_ID, ...MOVE, ...input },
    planDigest,
    reason: 'The guest arrives later.',
  })

export const approve = (
  person: Caller,
  sessionId: string,
  approvalId: string,
  planDigest: string,
): Promise<Reply> =>
  person.call('PATCH', `/api/agent/sessions/${sessionId}/approvals/${approvalId}`, {
    decision: 'approve',
    planDigest,
  })

/** The body of a confirmed schedule change; `envelope` members override the ones of a good envelope. */
export const confirmBody = (
  preview: Record<string, any>,
  key: string,
  overrides: { envelope?: Record<string, unknown>; fields?: Record<string, unknown> } = {},
) => ({
  action: 'confirm_live_event_schedule_change',
  eventId: EVENT_ID,
  observedUpdatedAt: preview.observedUpdatedAt,
  title: MOVE.title,
  startsAt: MOVE.startsAt,
  ...overrides.fields,
  envelope: {
    contract: 'agent-write-envelope.v1',
    contractId: 'creator.live.schedule-and-status',
    actionMode: 'execute',
    dryRun: false,
    actor: { kind: 'agent', displayName: 'Test agent' },
    client: { id: 'client-test', name: 'Test client', kind: 'test' },
    action: 'creator.live.schedule.update',
    target: { kind: 'live-event', id: EVENT_ID },
    confirmation: { text: preview.confirmationText, acknowledgedRisk: true },
    idempotencyKey: key,
    reason: 'The guest arrives later.',
    auditCorrelationId: 'test-correlation',
    ...overrides.envelope,
  },
})

/** The envelope that confirms a plan as it is, under a key of its own. */
export const envelopeFor = (plan: Record<string, any>, key: string, more: Record<string, unknown> = {}) => ({
  contract: 'agent-write-envelope.v1',
  contractId: plan.contractId,
  actionMode: 'execute',
  dryRun: false,
  actor: { kind: 'agent', displayName: 'Test agent' },
  client: { id: 'client-test', name: 'Test client', kind: 'test' },
  action: plan.action,
  target: { kind: plan.target.kind, id: plan.target.id },
  confirmation: { text: plan.confirmationText, acknowledgedRisk: true },
  idempotencyKey: key,
  reason: 'The test asks.',
  auditCorrelationId: 'test-correlation',
  ...more,
})
