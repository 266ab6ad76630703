import { z } from 'zod'
import { PlanSchema } from '../operation/plan.ts'
import { MESSAGE_STATUSES, REACTIONS } from './rules.ts'

export const CONTRACT_ID = 'creator.community.chat'

export const ChannelId = z
  .string()
  .max(60)
  .regex(/^[a-z0-9](-?[a-z0-9])*$/, 'lower-case letters, digits and single inner hyphens')
export const MessageId = z.string().min(1).max(120)
export const DateTime = z.iso.datetime({ offset: true })

/** A message as somebody sees it. Of a hidden one only moderators see more than that it is hidden. */
export const MessageSchema = z.object({
  id: z.string(),
  channelId: z.string(),
  seq: z.number().int().describe('Its place in the channel'),
  status: z.enum(MESSAGE_STATUSES),
  displayName: z.string().nullable(),
  via: z.string().nullable().describe('The agent’s client that posted it in the person’s name'),
  body: z.string().nullable(),
  pinned: z.boolean(),
  reactions: z.record(z.string(), z.number().int()),
  ownReactions: z.array(z.enum(REACTIONS)),
  own: z.boolean(),
  createdAt: z.string(),
  updatedAt: z.string(),
})

export const ChannelSchema = z.object({
  id: z.string(),
  title: z.string(),
  isDefault: z.boolean(),
  active: z.boolean(),
  membersOnly: z.boolean(),
  position: z.number().int().nullable(),
  updatedAt: z.string(),
})

/** Answer of a confirmed write about one message: the plan that was applied and the message as it is now. */
export const MessageWriteOutput = z.object({
  ok: z.literal(true),
  mode: z.enum(['applied', 'preview']),
  plan: PlanSchema,
  message: MessageSchema.optional(),
})
