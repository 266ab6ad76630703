import { randomBytes } from 'node:crypto'
import pg from 'pg'
import sql from 'sql-template-tag'
import { expect } from 'vitest'
import { insertItem } from '../../src/catalog/store.ts'
import { insertMessage, putChannel } from '../../src/community/store.ts'
import { putConnector } from '../../src/config-hub/connectors/store.ts'
import { insertLineage } from '../../src/config-hub/lineage/store.ts'
import { TypeDefinition } from '../../src/config-hub/types/definition.ts'
import { BUILT_IN_REGISTRY } from '../../src/config-hub/types/registry.ts'
import { putType } from '../../src/config-hub/types/store.ts'
import { writeDocuments } from '../../src/config-store/documents.ts'
import { storePlan } from '../../src/config-sync/execution/plan-store.ts'
import { newJobId } from '../../src/config-sync/jobs/begin.ts'
import { insertJob } from '../../src/config-sync/jobs/store.ts'
import { putSchedule } from '../../src/config-sync/snapshots/schedules.ts'
import { finishSnapshot, insertSnapshot } from '../../src/config-sync/snapshots/store.ts'
import { newNoteId } from '../../src/live/room/post.ts'
import { PACE } from '../../src/live/room/rules.ts'
import { appendEntries, moderateNotes, postNotes } from '../../src/live/room/store.ts'
import { insertCampaign } from '../../src/notifications/campaigns/store.ts'
import { putDevice } from '../../src/notifications/devices/store.ts'
import { confirmToken, unsubscribeToken } from '../../src/notifications/links.ts'
import { askSubscription } from '../../src/notifications/store.ts'
import { requestOf } from '../../src/operation/cli.ts'
import type { Operation } from '../../src/operation/define.ts'
import { openapi } from '../../src/operation/openapi.ts'
import { putWork } from '../../src/sync-feeds/work-log/store.ts'
import { STRIPE_CATALOG } from '../../src/sync-jobs/stripe-catalog/definition.ts'
import { planOf } from '../config-sync/jobs.ts'
import type { Caller, Reply, TestApp } from '../harness/app.ts'
import { lesson, product, tier } from '../harness/catalog.ts'
import { type Jobs, SYNC_JOB, type World } from './inputs.ts'

/** An answer that the published document does not have for the operation is a defect. */
function expectDocumented(operation: Operation, { status, body }: Reply): void {
  const { paths } = openapi([operation], '0.0.0') as any
  const { responses } = paths[operation.http.path][operation.http.method.toLowerCase()]
  const codes = responses[status]?.description.split(', ')
  if (status < 300) expect(codes, `${operation.id}: ${status}`).toBeDefined()
  else expect(codes ?? [], `${operation.id}: ${JSON.stringify(body)}`).toContain(body.code)
}

/** Calls an operation by its own route; what comes back must be in the document. */
export async function callOperation(
  caller: Caller,
  operation: Operation,
  input: Record<string, unknown>,
  more: { headers?: Record<string, string>; artistId?: string } = {},
): Promise<Reply> {
  const { method, path, body, headers } = requestOf(operation, input, more.artistId)
  const reply = await caller.call(method, path, body, { ...headers, ...more.headers })
  expectDocumented(operation, reply)
  return reply
}

export const operationNamed = (app: TestApp, id: string): Operation =>
  app.deps.operations.find((operation) => operation.id === id)!

const refuse = (what: string, reply: Reply): never => {
  throw new Error(`${what}: ${reply.status} ${JSON.stringify(reply.body)}`)
}

