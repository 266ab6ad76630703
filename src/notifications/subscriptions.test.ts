import sql from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestApp, testApp } from '../../test/harness/app.ts'
import { follower, linksFor, subscribe, tokenIn } from '../../test/harness/followers.ts'
import { forgetUnconfirmed } from './campaigns/job.ts'

const DAY_MS = 24 * 3_600_000
const CONFIRM = '/api/notifications/subscriptions/confirm'
const END = '/api/notifications/subscriptions/end'

let app: TestApp
let moved = 0
/** Moves the clock forward, for the rest of the file. */
const advance = (ms: number) => {
  moved += ms
  app.advance(ms)
}
beforeAll(async () => {
  app = await testApp()
  for (const org of ['laurel', 'other']) await app.org(org)
})
afterAll(() => app.close())

let addresses = 0
const newEmail = () => `fan-${++addresses}@fans.example`
const statusOf = async (email: string): Promise<string | undefined> => {
  const [row] = await app.deps.db.query<{ status: string }>(
    sql`SELECT status FROM subscribers WHERE org = 'laurel' AND email = ${email}`,
  )
  return row?.status
}
/** What the organisation's audience says of itself, and what a count of the rows says. */
const audience = async () => {
  const [row] = await app.deps.db.query<{ size: number; counted: number; same: boolean }>(sql`
    SELECT a.size, count(s.id)::integer AS counted,
           a.digest = coalesce(bit_xor(('x' || encode(sha256(convert_to(s.id || ':' || s.version, 'UTF8')), 'hex'))::bit(256)), 0::bit(256)) AS same
      FROM subscriber_audiences a LEFT JOIN subscribers s ON s.org = a.org AND s.status = 'confirmed'
     WHERE a.org = 'laurel' GROUP BY a.size, a.digest`)
  return row
}

describe('[NO-2] an address follows once its signed link is confirmed', () => {
  test('of a guest, who learns nothing of who follows already', async () => {
    const guest = app.guest()
    const email = newEmail()
    const first = await subscribe(guest, { email: email.toUpperCase(), timeZone: 'Europe/Berlin' })
    expect([first.status, first.body.subscription.status]).toEqual([202, 'pending'])
    expect(await statusOf(email)).toBe('pending')
    const { confirmUrl } = (await linksFor(app, 'laurel', email))!
    const confirmed = await guest.call('POST', CONFIRM, { token: tokenIn(confirmUrl) })
    expect([confirmed.status, confirmed.body.subscription]).toEqual([
      200,
      { status: 'confirmed', timeZone: 'Europe/Berlin' },
    ])
    expect(await statusOf(email)).toBe('confirmed')
    // the same again, and asking again, change nothing
    expect((await guest.call('POST', CONFIRM, { token: tokenIn(confirmUrl) })).status).toBe(200)
    const again = await subscribe(guest, { email, timeZone: 'Europe/Berlin' })
    expect(again.body).toEqual(first.body)
    expect(await statusOf(email)).toBe('confirmed')
    expect(await linksFor(app, 'laurel', email)).toBeUndefined()
    expect(await audience()).toMatchObject({ same: true })
  })

  test('of a signed-in person, whose account it then is', async () => {
    const person = await follower(app, 'laurel', 'Asia/Kolkata')
    const own = () => person.call('GET', '/api/notifications/subscriptions')
    expect((await own()).body.subscription).toEqual({ status: 'confirmed', timeZone: 'Asia/Kolkata' })
    // the zone is the owner's to change, and nobody else's
    await subscribe(app.guest(), { email: person.email, timeZone: 'UTC' })
    expect((await own()).body.subscription.timeZone).toBe('Asia/Kolkata')
    const changed = await subscribe(person, { timeZone: 'Europe/Lisbon' })
    expect(changed.body.subscription).toEqual({ status: 'confirmed', timeZone: 'Europe/Lisbon' })
  })

  test('a guest names an address, and everybody a zone that there is', async () => {
    const refused = await subscribe(app.guest(), { timeZone: 'UTC' })
    expect([refused.status, refused.body.errors[0].pointer]).toEqual([400, '/email'])
    const zone = await subscribe(app.guest(), { email: newEmail(), timeZone: 'Mars/Olympus' })
    expect([zone.status, zone.body.errors[0].pointer]).toEqual([400, '/timeZone'])
  })
})

