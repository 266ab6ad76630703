import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { openRoom, tokenFor } from '../../test/harness/room-client.ts'
import { createSealing } from '../operation/sealing.ts'
import { mintToken, verifyToken } from './socket/token.ts'

let app: TestApp
let listener: Caller
let eventId: string

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  await app.org('juniper')
  listener = await app.person('laurel', 'member')
  eventId = (await app.event('laurel', { status: 'live' })).id
})
afterAll(() => app.close())

test('[LR-20] a token is ES256, good for a minute, and names the room and the person', async () => {
  const { token } = await tokenFor(listener, eventId)
  expect(decodeProtectedHeader(token)).toMatchObject({ alg: 'ES256' })
  const claims = decodeJwt(token) as any
  expect(claims.exp - claims.iat).toBe(60)
  expect(claims).toMatchObject({ org: 'laurel', eventId, signedIn: true, moderates: false })
  const guest = decodeJwt((await tokenFor(app.guest(), eventId, 'tab-7')).token)
  expect(guest).toMatchObject({ person: 'viewer:tab-7', signedIn: false })
})

test('[LR-21] a token that is over, changed, or of another deployment opens nothing', async () => {
  const { token, url } = await tokenFor(listener, eventId)
  const claims = decodeJwt(token) as any
  const foreign = await mintToken(
    createSealing('another deployment’s secret, long enough'),
    new Date(),
    claims,
  )
  const flipped = `${token.slice(0, -4)}${token.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`
  for (const bad of [foreign, flipped, 'nonsense']) {
    const client = openRoom({ token: bad, url })
    expect((await client.frame('ended')).reason).toBe('unauthorised')
  }
  const { sealing } = app.deps
  expect(await verifyToken(sealing, new Date(Date.now() + 59_000), token)).toMatchObject({ eventId })
  expect(await verifyToken(sealing, new Date(Date.now() + 61_000), token)).toBeUndefined()
})

test('[LR-22] there is no token for a room that one may not see', async () => {
  const draft = await app.event('laurel', { id: 'a-draft', status: 'draft' })
  const token = (caller: Caller, id: string) =>
    caller.call('POST', '/api/live/socket-token', { eventId: id, viewerId: 'v' })
  expect((await token(listener, draft.id)).body.code).toBe('not-found')
  expect((await token(await app.person('juniper', 'owner'), eventId)).body.code).toBe('not-found')
  const members = await app.event('laurel', { id: 'for-subscribers', status: 'live', subscriberOnly: true })
  expect((await token(listener, members.id)).body.code).toBe('subscribers-only')
  expect((await token(app.guest(), members.id)).body.code).toBe('subscribers-only')
  expect((await token(await app.person('laurel', 'admin'), members.id)).status).toBe(200)
  for (const viewerId of ['', 'with spaces', 'x'.repeat(121)])
    expect(
      (await listener.call('POST', '/api/live/socket-token', { eventId, viewerId })).body.errors,
    ).toMatchObject([{ pointer: '/viewerId' }])
})
