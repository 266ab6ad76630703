import { z } from 'zod'
import { EVENT_STATUSES } from '../rules.ts'
import { MESSAGE_STATUSES } from './rules.ts'

/** A note as everybody in the room sees it. Of a hidden one only that it is there: no name, no words. */
export const MessageSchema = z.object({
  id: z.string(),
  eventId: z.string(),
  seq: z.number().int().describe('Its place in the room’s log'),
  displayName: z.string().nullable(),
  body: z.string().nullable(),
  status: z.enum(MESSAGE_STATUSES),
  pinned: z.boolean(),
  createdAt: z.string(),
})

export const PositionSchema = z.object({
  epoch: z.string().describe('Which log the number is of; another one after a restore'),
  seq: z.number().int().describe('The last entry that was received'),
})

const base = { seq: z.number().int(), at: z.string() }

/** One line of a room’s log. Notes have their present state, not the one they had. */
export const EntrySchema = z.discriminatedUnion('kind', [
  z.object({ ...base, kind: z.literal('message'), message: MessageSchema }),
  z.object({ ...base, kind: z.literal('moderation'), messages: z.array(MessageSchema) }),
  z.object({
    ...base,
    kind: z.literal('status'),
    previous: z.enum(EVENT_STATUSES),
    status: z.enum(EVENT_STATUSES),
  }),
  z.object({
    ...base,
    kind: z.literal('settings'),
    title: z.string().optional(),
    chatEnabled: z.boolean().optional(),
    subscriberOnly: z.boolean().optional(),
    slowModeSeconds: z.number().int().optional(),
  }),
  z.object({
    ...base,
    kind: z.literal('roster'),
    displayName: z.string(),
    role: z.string().nullable(),
    status: z.string(),
  }),
])
export type Entry = z.output<typeof EntrySchema>
export type Message = z.output<typeof MessageSchema>

/** What a reader starts from who has no position that could be resumed. */
export const SnapshotSchema = z.object({
  room: z.object({
    eventId: z.string(),
    title: z.string(),
    status: z.string(),
    chatEnabled: z.boolean(),
    subscriberOnly: z.boolean(),
    slowModeSeconds: z.number().int(),
  }),
  messages: z.array(MessageSchema).describe('The newest notes that are shown, oldest first'),
  pinned: z.array(MessageSchema),
})
export type Snapshot = z.output<typeof SnapshotSchema>
