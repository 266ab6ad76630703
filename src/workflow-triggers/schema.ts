import { z } from 'zod'
import { PRODUCED } from './families.ts'
import { OUTCOMES } from './rules.ts'

export const SubscriptionId = z.string().min(1).max(120)
export const DeliveryId = z.string().min(1).max(120)

export const FamiliesInput = z
  .array(z.enum(PRODUCED))
  .min(1)
  .max(PRODUCED.length)
  .refine((each) => new Set(each).size === each.length, 'must name each family once')

export const Url = z.string().min(8).max(2_000).describe('https; private addresses are refused at delivery')
export const Description = z.string().trim().max(500)

export const SessionInput = z.strictObject({
  mode: z.enum(['none', 'open', 'resume']).describe('What a delivery does with a session of yours'),
  workflow: z
    .string()
    .min(1)
    .max(120)
    .regex(/^[a-z0-9]+([.-][a-z0-9]+)*$/, 'lower-case words joined by . or -')
    .optional()
    .describe('open: the workflow of the session; the family unless told'),
  sessionId: z.string().min(1).max(120).optional().describe('resume: the session'),
})
export type SessionInput = z.output<typeof SessionInput>

export const SubscriptionSchema = z.object({
  id: z.string(),
  url: z.string(),
  families: z.array(z.string()),
  description: z.string(),
  status: z.enum(['active', 'paused', 'disabled']),
  reason: z.string().nullable(),
  session: z.object({
    mode: z.enum(['none', 'open', 'resume']),
    workflow: z.string().nullable(),
    sessionId: z.string().nullable(),
  }),
  subscriber: z.string(),
  own: z.boolean(),
  failingSince: z.string().nullable(),
  previousSecretUntil: z.string().nullable(),
  createdAt: z.string(),
  updatedAt: z.string(),
})

/** An answer that shows a secret, once. */
export const WithSecret = z.object({
  ok: z.literal(true),
  version: z.literal('agent-workflow-trigger-subscriptions.v1'),
  subscription: SubscriptionSchema,
  secret: z.string().describe('Shown this once; verify with it by Standard Webhooks'),
})

export const OneSubscription = z.object({
  ok: z.literal(true),
  version: z.literal('agent-workflow-trigger-subscriptions.v1'),
  subscription: SubscriptionSchema,
})

export const DeliverySchema = z.object({
  id: z.string().describe('The webhook-id of every attempt'),
  eventId: z.string().nullable(),
  family: z.string(),
  test: z.boolean(),
  status: z.enum(['pending', 'delivered', 'dead']),
  outcome: z.enum(OUTCOMES).nullable(),
  sessionId: z.string().nullable(),
  nextAttemptAt: z.string().nullable(),
  createdAt: z.string(),
  finishedAt: z.string().nullable(),
  attempts: z.array(
    z.object({
      attempt: z.int(),
      at: z.string(),
      durationMs: z.int(),
      outcome: z.enum(OUTCOMES),
      statusCode: z.int().nullable(),
    }),
  ),
})
