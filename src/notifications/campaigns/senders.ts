import type { Deps } from '../../deps.ts'
import { createApns, type SendPush } from '../../push/apns.ts'
import { createConnections } from '../../push/connections.ts'
import { createFcm } from '../../push/fcm.ts'
import type { Platform } from '../devices/store.ts'

export type Senders = Record<Platform, SendPush>

const kept = new WeakMap<Deps['config'], Senders>()

/**
 * The push providers of the deployment, with or without credentials. One set for each process: Apple refuses tokens
 * that are made more often than every 20 minutes, and connections are to be used again.
 */
export function sendersOf({ config, clock }: Pick<Deps, 'config' | 'clock'>): Senders {
  const known = kept.get(config)
  if (known) return known
  const connections = createConnections()
  const made = {
    apns: createApns(config.push?.apns, connections, clock),
    fcm: createFcm(config.push?.fcm, connections, clock),
  }
  kept.set(config, made)
  return made
}

/** Whether a platform has credentials, as answers say it. */
export const pushState = ({ push }: Deps['config']) => ({
  apns: push?.apns ? ('configured' as const) : ('provider-not-configured' as const),
  fcm: push?.fcm ? ('configured' as const) : ('provider-not-configured' as const),
})