const refused = async (token: string, org = 'laurel') => {
  const { status, body } = await app.guest().call('POST', `${CONFIRM}?artistId=${org}`, { token })
  return [status, body.detail]
}
const NOT_GOOD = [404, 'The link is not good, or not any more.']

describe('[NO-3] a link is for one subscription of one organisation and seven days', () => {
  test('changed, made up, of another purpose or in another organisation it is the same 404', async () => {
    const email = newEmail()
    await subscribe(app.guest(), { email, timeZone: 'UTC' })
    const links = (await linksFor(app, 'laurel', email))!
    const token = tokenIn(links.confirmUrl)
    const [body, signature] = token.split('.') as [string, string]
    const forged = Buffer.from(
      Buffer.from(body, 'base64url').toString().replace('laurel', 'forged'),
    ).toString('base64url')
    for (const bad of [`${forged}.${signature}`, `${body}.${'A'.repeat(22)}`, tokenIn(links.unsubscribeUrl)])
      expect(await refused(bad)).toEqual(NOT_GOOD)
    expect(await refused(token, 'other')).toEqual(NOT_GOOD)
    expect(await statusOf(email)).toBe('pending')
  })

  test('it is void once the subscription has ended, also where that began anew', async () => {
    const email = newEmail()
    await subscribe(app.guest(), { email, timeZone: 'UTC' })
    const links = (await linksFor(app, 'laurel', email))!
    await app.guest().call('POST', END, { token: tokenIn(links.unsubscribeUrl) })
    expect(await statusOf(email)).toBe('unsubscribed')
    expect(await refused(tokenIn(links.confirmUrl))).toEqual(NOT_GOOD)
    await subscribe(app.guest(), { email, timeZone: 'UTC' })
    expect(await refused(tokenIn(links.confirmUrl))).toEqual(NOT_GOOD)
    expect(await statusOf(email)).toBe('pending')
  })
})

describe('[NO-4] who has had enough unsubscribes', () => {
  test('by the link, of which opening it does nothing and posting to it does', async () => {
    const email = newEmail()
    await subscribe(app.guest(), { email, timeZone: 'UTC' })
    const links = (await linksFor(app, 'laurel', email))!
    const page = async (method: string, url: string) => {
      const { status, body } = await app.guest().call(method, url.slice(app.url.length))
      return [status, body.text.match(/<h1>(.*)<\/h1>/)?.[1]]
    }
    expect(await page('GET', links.confirmUrl)).toEqual([200, 'Confirm your subscription'])
    expect(await statusOf(email)).toBe('pending')
    expect(await page('POST', links.confirmUrl)).toEqual([200, 'Confirm your subscription'])
    expect(await statusOf(email)).toBe('confirmed')
    const before = await audience()
    expect(await page('GET', links.unsubscribeUrl)).toEqual([200, 'Unsubscribe'])
    expect(await statusOf(email)).toBe('confirmed')
    expect(await page('POST', links.unsubscribeUrl)).toEqual([200, 'Unsubscribe'])
    expect(await statusOf(email)).toBe('unsubscribed')
    expect(await page('POST', links.unsubscribeUrl)).toEqual([200, 'Unsubscribe'])
    expect(await page('GET', `${links.confirmUrl}x`)).toEqual([404, 'This link is not good any more'])
    expect(await page('POST', links.confirmUrl)).toEqual([404, 'This link is not good any more'])
    expect(await audience()).toEqual({ size: before!.size - 1, counted: before!.size - 1, same: true })
  })

  test('by oneself when signed in', async () => {
    const person = await follower(app, 'laurel', 'UTC')
    const { body } = await person.call('POST', END, {})
    expect(body.subscription.status).toBe('unsubscribed')
    expect(await statusOf(person.email)).toBe('unsubscribed')
    expect((await app.guest().call('POST', END, {})).status).toBe(401)
    const stranger = await app.person('laurel', 'member')
    expect((await stranger.call('POST', END, {})).status).toBe(404)
  })

  test('confirming and ending at once leave one state, and an audience that counts it', async () => {
    for (let round = 0; round < 10; round++) {
      const email = newEmail()
      await subscribe(app.guest(), { email, timeZone: 'UTC' })
      const links = (await linksFor(app, 'laurel', email))!
      const token = tokenIn(links.confirmUrl)
      await Promise.all([
        app.guest().call('POST', CONFIRM, { token }),
        app.guest().call('POST', CONFIRM, { token }),
        app.guest().call('POST', END, { token: tokenIn(links.unsubscribeUrl) }),
      ])
      // ended either way: what was confirmed first was ended then, and what was ended first is void
      expect(await statusOf(email)).toBe('unsubscribed')
    }
    const now = await audience()
    expect([now?.same, now?.size]).toEqual([true, now?.counted])
  })
})

