import type { Caller, Reply } from './app.ts'

export const ROOMS = '/api/agent/embedded-rooms'

let keys = 0
export const freshKey = (): string => `embedded-rooms-key-${++keys}`

export type Entry = {
  email: string
  displayName: string
  role: 'host' | 'co_host' | 'attendee' | 'stage_guest'
  status: 'invited' | 'joined' | 'left' | 'removed'
}

type EnvelopeParts = { family: string; action: string; target?: string; text: string; key?: string }

/** An envelope that executes, confirming `text`. */
export const envelopeOf = ({ family, action, target, text, key = freshKey() }: EnvelopeParts) => ({
  contract: 'agent-write-envelope.v1',
  contractId: `creator.embedded-rooms.${family}`,
  actionMode: 'execute',
  dryRun: false,
  actor: 'Tests',
  client: 'client-tests',
  action: `creator.embedded-rooms.${action}`,
  target: { kind: 'embedded-room', ...(target === undefined ? {} : { id: target }) },
  confirmation: { text, acknowledgedRisk: true },
  idempotencyKey: key,
  reason: 'The tests ask.',
  auditCorrelationId: 'embedded-rooms-tests',
})

export const previewRoster = (caller: Caller, roomId: string, entry: Entry): Promise<Reply> =>
  caller.call('POST', ROOMS, { action: 'preview_embedded_room_roster_change', roomId, ...entry })

/** The body that confirms a roster write as it was previewed just now. */
export async function rosterBody(caller: Caller, roomId: string, entry: Entry, key?: string) {
  const { status, body } = await previewRoster(caller, roomId, entry)
  if (status !== 200) throw new Error(`preview: ${status} ${JSON.stringify(body)}`)
  return {
    action: 'confirm_embedded_room_roster_change',
    roomId,
    ...entry,
    ...(body.observedUpdatedAt === null ? {} : { observedParticipantUpdatedAt: body.observedUpdatedAt }),
    envelope: envelopeOf({
      family: 'roster',
      action: 'roster.update',
      target: roomId,
      text: body.confirmationText,
      key,
    }),
  }
}

export const confirmRoster = async (caller: Caller, roomId: string, entry: Entry): Promise<Reply> =>
  caller.call('POST', ROOMS, await rosterBody(caller, roomId, entry))

export const join = (caller: Caller, roomId: string): Promise<Reply> =>
  caller.call('POST', `${ROOMS}/join`, { roomId })

export const leave = (caller: Caller, roomId: string): Promise<Reply> =>
  caller.call('POST', `${ROOMS}/leave`, { roomId })

/** Records an entitlement, confirmed by the text of its plan. */
export async function entitle(
  caller: Caller,
  input: { roomId: string; email: string; kind: string; status: string; expiresAt?: string },
): Promise<Reply> {
  const envelope = envelopeOf({
    family: 'roster',
    action: 'entitlement.update',
    target: input.roomId,
    text: 'to come',
  })
  const body = { action: 'confirm_embedded_room_entitlement_change', ...input, envelope }
  const preview = { ...body, envelope: { ...envelope, actionMode: 'preview', dryRun: true } }
  const { plan } = (await caller.call('POST', ROOMS, preview)).body
  const confirmation = { text: plan.confirmationText, acknowledgedRisk: true }
  return caller.call('POST', ROOMS, { ...body, envelope: { ...envelope, confirmation } })
}

export const statusOf = async (
  caller: Caller,
  roomId: string,
  email: string,
): Promise<string | undefined> => {
  const { body } = await caller.call('GET', `${ROOMS}/roster?roomId=${roomId}`)
  return body.roster.participants.find((each: any) => each.email === email)?.status
}

/** The body that confirms a change of a room as it was previewed just now. */
export async function roomBody(caller: Caller, roomId: string, input: Record<string, unknown>, key?: string) {
  const asked = { action: 'preview_embedded_room_change', roomId, ...input }
  const { confirmationText: text, observedUpdatedAt } = (await caller.call('POST', ROOMS, asked)).body
  const envelope = envelopeOf({ family: 'setup', action: 'update', target: roomId, text, key })
  return { action: 'confirm_embedded_room_change', roomId, observedUpdatedAt, ...input, envelope }
}

export const updateRoom = async (
  caller: Caller,
  roomId: string,
  input: Record<string, unknown>,
): Promise<Reply> => caller.call('POST', ROOMS, await roomBody(caller, roomId, input))
