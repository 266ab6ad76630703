import type { z } from 'zod'
import type { Principal } from '../access/principal.ts'
import type { Attempt, Delivery } from './deliveries-store.ts'
import type { DeliverySchema, SubscriptionSchema } from './schema.ts'
import type { Subscription } from './store.ts'

export const SUBSCRIPTIONS = 'agent-workflow-trigger-subscriptions.v1' as const

export function presentSubscription(
  row: Subscription,
  principal: Principal,
): z.input<typeof SubscriptionSchema> {
  const { id, url, families, description, reason, sessionMode, sessionWorkflow, sessionId } = row
  return {
    ...{ id, url, families, description, reason },
    status: row.status === 'removed' ? 'disabled' : row.status,
    session: { mode: sessionMode, workflow: sessionWorkflow, sessionId },
    subscriber: row.principalName,
    own: row.principalId === principal.id,
    failingSince: iso(row.failingSince),
    previousSecretUntil: iso(row.previousUntil),
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  }
}

export function presentDelivery(
  row: Delivery,
  attempts: readonly Attempt[] = [],
): z.input<typeof DeliverySchema> {
  const { id, eventId, family, status, outcome, sessionId } = row
  return {
    ...{ id, eventId, family, status, outcome, sessionId, test: eventId === null },
    nextAttemptAt: status === 'pending' ? row.nextAt.toISOString() : null,
    createdAt: row.createdAt.toISOString(),
    finishedAt: iso(row.finishedAt),
    attempts: attempts
      .filter(({ deliveryId }) => deliveryId === id)
      .map(({ attempt, at, durationMs, outcome, statusCode }) => ({
        ...{ attempt, at: at.toISOString(), durationMs, outcome, statusCode },
      })),
  }
}

const iso = (at: Date | null): string | null => at?.toISOString() ?? null