test('[NO-13] links to deliver are for whom the scope is given, page by page without an end', async () => {
  await app.person('laurel', 'owner')
  const agent = await app.key({ org: 'laurel', role: 'agent' })
  expect((await agent.call('GET', '/api/notifications/confirmations')).body.code).toBe('scope-missing')
  const listener = await app.person('laurel', 'member')
  expect((await listener.call('GET', '/api/notifications/confirmations')).status).toBe(403)
  const mailer = await app.key({
    org: 'laurel',
    role: 'automation',
    scopes: ['creator:laurel:notifications:deliver'],
  })
  const seen: string[] = []
  let cursor = ''
  const page = async () => {
    const { body } = await mailer.call('GET', `/api/notifications/confirmations?limit=2${cursor}`)
    seen.push(...body.confirmations.map(({ email }: { email: string }) => email))
    cursor = `&cursor=${body.nextCursor}`
    return body.confirmations.length
  }
  const asked = [newEmail(), newEmail(), newEmail()]
  for (const email of asked) await subscribe(app.guest(), { email, timeZone: 'UTC' })
  while ((await page()) > 0);
  expect(seen).toEqual(expect.arrayContaining(asked))
  expect(new Set(seen).size).toBe(seen.length)
  const later = newEmail()
  await subscribe(app.guest(), { email: later, timeZone: 'UTC' })
  expect(await page()).toBe(1)
  expect(seen.at(-1)).toBe(later)
})

test('[NO-14] guests who ask and never confirm meet a limit, and people who signed in do not', async () => {
  await app.deps.db.query(sql`
    INSERT INTO subscribers (org, id, email, status, time_zone, created_at, asked_at)
    SELECT 'other', 'many-' || n, n || '@many.example', 'pending', 'UTC', ${app.deps.clock()}::timestamptz, ${app.deps.clock()}::timestamptz
      FROM generate_series(1, 999) AS n`)
  const ask = () => subscribe(app.guest(), { email: newEmail(), timeZone: 'UTC' }, 'other')
  expect((await ask()).status).toBe(202)
  const refused = await ask()
  expect([refused.status, refused.body.code, refused.headers.get('retry-after')]).toEqual([
    429,
    'rate-limited',
    '3600',
  ])
  const person = await app.person('other', 'member')
  expect((await subscribe(person, { timeZone: 'UTC' }, 'other')).status).toBe(202)
  // of another organisation it is no matter
  expect((await subscribe(app.guest(), { email: newEmail(), timeZone: 'UTC' })).status).toBe(202)
})

// last: by then sign-ins have expired
test('[NO-3] after seven days a fresh one is asked for; after thirty the address is forgotten', async () => {
  const email = newEmail()
  await subscribe(app.guest(), { email, timeZone: 'UTC' })
  const token = tokenIn((await linksFor(app, 'laurel', email))!.confirmUrl)
  advance(7 * DAY_MS)
  expect(await linksFor(app, 'laurel', email)).toBeUndefined()
  expect(await refused(token)).toEqual(NOT_GOOD)
  advance(22 * DAY_MS)
  await forgetUnconfirmed(app.deps)
  expect(await statusOf(email)).toBe('pending')
  advance(DAY_MS)
  await forgetUnconfirmed(app.deps)
  expect(await statusOf(email)).toBeUndefined()
  expect(await audience()).toMatchObject({ same: true })
  expect(moved).toBe(30 * DAY_MS)
})
