import { importPKCS8, SignJWT } from 'jose'
import { z } from 'zod'
import type { SendPush } from './apns.ts'
import type { Answer, Connections } from './connections.ts'
import { isLater, type PushResult, waitBefore } from './result.ts'

/** A Google service account. The endpoints are https://fcm.googleapis.com and its token_uri unless said otherwise. */
export type FcmCredentials = {
  endpoint: string
  tokenEndpoint: string
  projectId: string
  clientEmail: string
  privateKey: string
}

const SCOPE = 'https://www.googleapis.com/auth/firebase.messaging'
const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
/** Renewed this long before its end, so that it does not end under way. */
const MARGIN_MS = 60_000

const Granted = z.object({ access_token: z.string(), expires_in: z.number() })
const Refusal = z.object({
  error: z.object({
    status: z.string().optional(),
    details: z.array(z.looseObject({ errorCode: z.string().optional() })).default([]),
  }),
})

/** Sends by FCM HTTP v1. Never throws for what the provider or the network does: that is in the result. */
export function createFcm(
  credentials: FcmCredentials | undefined,
  connections: Connections,
  now: () => Date,
): SendPush {
  if (!credentials) return async () => ({ status: 'provider-not-configured' })
  const { endpoint, projectId } = credentials
  let held: { token: string; until: number } | undefined
  const later = (attempt: number, reason: string, answer?: Answer): PushResult => ({
    status: 'retry',
    reason,
    afterMs: waitBefore(attempt, answer?.retryAfter, now()),
  })
  return async (token, { title, body, collapseId }, attempt) => {
    if (!held || now().getTime() >= held.until) {
      const answer = await requestToken(credentials, connections, now()).catch(() => undefined)
      if (!answer || isLater(answer.status)) return later(attempt, 'no access token', answer)
      const granted = Granted.safeParse(answer.body)
      if (answer.status !== 200 || !granted.success)
        return { status: 'refused', reason: 'credentials-refused' }
      const { access_token, expires_in } = granted.data
      held = { token: access_token, until: now().getTime() + expires_in * 1000 - MARGIN_MS }
    }
    const headers = { authorization: `Bearer ${held.token}`, 'content-type': 'application/json' }
    const message = {
      token,
      notification: { title, body },
      android: { collapse_key: collapseId, notification: { tag: collapseId } },
    }
    const url = `${endpoint}/v1/projects/${encodeURIComponent(projectId)}/messages:send`
    const answer = await connections.post(url, headers, JSON.stringify({ message })).catch(() => undefined)
    if (!answer) return later(attempt, 'unreachable')
    if (answer.status === 200) return { status: 'sent' }
    if (answer.status === 401) held = undefined
    const error = Refusal.safeParse(answer.body).data?.error
    const reason = error?.details.find(({ errorCode }) => errorCode)?.errorCode ?? error?.status
    if (reason === 'UNREGISTERED') return { status: 'drop-token', reason }
    if (isLater(answer.status) || answer.status === 401)
      return later(attempt, reason ?? `status ${answer.status}`, answer)
    return { status: 'refused', reason: reason ?? `status ${answer.status}` }
  }
}

/** Asks for an access token by the service account's assertion (RFC 7523). */
async function requestToken(
  { tokenEndpoint, clientEmail, privateKey }: FcmCredentials,
  connections: Connections,
  now: Date,
): Promise<Answer> {
  const seconds = Math.floor(now.getTime() / 1000)
  const assertion = await new SignJWT({ scope: SCOPE })
    .setProtectedHeader({ alg: 'RS256' })
    .setIssuer(clientEmail)
    .setAudience(tokenEndpoint)
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + 3600)
    .sign(await importPKCS8(privateKey, 'RS256'))
  const form = new URLSearchParams({ grant_type: GRANT, assertion })
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return connections.post(tokenEndpoint, headers, form.toString())
}
