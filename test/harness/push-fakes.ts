import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Http2Session } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { jwtVerify } from 'jose'
import type { PushConfig } from '../../src/push/config.ts'

const pem = { type: 'pkcs8', format: 'pem' } as const
const spki = { type: 'spki', format: 'pem' } as const

export type Pushed = {
  platform: 'apns' | 'fcm'
  token: string
  collapseId: string
  title: string
  body: string
}
export type Answer = { status: number; headers?: Record<string, string>; body?: unknown }

export type PushFakes = {
  config: Required<PushConfig>
  /** Every push that came with good credentials, in the order of arrival. */
  pushed: Pushed[]
  /** What is answered to a push; 200 unless set. */
  answer: (push: Pushed) => Answer | undefined
  /** Called for each push before it is answered. */
  onPush: () => void
  close(): Promise<void>
}

/** Apple's and Google's push services as far as we use them: one local HTTP/2 server that checks the credentials. */
export async function pushFakes(): Promise<PushFakes> {
  const apple = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: pem,
    publicKeyEncoding: spki,
  })
  const google = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: pem,
    publicKeyEncoding: spki,
  })
  const sessions = new Set<Http2Session>()
  const good = new Map<string, boolean>()
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    const { status, headers, body } = await reply(request.url, request.headers, text)
    if (response.destroyed) return
    response.writeHead(status, headers)
    response.end(JSON.stringify(body ?? {}))
  })
  server.on('session', (session) => {
    sessions.add(session)
    // clients here are killed, so their connections break
    session.on('error', () => {})
    session.on('close', () => sessions.delete(session))
  })
  server.on('sessionError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const fakes: PushFakes = {
    config: {
      apns: { endpoint, keyId: 'KEY1', teamId: 'TEAM1', topic: 'app.example', privateKey: apple.privateKey },
      fcm: {
        endpoint,
        tokenEndpoint: `${endpoint}/token`,
        projectId: 'p1',
        clientEmail: 'push@example.test',
        privateKey: google.privateKey,
      },
    },
    pushed: [],
    answer: () => undefined,
    onPush: () => {},
    async close() {
      for (const session of sessions) session.destroy()
      server.close()
    },
  }

  /** Whether a JWT is Apple's or Google's to accept; each is checked once. */
  async function isGood(jwt: string, key: string, algorithm: string, issuer: string): Promise<boolean> {
    const known = good.get(jwt)
    if (known !== undefined) return known
    const checked = await jwtVerify(jwt, createPublicKey(key), {
      ...{ algorithms: [algorithm], issuer, clockTolerance: 5 },
    }).then(
      () => true,
      () => false,
    )
    good.set(jwt, checked)
    return checked
  }

  async function reply(path: string, headers: Record<string, unknown>, text: string): Promise<Answer> {
    if (path === '/token') {
      const assertion = new URLSearchParams(text).get('assertion') ?? ''
      const accepted = await isGood(assertion, google.publicKey, 'RS256', 'push@example.test')
      return accepted
        ? { status: 200, body: { access_token: 'granted', expires_in: 3600 } }
        : { status: 401, body: { error: 'invalid_grant' } }
    }
    const body = JSON.parse(text)
    const bearer = String(headers.authorization).split(' ')[1] ?? ''
    const toApple = path.startsWith('/3/device/')
    const accepted = toApple
      ? await isGood(bearer, apple.publicKey, 'ES256', 'TEAM1')
      : bearer === 'granted' && path === '/v1/projects/p1/messages:send'
    if (!accepted) return { status: 403, body: { reason: 'InvalidProviderToken' } }
    const push: Pushed = toApple
      ? {
          platform: 'apns',
          token: path.slice('/3/device/'.length),
          collapseId: String(headers['apns-collapse-id']),
          ...body.aps.alert,
        }
      : {
          platform: 'fcm',
          token: body.message.token,
          collapseId: body.message.android.collapse_key,
          ...body.message.notification,
        }
    fakes.pushed.push(push)
    fakes.onPush()
    return fakes.answer(push) ?? { status: 200 }
  }
  return fakes
}
