import sql from 'sql-template-tag'
import type { Caller, Reply, TestApp } from './app.ts'

/** The token in a link of ours. */
export const tokenIn = (url: string): string => new URL(url).searchParams.get('token') as string

/** The links that wait to be delivered to an address, as whatever sends mail reads them. */
export async function linksFor(
  app: TestApp,
  org: string,
  email: string,
): Promise<{ confirmUrl: string; unsubscribeUrl: string } | undefined> {
  const mailer = await app.key({ org, role: 'automation' })
  const { body } = await mailer.call('GET', '/api/notifications/confirmations?limit=100')
  return body.confirmations.find((each: { email: string }) => each.email === email)
}

export const subscribe = (caller: Caller, body: Record<string, unknown>, org = 'laurel'): Promise<Reply> =>
  caller.call('POST', `/api/notifications/subscriptions?artistId=${org}`, body)

/** A member who has subscribed and confirmed, in that zone. */
export async function follower(
  app: TestApp,
  org: string,
  timeZone: string,
): Promise<Caller & { email: string }> {
  const person = await app.person(org, 'member')
  await subscribe(person, { timeZone }, org)
  const links = await linksFor(app, org, person.email)
  const token = tokenIn(links?.confirmUrl ?? '')
  const { status, body } = await app
    .guest()
    .call('POST', `/api/notifications/subscriptions/confirm?artistId=${org}`, { token })
  if (status !== 200) throw new Error(JSON.stringify(body))
  return person
}

/** So many confirmed followers in these zones, and a device each for every `withDevice`th, in a few statements. */
export async function manyFollowers(
  app: TestApp,
  org: string,
  { count, zones, withDevice }: { count: number; zones: readonly string[]; withDevice: number },
): Promise<void> {
  const { db, sealing } = app.deps
  await db.query(sql`
    INSERT INTO auth_user (id, name, email, email_verified, updated_at)
    SELECT ${org} || '-user-' || n, 'Follower', ${org} || '-' || n || '@followers.example', true, now()
      FROM generate_series(1, ${count}::integer) AS n WHERE n % ${withDevice} = 0`)
  await db.query(sql`
    INSERT INTO subscribers (org, id, email, user_id, status, time_zone, audience_version, created_at, asked_at, confirmed_at)
    SELECT ${org}, ${org} || '-' || md5(n::text), ${org} || '-' || n || '@followers.example',
           CASE WHEN n % ${withDevice} = 0 THEN ${org} || '-user-' || n END, 'confirmed',
           (${zones as string[]}::text[])[1 + n % ${zones.length}], 1, now(), now(), now()
      FROM generate_series(1, ${count}::integer) AS n`)
  await db.query(sql`
    INSERT INTO subscriber_audiences (org, version, size) VALUES (${org}, 1, ${count})`)
  const devices = Array.from({ length: Math.floor(count / withDevice) }, (_, index) => {
    const n = (index + 1) * withDevice
    const token = n.toString(16).padStart(64, '0')
    return { n, token: sealing.seal(token).toString('hex'), hash: sealing.hash(token) }
  })
  await db.query(sql`
    INSERT INTO push_devices (org, id, user_id, platform, token, token_hash, created_at, registered_at)
    SELECT ${org}, 'device-' || d.n, ${org} || '-user-' || d.n, CASE d.n / ${withDevice} % 2 WHEN 0 THEN 'apns' ELSE 'fcm' END,
           decode(d.token, 'hex'), d.hash, now(), now()
      FROM jsonb_to_recordset(${JSON.stringify(devices)}::jsonb) AS d(n integer, token text, hash text)`)
}

export const NEW_ROOM = {
  title: 'Listening night',
  status: 'scheduled',
  startsAt: '2027-03-14T10:00:00.000Z',
  timeZone: 'America/Los_Angeles',
  streamProvider: 'none',
  chatEnabled: true,
  subscriberOnly: false,
}
export const COPY = {
  enabled: true,
  audience: 'confirmed_subscribers',
  title: 'Listening night',
  body: 'We begin {start}.',
  timeZone: 'America/Los_Angeles',
}

export const previewNotified = (caller: Caller, copy: Record<string, unknown> = COPY): Promise<Reply> =>
  caller.call('POST', '/api/agent/live-controls', {
    action: 'preview_live_event_schedule_change',
    ...NEW_ROOM,
    fanNotification: copy,
  })

/** Creates the event of a preview and tells followers; the envelope may be changed. */
export const confirmNotified = (
  caller: Caller,
  preview: Record<string, any>,
  idempotencyKey: string,
  envelope: Record<string, unknown> = {},
  copy: Record<string, unknown> = COPY,
): Promise<Reply> =>
  caller.call('POST', '/api/agent/live-controls', {
    action: 'confirm_live_event_schedule_create',
    ...NEW_ROOM,
    fanNotification: copy,
    envelope: {
      contract: 'agent-write-envelope.v1',
      contractId: 'creator.live.schedule-and-status',
      actionMode: 'execute',
      dryRun: false,
      actor: 'Test owner',
      client: 'client-test',
      action: 'creator.live.schedule.create',
      target: { kind: 'live-event' },
      confirmation: { text: preview.confirmationText, acknowledgedRisk: true },
      idempotencyKey,
      reason: 'A new night.',
      auditCorrelationId: 'test-correlation',
      planDigest: preview.planDigest,
      ...envelope,
    },
  })