/** A fresh event, a session that `caller` opened and, where it may ask for one, a pending approval. */
export async function worldOf(app: TestApp, org: string, caller: Caller): Promise<World> {
  const event = await app.event(org, {
    id: `${org}-room-${randomBytes(4).toString('hex')}`,
    title: `Room of ${org}`,
  })
  const webinar = await app.room(org, {
    id: `${org}-webinar-${randomBytes(4).toString('hex')}`,
    title: `Webinar of ${org}`,
  })
  const sessionId = await newSession(app, caller, org)
  const preview = await callOperation(caller, operationNamed(app, 'live.events.status.preview'), {
    eventId: event.id,
    nextStatus: 'cancelled',
  })
  const observedUpdatedAt = event.updatedAt.toISOString()
  const configuration = await configurationOf(app, org)
  const none = {
    org,
    eventId: event.id,
    noteId: await notesOf(app, org, event.id),
    roomId: webinar.id,
    observedUpdatedAt,
    messageId: await messageOf(app, org, event.updatedAt),
    channelId: await channelOf(app, org, event.updatedAt),
    itemKey: await itemsOf(app, org, event.updatedAt),
    findingId: await findingOf(app, org, event.updatedAt),
    workId: await workOf(app, org, event.updatedAt),
    syncRunId: await syncRunOf(app, org),
    sessionId,
    approvalId: 'approval-none',
    ...configuration,
    ...(await followedOf(app, org, event.id, caller)),
    ...(await triggersOf(app, org, caller)),
  }
  // not everybody may write, and so ask for approval
  if (preview.status === 403) return { ...none, planDigest: '0'.repeat(64) }
  if (preview.status !== 200) refuse('preview', preview)
  const { planDigest } = preview.body
  const asked = await callOperation(caller, operationNamed(app, 'sessions.approvals.request'), {
    sessionId,
    operationId: 'live.events.status.confirmed-update',
    input: { eventId: event.id, nextStatus: 'cancelled' },
    planDigest,
    reason: 'The suite asks.',
  })
  if (asked.status !== 201) refuse('approval', asked)
  return { ...none, approvalId: asked.body.approval.id, planDigest }
}

/** A session that the caller opens. */
export async function newSession(app: TestApp, caller: Caller, org = 'laurel'): Promise<string> {
  const opened = await callOperation(caller, operationNamed(app, 'sessions.create'), {
    workflow: 'suite.run',
    client: { id: 'client-suite', name: `Suite of ${org}`, kind: 'test' },
  })
  if (opened.status !== 201) refuse('session', opened)
  return opened.body.session.id
}

/** Two notes of a room, the second of which was hidden; answers the first. */
async function notesOf({ deps: { db } }: TestApp, org: string, eventId: string): Promise<string> {
  const now = new Date()
  const author = { userId: 'suite', name: 'Suite', moderates: true, subscriber: false }
  const [id, other] = [newNoteId(), newNoteId()]
  const notes = [id, other].map((each) => ({ id: each, body: `A note of the suite in ${org}`, ...author }))
  await postNotes(db, { org, eventId }, notes, { now, ...PACE })
  const states = {
    before: { status: 'visible', pinned: false },
    next: { status: 'hidden', pinned: false },
  } as const
  const changes = [{ id: other, version: 1, ...states }]
  await moderateNotes(db, org, eventId, changes, now)
  await appendEntries(db, org, eventId, [{ kind: 'moderation', messages: [other], detail: { changes } }], now)
  return id
}

/** A message of nobody who is here, in the organisation's default channel. */
async function messageOf(app: TestApp, org: string, createdAt: Date): Promise<string> {
  const id = `message-${randomBytes(4).toString('hex')}`
  const by = { userId: 'nobody', displayName: `Fan of ${org}`, via: null }
  await insertMessage(app.deps.db, org, { ...by, id, channelId: 'general', body: `Hello ${org}`, createdAt })
  return id
}

/** A subscription of the caller to triggers, with a delivery that has ended. */
async function triggersOf(app: TestApp, org: string, caller: Caller) {
  const { db } = app.deps
  // a caller has 20 at most, and the suite makes more; the first ones are of worlds that many tests share
  await db.query(sql`
    UPDATE trigger_subscriptions SET status = 'removed' WHERE org = ${org} AND id NOT IN (
      SELECT id FROM trigger_subscriptions WHERE org = ${org} ORDER BY created_at LIMIT 8)`)
  const made = await callOperation(caller, operationNamed(app, 'workflow-triggers.subscriptions.create'), {
    url: 'https://receiver.example/hook',
    families: ['session.approval.requested'],
  })
  if (made.status !== 201) refuse('trigger subscription', made)
  const triggerSubscriptionId = made.body.subscription.id as string
  const triggerDeliveryId = `delivery-${randomBytes(4).toString('hex')}`
  await db.query(sql`
    INSERT INTO trigger_deliveries (org, id, subscription_id, family, body, status, next_at, created_at, finished_at)
    VALUES (${org}, ${triggerDeliveryId}, ${triggerSubscriptionId}, 'session.approval.requested', '{}', 'delivered',
            now(), now(), now())`)
  return { triggerSubscriptionId, triggerDeliveryId }
}

