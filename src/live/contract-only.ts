import { z } from 'zod'
import { type ContractOnly, contractOnly } from '../operation/define.ts'
import { Envelope, previewFields } from './schema.ts'

const admin = 'artist-admin-or-approved-automation' as const
const { timeZone: _ours, ...contractFields } = previewFields

/** Described by the contract and not built in this release; the manifest says so of each. */
export const LIVE_CONTRACT_ONLY: readonly ContractOnly[] = [
  contractOnly({
    id: 'live.events.schedule',
    tool: 'live_events_schedule',
    surface: 'live-controls',
    summary: 'Create a live event over the admin route.',
    boundaries: ['Agents preview first and use the confirmed create or update.'],
    http: { method: 'POST', path: '/api/admin/live-events' },
    access: { auth: admin, scope: 'live:write' },
    input: z.strictObject(contractFields),
    confirmation: { kind: 'live-schedule', reason: 'A new event can show listeners a new room.' },
    audit: {
      record: 'live_events + live_event_admin_actions',
      attribution: 'Admin or automation identity and the redacted event.',
    },
  }),
  contractOnly({
    id: 'live.events.status.update',
    tool: 'live_events_status_update',
    surface: 'live-controls',
    summary: 'Change a live event’s status over the admin route.',
    boundaries: ['Agents use the confirmed status write.'],
    http: { method: 'PATCH', path: '/api/admin/live-events/status' },
    access: { auth: admin, scope: 'live:write' },
    input: z.strictObject({
      id: z.string(),
      status: z.enum(['scheduled', 'live', 'ended', 'cancelled']),
      confirmed: z.literal(true),
      reason: z.string().max(500).optional(),
    }),
    confirmation: { kind: 'go-live', reason: 'Going live and ending change what every listener sees.' },
    audit: { record: 'live_event_admin_actions', attribution: 'Redacted event before and after.' },
  }),
  contractOnly({
    id: 'live.events.audit.read',
    tool: 'live_events_audit_read',
    surface: 'live-controls',
    summary: 'Read the redacted admin actions of live events.',
    boundaries: ['Stream values appear only as booleans.'],
    http: { method: 'GET', path: '/api/admin/live-events/audit' },
    access: { auth: admin, scope: 'live:read' },
    input: z.strictObject({
      eventId: z.string().optional(),
      messageId: z.string().optional(),
      communityChannelId: z.string().optional(),
      action: z
        .enum([
          'event_create',
          'event_update',
          'status_transition',
          'community_channel_link',
          'community_channel_unlink',
          'stream_setup_update',
          'live_note_moderate',
        ])
        .optional(),
      limit: z.number().min(1).max(100).optional(),
    }),
    confirmation: null,
    audit: { record: 'live_event_admin_actions', attribution: 'Reading needs the same identity as writing.' },
  }),
  contractOnly({
    id: 'live.community-channel.link',
    tool: 'live_community_channel_link',
    surface: 'live-controls',
    summary: 'Link a live event to a persistent community channel, or unlink it.',
    boundaries: ['Channel messages live apart from live notes.'],
    http: { method: 'PATCH', path: '/api/admin/live-events' },
    access: { auth: admin, scope: 'live:write' },
    input: z.strictObject({ id: z.string(), ...contractFields, communityChannelId: z.string() }),
    confirmation: { kind: 'live-schedule', reason: 'A link changes where listeners are sent.' },
    audit: {
      record: 'live_events.community_channel_id + live_event_admin_actions',
      attribution: 'Redacted event before and after.',
    },
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
