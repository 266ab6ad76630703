import { createHmac } from 'node:crypto'
import type { Event } from './objects.ts'

export type SignedEvent = { body: string; headers: Record<string, string> }

/** As Stripe signs: HMAC-SHA256 over `<seconds>.<body>`, with one `v1` for each secret that is valid. */
export function signed(event: Event, secrets: readonly string[], at: number): SignedEvent {
  const body = JSON.stringify(event, undefined, 2)
  const signatures = secrets.map((secret) =>
    createHmac('sha256', secret).update(`${at}.${body}`).digest('hex'),
  )
  return {
    body,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
      'stripe-signature': [`t=${at}`, ...signatures.map((each) => `v1=${each}`)].join(','),
    },
  }
}

export type Delivery = { eventId: string; type: string; status: number | 'unreachable' }

/** Posts it once; what came of it is for the log. */
export async function post(
  url: string,
  event: Event,
  secrets: readonly string[],
  at: number,
): Promise<Delivery> {
  const { body, headers } = signed(event, secrets, at)
  try {
    const reply = await fetch(url, { method: 'POST', body, headers, redirect: 'manual' })
    await reply.arrayBuffer()
    return { eventId: event.id, type: event.type, status: reply.status }
  } catch {
    return { eventId: event.id, type: event.type, status: 'unreachable' }
  }
}