/** An entry of the work log, as people write them. */
async function workOf(app: TestApp, org: string, occurredAt: Date): Promise<string> {
  const id = `work-${randomBytes(4).toString('hex')}`
  const entry = { id, title: 'Suite', summary: 'Before.', kind: 'release' as const, url: null, occurredAt }
  await putWork(app.deps.db, org, { ...entry, origin: 'people', version: 0 }, occurredAt)
  return id
}

/** A run of the catalog's scan that is paused for good; one that was made before has ended. */
async function syncRunOf({ deps: { db } }: TestApp, org: string): Promise<string> {
  const id = `sync-run-${randomBytes(8).toString('hex')}`
  await db.query(sql`INSERT INTO sync_jobs (org, id, schedule) VALUES (${org}, ${SYNC_JOB}, ${SYNC_SCHEDULE}::jsonb)
    ON CONFLICT (org, id) DO UPDATE SET schedule = excluded.schedule`)
  await db.query(sql`
    UPDATE sync_runs SET status = 'failed', finished_at = now()
     WHERE org = ${org} AND job_id = ${SYNC_JOB} AND finished_at IS NULL`)
  await db.query(sql`
    INSERT INTO sync_runs (org, id, job_id, mode, status, requested_by, started_at, moved_at)
    VALUES (${org}, ${id}, ${SYNC_JOB}, 'full', 'paused', ${`Suite of ${org}`}, now(), now())`)
  return id
}

/** Nobody starts anything by it: it has no next time. */
const SYNC_SCHEDULE = JSON.stringify({ cron: '17 3 * * *', timeZone: 'UTC', mode: 'full' })

async function channelOf(app: TestApp, org: string, now: Date): Promise<string> {
  const id = `channel-${randomBytes(4).toString('hex')}`
  const archived = { active: false, position: null, membersOnly: false }
  await putChannel(app.deps.db, org, { ...archived, id, title: `Old talk of ${org}` }, now)
  return id
}

/** Three items of one key; their time is made that of the event, which a catalog by itself gives to none of them. */
async function itemsOf({ deps: { db } }: TestApp, org: string, at: Date): Promise<string> {
  const key = `item-${randomBytes(4).toString('hex')}`
  const [title, stripePriceId] = [`Item of ${org}`, `price_of${org}`]
  const items = [
    lesson({ key, title, stripePriceId }),
    tier({ key, title, stripePriceId }),
    product({ key, title, status: 'draft' }),
  ]
  await db.transaction(async (tx) => {
    for (const item of items) await insertItem(tx, org, item, at)
    await tx.query(sql`UPDATE catalog_items SET updated_at = ${at} WHERE org = ${org} AND key = ${key}`)
  })
  await db.query(sql`
    INSERT INTO stripe_writes (org, id, source_kind, key, amount_cents, currency, status, product_name, idempotency_key, next_at,
                               operation_id, requested_by, created_at, updated_at)
    VALUES (${org}, ${`write-${key}`}, 'shop-product', ${key}, 100, 'usd', 'done', 'Suite', ${key}, now(), 'suite', 'Suite', ${at}, ${at})`)
  return key
}

async function findingOf({ deps: { db } }: TestApp, org: string, at: Date): Promise<string> {
  const fingerprint = `finding-${randomBytes(16).toString('hex')}`
  await db.query(
    sql`INSERT INTO sync_jobs (org, id) VALUES (${org}, ${STRIPE_CATALOG}) ON CONFLICT DO NOTHING`,
  )
  await db.query(sql`
    INSERT INTO sync_findings (org, job_id, fingerprint, class, source_kind, key, summary, evidence, evidence_hash,
                               needs_person, status, first_run, last_run, opened_at, seen_at)
    VALUES (${org}, ${STRIPE_CATALOG}, ${fingerprint}, 'amount', 'lesson-offering', 'suite', ${`Found in ${org}.`}, '{}',
            'sha256-ofthesuite', false, 'open', 'run', 'run', ${at}, ${at})`)
  return fingerprint
}

