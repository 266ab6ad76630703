import sql from 'sql-template-tag'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestApp, testApp } from '../../test/harness/app.ts'
import { isSubscriber } from './store.ts'

let app: TestApp
beforeAll(async () => {
  app = await testApp()
  for (const org of ['laurel', 'other']) await app.org(org)
})
afterAll(() => app.close())

const accountOf = async (email: string): Promise<string> => {
  const [row] = await app.database.db.query<{ id: string }>(
    sql`SELECT id FROM auth_user WHERE email = ${email}`,
  )
  return row?.id ?? ''
}

test.each([
  ['pending', false],
  ['confirmed', true],
  ['unsubscribed', false],
])('[NO-1] an account whose subscription is %s is a subscriber: %s', async (status, is) => {
  const { email } = await app.person('laurel', 'member', `${status}@laurel.example`)
  const user = await accountOf(email)
  const { db } = app.database
  await db.query(sql`
    INSERT INTO subscribers (org, id, email, user_id, status, time_zone, audience_version, created_at, asked_at)
    VALUES ('laurel', ${status}, ${email}, ${user}, ${status}, 'UTC', ${is ? 1 : null}, now(), now())`)
  expect(await isSubscriber(db, 'laurel', user)).toBe(is)
  expect(await isSubscriber(db, 'other', user)).toBe(false)
})
