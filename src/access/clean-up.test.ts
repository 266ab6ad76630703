import { afterAll, beforeAll, expect, it } from 'vitest'
import { accessApp, signIn, type TestAccess, testAccess } from '../../test/harness/access.ts'
import { removeExpired } from './clean-up.ts'
import { createKey, listKeys } from './keys.ts'

let test: TestAccess

beforeAll(async () => {
  test = await testAccess()
})
afterAll(() => test.drop())

it('[X-8] removes what has expired, and neither keys nor what still holds', async () => {
  const app = await accessApp(test.access)
  const payload = {
    client_name: 'x',
    redirect_uris: ['http://localhost:1/cb'],
    token_endpoint_auth_method: 'none',
  }
  expect((await app.inject({ method: 'POST', url: '/api/auth/oauth2/register', payload })).statusCode).toBe(
    201,
  )
  await signIn(app, 'owner@laurel.test')
  const expiresAt = new Date(test.access.clock().getTime() + 60_000)
  const key = await createKey(test.access, { org: 'laurel', role: 'agent', expiresAt })
  const after = (days: number) => new Date(test.access.clock().getTime() + days * 86_400_000)
  expect(await removeExpired(test.database.db, after(0))).toBe(0)
  expect(await removeExpired(test.database.db, after(8))).toBe(1)
  expect(await removeExpired(test.database.db, after(31))).toBe(1)
  expect((await listKeys(test.access, 'laurel')).map(({ id }) => id)).toEqual([key.id])
  await app.close()
})