/** A subscription that waits for its confirmation, a campaign that is over, and a device where the caller may have one. */
async function followedOf(
  app: TestApp,
  org: string,
  eventId: string,
  caller: Caller,
): Promise<Pick<World, 'deviceId' | 'campaignId' | 'confirmToken' | 'endToken'>> {
  const [suffix, now] = [randomBytes(8).toString('hex'), new Date()]
  const [subscriberId, campaignId] = [`subscriber-${suffix}`, `campaign-${suffix}`]
  const row = await askSubscription(app.deps.db, org, {
    ...{ id: subscriberId, email: `${suffix}@fans.example`, userId: null, timeZone: 'UTC', now },
  })
  await insertCampaign(app.deps.db, {
    ...{ org, id: campaignId, eventId, title: 'Suite', body: 'Suite', startsAt: null, createdAt: now },
    ...{ audienceVersion: 0, audienceSize: 0, audienceHash: '0'.repeat(64) },
    ...{ principalId: 'suite', operationId: 'suite', idempotencyKey: suffix },
  })
  await app.deps.db.query(sql`
    INSERT INTO notification_items (org, campaign_id, subscriber_id, title, body, time_zone, created_at)
    VALUES (${org}, ${campaignId}, ${subscriberId}, 'Suite', 'Suite', 'UTC', ${now})`)
  await app.deps.db.query(sql`
    INSERT INTO push_deliveries (org, campaign_id, device_id, subscriber_id, platform, status, next_at)
    VALUES (${org}, ${campaignId}, ${`device-${suffix}`}, ${subscriberId}, 'apns', 'sent', ${now})`)
  const device = await callOperation(caller, operationNamed(app, 'notifications.devices.register'), {
    platform: 'apns',
    token: suffix.repeat(4),
  })
  return {
    deviceId: device.body.device?.id ?? (await strangersDevice(app, org, suffix)),
    campaignId,
    confirmToken: confirmToken(app.deps.sealing, row),
    endToken: unsubscribeToken(app.deps.sealing, row),
  }
}

/** A device of somebody, for callers that have none. */
async function strangersDevice(app: TestApp, org: string, suffix: string): Promise<string> {
  const [owner] = await app.deps.db.query<{ userId: string }>(
    sql`SELECT user_id AS "userId" FROM auth_member WHERE organization_id = ${org} AND role = 'owner' LIMIT 1`,
  )
  const device = await putDevice(app.deps.db, org, {
    ...{ id: `device-${suffix}`, userId: owner!.userId, platform: 'apns', name: null, now: new Date() },
    ...{ token: app.deps.sealing.seal(suffix), tokenHash: suffix },
  })
  return device.id
}

/** A journey with an earlier version, and an own type. */
async function configurationOf(
  app: TestApp,
  org: string,
): Promise<
  Pick<
    World,
    'configId' | 'ownType' | 'pairedId' | 'connectorId' | 'source' | 'snapshotId' | 'scheduleId' | 'jobs'
  >
> {
  const suffix = randomBytes(4).toString('hex')
  const [configId, ownType] = [`journey-${suffix}`, `suite_${suffix}`]
  const now = new Date()
  const definition = TypeDefinition.parse({
    type: ownType,
    label: 'Suite',
    icon: 'Box',
    source_api: '',
    sdk_client: '',
  })
  await putType(app.deps.db, org, { type: ownType, definition, seen: 0, now, author: 'Suite' })
  for (const name of ['Draft', 'Intake'])
    await app.deps.db.transaction((db) =>
      writeDocuments({ db, deps: app.deps, org, now, author: 'Suite' }, BUILT_IN_REGISTRY, [
        { type: 'journey', id: configId, op: 'put', document: { name: `${name} of ${org}` } },
      ]),
    )
  const pairedId = `paired-${suffix}`
  const pair = { type: 'journey', sourceOrg: 'abroad', sourceId: pairedId, targetId: configId }
  await insertLineage(app.deps.db, org, pair, now)
  const connectorId = `connector-${suffix}`
  await putConnector(
    app.deps.db,
    org,
    {
      id: connectorId,
      kind: 'countersign',
      externalOrg: null,
      settings: { base_url: 'http://127.0.0.1:1' },
      sealedCredentials: null,
    },
    { seen: 0, now, author: 'Suite' },
  )
  return {
    configId,
    ownType,
    pairedId,
    connectorId,
    source: await sourceOf(app),
    jobs: await jobsOf(app, org, configId),
    ...(await keptOf(app, org)),
  }
}

