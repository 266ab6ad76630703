import { z } from 'zod'
import { type ContractOnly, contractOnly } from '../operation/define.ts'
import { Envelope } from './schema.ts'

const admin = 'artist-admin-or-approved-automation' as const

/** Described by the contract and not built in this release; the manifest says so of each. */
export const LIVE_CONTRACT_ONLY: readonly ContractOnly[] = [
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
