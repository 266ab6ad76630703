import { importPKCS8, SignJWT } from 'jose'
import { z } from 'zod'
import type { Connections } from './connections.ts'
import { isLater, type PushMessage, type PushResult, waitBefore } from './result.ts'

/** A key of Apple's developer account. `endpoint` is https://api.push.apple.com unless a test or a proxy says so. */
export type ApnsCredentials = {
  endpoint: string
  keyId: string
  teamId: string
  topic: string
  privateKey: string
}

export type SendPush = (token: string, message: PushMessage, attempt: number) => Promise<PushResult>

/** Apple refuses tokens older than an hour, and making them more often than every 20 minutes. */
const TOKEN_LIFE_MS = 50 * 60_000
const Refusal = z.object({ reason: z.string() })

/** Sends by APNs. Never throws for what the provider or the network does: that is in the result. */
export function createApns(
  credentials: ApnsCredentials | undefined,
  connections: Connections,
  now: () => Date,
): SendPush {
  if (!credentials) return async () => ({ status: 'provider-not-configured' })
  const { endpoint, keyId, teamId, topic, privateKey } = credentials
  let made: { at: number; jwt: Promise<string> } | undefined
  const bearer = (): Promise<string> => {
    const at = now().getTime()
    if (!made || at - made.at >= TOKEN_LIFE_MS) made = { at, jwt: sign(at) }
    return made.jwt
  }
  const sign = async (at: number): Promise<string> =>
    new SignJWT()
      .setProtectedHeader({ alg: 'ES256', kid: keyId })
      .setIssuer(teamId)
      .setIssuedAt(Math.floor(at / 1000))
      .sign(await importPKCS8(privateKey, 'ES256'))
  return async (token, { title, body, collapseId }, attempt) => {
    const headers = {
      authorization: `bearer ${await bearer()}`,
      'apns-topic': topic,
      'apns-push-type': 'alert',
      'apns-collapse-id': collapseId,
    }
    const url = `${endpoint}/3/device/${encodeURIComponent(token)}`
    const payload = JSON.stringify({ aps: { alert: { title, body } } })
    const answer = await connections.post(url, headers, payload).catch(() => undefined)
    if (!answer)
      return { status: 'retry', reason: 'unreachable', afterMs: waitBefore(attempt, undefined, now()) }
    if (answer.status === 200) return { status: 'sent' }
    const reason = Refusal.safeParse(answer.body).data?.reason ?? `status ${answer.status}`
    if (answer.status === 410) return { status: 'drop-token', reason }
    if (isLater(answer.status))
      return { status: 'retry', reason, afterMs: waitBefore(attempt, answer.retryAfter, now()) }
    return { status: 'refused', reason }
  }
}
