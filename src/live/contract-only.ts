import { z } from 'zod'
import { type ContractOnly, contractOnly } from '../operation/define.ts'
import { Envelope } from './schema.ts'

const admin = 'artist-admin-or-approved-automation' as const

/** Described by the contract and not built in this release; the manifest says so of each. */
export const LIVE_CONTRACT_ONLY: readonly ContractOnly[] = [
  contractOnly({
    id: 'live.chat.messages.read',
    tool: 'live_chat_messages_read',
    surface: 'live-controls',
    summary: 'Read a room’s visible and flagged notes.',
    boundaries: ['Hidden notes are for moderators.'],
    http: { method: 'GET', path: '/api/live/messages' },
    access: { auth: 'optional-session' },
    input: z.strictObject({ eventId: z.string(), after: z.iso.datetime({ offset: true }).optional() }),
    confirmation: null,
    audit: { record: null, attribution: 'Reads public notes.' },
  }),
  contractOnly({
    id: 'live.chat.messages.post',
    tool: 'live_chat_messages_post',
    surface: 'live-controls',
    summary: 'Post a note as the signed-in listener.',
    boundaries: ['Automation cannot post as a listener.'],
    http: { method: 'POST', path: '/api/live/messages' },
    access: { auth: 'signed-in-listener' },
    input: z.strictObject({ eventId: z.string(), body: z.string().min(1).max(600) }),
    confirmation: { kind: 'public-message', reason: 'Everybody in the room sees the note.' },
    audit: { record: 'live_chat_messages', attribution: 'Stored with the listener’s id and name.' },
  }),
  contractOnly({
    id: 'live.chat.moderation.manage',
    tool: 'live_chat_moderation_manage',
    surface: 'live-controls',
    summary: 'Hide, flag, restore, pin or unpin a note.',
    boundaries: ['For artist admins, owners and approved automation.'],
    http: { method: 'PATCH', path: '/api/admin/live-events/messages' },
    access: { auth: admin, scope: 'live:write' },
    input: z.strictObject({
      id: z.string(),
      status: z.enum(['visible', 'hidden', 'flagged']).optional(),
      pinned: z.boolean().optional(),
    }),
    confirmation: { kind: 'moderation', reason: 'Moderation changes what viewers see.' },
    audit: {
      record: 'live_chat_messages + live_event_admin_actions',
      attribution: 'Moderator identity on the note and in the log.',
    },
  }),
  contractOnly({
    id: 'live.socket-token.create',
    tool: 'live_socket_token_create',
    surface: 'live-controls',
    summary: 'Mint a short-lived token for the room’s socket.',
    boundaries: ['The token is a bearer credential; keep it out of transcripts.'],
    http: { method: 'POST', path: '/api/live/socket-token' },
    access: { auth: 'optional-session' },
    input: z.strictObject({ eventId: z.string(), viewerId: z.string() }),
    confirmation: null,
    audit: { record: null, attribution: 'The token names the viewer and the signed-in user.' },
  }),
  contractOnly({
    id: 'embedded.room.stage.manage',
    tool: 'fanful_creator_embedded_room_roster_update',
    surface: 'live-controls',
    summary: 'Invite, promote, move, remove or restore one participant of an embedded room.',
    boundaries: ['Removed people stay out whatever else would let them in.'],
    http: { method: 'POST', path: '/api/agent/embedded-rooms' },
    access: { auth: admin, scope: 'live:write' },
    input: z.strictObject({
      action: z.literal('confirm_embedded_room_roster_change'),
      roomId: z.string(),
      email: z.email().max(240),
      displayName: z.string().min(1).max(160),
      role: z.enum(['host', 'co_host', 'attendee', 'stage_guest']),
      status: z.enum(['invited', 'joined', 'left', 'removed']),
      observedParticipantUpdatedAt: z.iso.datetime({ offset: true }).optional(),
      envelope: Envelope,
    }),
    confirmation: { kind: 'stage-access', reason: 'Roster changes decide who is on stage.' },
    audit: {
      record: 'embedded_room_admin_actions + agent_write_idempotency_keys',
      attribution: 'Roster before and after, with identity and client.',
    },
  }),
]
