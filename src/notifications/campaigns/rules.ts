import type { PushResult } from '../../push/result.ts'
import type { Delivered, Due } from '../devices/store.ts'

/** Attempts at one device before it is given up: with doubling waits that is about four minutes. */
export const MOST_ATTEMPTS = 9

/** What a provider's answer means for the delivery that it answers. */
export function deliveryAfter(
  { deviceId, attempts }: Pick<Due, 'deviceId' | 'attempts'>,
  result: PushResult,
  now: Date,
): Delivered {
  const noted = (status: Delivered['status'], reason: string | null = null) => ({
    ...{ deviceId, status, reason, attempts: attempts + 1, nextAt: now },
  })
  switch (result.status) {
    case 'sent':
      return noted('sent')
    case 'provider-not-configured':
      return { ...noted('provider-not-configured'), attempts }
    case 'drop-token':
      return noted('token-dropped', result.reason)
    case 'refused':
      return noted('refused', result.reason)
    case 'retry':
      if (attempts + 1 >= MOST_ATTEMPTS) return noted('given-up', result.reason)
      return { ...noted('pending', result.reason), nextAt: new Date(now.getTime() + result.afterMs) }
  }
}