/** A snapshot that is ready and empty, and a schedule that is not due. */
async function keptOf(app: TestApp, org: string): Promise<Pick<World, 'snapshotId' | 'scheduleId'>> {
  const [snapshotId, scheduleId] = [
    `snapshot-${randomBytes(8).toString('hex')}`,
    `schedule-${randomBytes(4).toString('hex')}`,
  ]
  const by = { org, selection: {}, createdAt: new Date(), createdBy: 'Suite' }
  const row = { ...by, id: snapshotId, name: 'Suite', schedule: null, expiresAt: null }
  const made = await insertSnapshot(app.deps.db, row)
  await finishSnapshot(app.deps.db, made, { status: 'ready', failedTypes: [] })
  const nextAt = new Date(Date.now() + 86_400_000)
  await putSchedule(app.deps.db, { ...by, id: scheduleId, name: 'Suite', everyHours: 24, keep: 2, nextAt })
  return { snapshotId, scheduleId }
}

/** A job of each stage, which nobody works on. */
async function jobsOf(app: TestApp, org: string, configId: string): Promise<Jobs> {
  const { db, sealing } = app.deps
  const now = new Date()
  const plan = planOf([
    { type: 'journey', sourceId: configId, action: 'create', desired: { name: `Intake of ${org}` } },
  ])
  const requestedBy = {
    id: 'key:none',
    source: 'api-key',
    role: 'automation',
    displayName: 'Suite',
    scopes: [],
  }
  const jobs = {
    ...{ planned: newJobId(), failed: newJobId(), waiting: newJobId(), deletion: newJobId() },
    digest: plan.digest,
  }
  const made = async (id: string, kind: 'sync' | 'delete', dryRun: boolean) => {
    const resources = [{ type: 'journey', id: configId }]
    await insertJob(db, {
      ...{ org, id, kind, name: 'Suite', direction: kind === 'sync' ? 'push' : null, dryRun, requestedBy },
      ...{ sourceOrg: kind === 'sync' ? org : null, targetOrg: kind === 'sync' ? 'elsewhere' : org },
      ...{ request: { resources }, ofJob: null, sessionId: null, holder: undefined, createdAt: now },
      stage: 'planning',
    })
    if (id !== jobs.failed) await storePlan(db, { org, id, dryRun }, plan, { sealing, now })
  }
  await made(jobs.planned, 'sync', true)
  await made(jobs.failed, 'sync', false)
  await made(jobs.waiting, 'sync', false)
  await made(jobs.deletion, 'delete', false)
  await db.query(sql`
    UPDATE config_jobs SET stage = 'ended', finished_at = ${now},
           status = CASE id WHEN ${jobs.failed} THEN 'failed' ELSE 'succeeded' END
     WHERE org = ${org} AND id IN (${jobs.planned}, ${jobs.failed}, ${jobs.deletion})`)
  await db.query(sql`UPDATE config_jobs SET stage = 'waiting' WHERE org = ${org} AND id = ${jobs.waiting}`)
  return jobs
}

const sources = new WeakMap<TestApp, Promise<World['source']>>()

