import type { Caller, Reply } from './app.ts'
import { confirmBody, openSession, previewMove, requestApproval } from './loop.ts'

/** The time a move goes to, minutes after 7:30 PM in Los Angeles on 20 May 2026. */
export const laterBy = (minutes: number): string =>
  new Date(Date.parse('2026-05-21T02:30:00.000Z') + minutes * 60_000).toISOString()

/** A previewed move of one event, and the body that confirms it under a key. */
export type Move = { preview: Reply; body(key: string, approval?: Approval): Record<string, unknown> }
export type Approval = { id: string; planDigest: string }
export type RequestedMove = Move & { sessionId: string; approval: Approval }

export async function previewedMove(caller: Caller, eventId: string, startsAt = laterBy(0)): Promise<Move> {
  const preview = await previewMove(caller, { id: eventId, startsAt })
  if (preview.status !== 200) throw new Error(`preview: ${JSON.stringify(preview.body)}`)
  return {
    preview,
    body: (key, approval) =>
      confirmBody(preview.body, key, {
        fields: { eventId, startsAt },
        envelope: { target: { kind: 'live-event', id: eventId }, ...(approval ? { approval } : {}) },
      }),
  }
}

/** A move with a pending approval in a session of its own (or the one named). */
export async function requestedMove(
  agent: Caller,
  eventId: string,
  options: { startsAt?: string; sessionId?: string } = {},
): Promise<RequestedMove> {
  const { startsAt = laterBy(0) } = options
  const move = await previewedMove(agent, eventId, startsAt)
  const sessionId = options.sessionId ?? (await openSession(agent))
  const { planDigest } = move.preview.body
  const requested = await requestApproval(agent, sessionId, planDigest, { id: eventId, startsAt })
  if (requested.status !== 201) throw new Error(`approval: ${JSON.stringify(requested.body)}`)
  const approval = { id: requested.body.approval.id, planDigest }
  return { ...move, sessionId, approval, body: (key, named = approval) => move.body(key, named) }
}

export const decide = (
  person: Caller,
  { sessionId, approval }: Pick<RequestedMove, 'sessionId' | 'approval'>,
  decision: 'approve' | 'reject' | 'expire',
  more: Record<string, unknown> = {},
): Promise<Reply> =>
  person.call('PATCH', `/api/agent/sessions/${sessionId}/approvals/${approval.id}`, {
    decision,
    planDigest: approval.planDigest,
    ...more,
  })

export const confirm = (caller: Caller, body: unknown, headers?: Record<string, string>): Promise<Reply> =>
  caller.call('POST', '/api/agent/live-controls', body, headers)

export const cancelSession = (caller: Caller, sessionId: string): Promise<Reply> =>
  caller.call('POST', `/api/agent/sessions/${sessionId}/cancel`, { reason: 'No longer wanted.' })

export const message = (
  caller: Caller,
  sessionId: string,
  summary: string,
  headers?: Record<string, string>,
): Promise<Reply> =>
  caller.call('POST', `/api/agent/sessions/${sessionId}/messages`, { actorKind: 'agent', summary }, headers)

export type Logged = { sequence: number; type: string; summary: string; [field: string]: any }

/** The whole log, page by page. */
export async function wholeLog(caller: Caller, sessionId: string, limit = 500): Promise<Logged[]> {
  const events: Logged[] = []
  for (let cursor = ''; ; ) {
    const { status, body } = await caller.call(
      'GET',
      `/api/agent/sessions/${sessionId}/events?limit=${limit}${cursor}`,
    )
    if (status !== 200) throw new Error(`log: ${JSON.stringify(body)}`)
    events.push(...body.events)
    if (body.events.length === 0 || body.nextCursor === body.latestEventCursor) return events
    cursor = `&cursor=${encodeURIComponent(body.nextCursor)}`
  }
}

/** 1 to n: what the sequences of a log of n events are. */
export const upTo = (n: number): number[] => Array.from({ length: n }, (_, index) => index + 1)