/** One organisation that everybody here compares with, with a journey. */
function sourceOf(app: TestApp): Promise<World['source']> {
  const made =
    sources.get(app) ??
    (async () => {
      await app.org('elsewhere')
      const { bearer } = await app.key({ org: 'elsewhere', role: 'automation' })
      await app.deps.db.transaction((db) =>
        writeDocuments(
          { db, deps: app.deps, org: 'elsewhere', now: new Date(), author: 'Suite' },
          BUILT_IN_REGISTRY,
          [{ type: 'journey', id: 'journey-source', op: 'put', document: { name: 'Source' } }],
        ),
      )
      return { source_org_id: 'elsewhere', source_auth_token: bearer }
    })()
  sources.set(app, made)
  return made
}

const other = (id: string): string => `${id.slice(0, -4)}ffff`

/** The same with ids of the same form that do not exist. */
export const ghostOf = (world: World): World => ({
  ...world,
  eventId: other(world.eventId),
  roomId: other(world.roomId),
  sessionId: other(world.sessionId),
  approvalId: other(world.approvalId),
  configId: other(world.configId),
  ownType: other(world.ownType),
  pairedId: other(world.pairedId),
  connectorId: other(world.connectorId),
  messageId: other(world.messageId),
  channelId: other(world.channelId),
  snapshotId: other(world.snapshotId),
  scheduleId: other(world.scheduleId),
  itemKey: other(world.itemKey),
  findingId: other(world.findingId),
  triggerSubscriptionId: other(world.triggerSubscriptionId),
  triggerDeliveryId: other(world.triggerDeliveryId),
  workId: other(world.workId),
  deviceId: other(world.deviceId),
  syncRunId: other(world.syncRunId),
  campaignId: other(world.campaignId),
  confirmToken: other(world.confirmToken),
  endToken: other(world.endToken),
  jobs: {
    planned: other(world.jobs.planned),
    failed: other(world.jobs.failed),
    waiting: other(world.jobs.waiting),
    deletion: other(world.jobs.deletion),
    digest: world.jobs.digest,
  },
})

const TABLES = `
  SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
   WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`

const fingerprinting = new WeakMap<TestApp, string>()

/**
 * What tells whether a table of the application has changed: how many rows it has, and the sum of the transactions that
 * wrote them. What is written later has a higher one, so with as many rows the sum can only have grown. One statement: a
 * dump is one for each table and every row over the wire, and hashing every row took half of the time of the suite.
 */
export async function fingerprints(app: TestApp): Promise<Record<string, string>> {
  const { pool } = app.database.db
  let statement = fingerprinting.get(app)
  if (statement === undefined) {
    const { rows } = await pool.query<{ name: string }>(TABLES)
    const each = ({ name }: { name: string }) =>
      `SELECT '${name}' AS name, count(*) || ' ' || coalesce(sum(xmin::text::bigint), 0) AS hash FROM ${name}`
    statement = rows.map(each).join(' UNION ALL ')
    fingerprinting.set(app, statement)
  }
  const { rows } = await pool.query<{ name: string; hash: string }>({ name: 'fingerprints', text: statement })
  return Object.fromEntries(rows.map(({ name, hash }) => [name, hash]))
}

/** Every row of every table of every schema of the application, as text by table. */
export async function dump(app: TestApp): Promise<Record<string, string>> {
  const client = new pg.Client(app.database.connection)
  await client.connect()
  try {
    const { rows: tables } = await client.query<{ name: string }>(TABLES)
    const dumped: Record<string, string> = {}
    for (const { name } of tables) {
      const { rows } = await client.query<{ text: string | null }>(
        `SELECT string_agg(row_to_json(t)::text, E'\\n' ORDER BY row_to_json(t)::text) AS text FROM ${name} t`,
      )
      dumped[name] = rows[0]?.text ?? ''
    }
    return dumped
  } finally {
    await client.end()
  }
}

/** How far feeds may be read, noted by their readers: nothing that anybody wrote, and nothing that an answer shows. */
const NOTED_BY_READERS = ['public.feed_clock', 'public.feed_marks', 'public.feed_seals']

/** The tables that differ between two dumps or fingerprints, without what readers of feeds note. */
export const changedTables = (before: Record<string, string>, after: Record<string, string>): string[] =>
  Object.keys({ ...before, ...after }).filter(
    (name) => before[name] !== after[name] && !NOTED_BY_READERS.includes(name),
  )
