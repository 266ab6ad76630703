import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import sql from 'sql-template-tag'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Caller, SECRET, type TestApp, testApp } from '../harness/app.ts'
import { line, start } from '../harness/command.ts'
import { confirmNotified, manyFollowers, previewNotified } from '../harness/followers.ts'
import { type PushFakes, pushFakes } from '../harness/push-fakes.ts'
import { seeded, seedOf } from '../harness/seeded.ts'
import type { KillPoint } from './rebuild.ts'

const WORKER = fileURLToPath(new URL('./fan-out-worker.ts', import.meta.url))
const SEED = seedOf(process.env)
const FOLLOWERS = 50_000
/** Every tenth has a device. */
const WITH_DEVICE = 10
/** Each process dies at a transaction up to this one; ten of 5,000 followers are needed, so some are always left. */
const KILLS_EXPANDING = [4, 3, 2]
/** Processes killed while pushes are under way, each after some more of them. */
const KILLS_PUSHING = 3
const MOMENTS: KillPoint['moment'][] = ['before', 'uncommitted', 'committed']

/** What each zone reads of 2027-03-14 10:00Z, an hour after clocks went forward in Los Angeles. */
const STARTS: Record<string, string> = {
  'America/Los_Angeles': 'We begin Sunday, March 14, 2027, 3:00 AM (UTC-7).',
  'America/Phoenix': 'We begin Sunday, March 14, 2027, 3:00 AM (UTC-7).',
  'Asia/Kathmandu': 'We begin Sunday, March 14, 2027, 3:45 PM (UTC+5:45).',
  'Europe/Berlin': 'We begin Sunday, March 14, 2027, 11:00 AM (UTC+1).',
  'Pacific/Kiritimati': 'We begin Monday, March 15, 2027, 12:00 AM (UTC+14).',
}

let app: TestApp
let fakes: PushFakes
let owner: Caller
let folder: string
beforeAll(async () => {
  app = await testApp()
  fakes = await pushFakes()
  folder = mkdtempSync(path.join(tmpdir(), 'countersign-push-'))
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  await manyFollowers(app, 'laurel', {
    count: FOLLOWERS,
    zones: Object.keys(STARTS),
    withDevice: WITH_DEVICE,
  })
}, 120_000)
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await fakes.close()
  await app.close()
})

/** A process that sends the campaign out, from wherever it is; `killAt` is in its own transactions. */
function worker(id: string, killAt: KillPoint | undefined): ChildProcess {
  const config = {
    ...app.deps.config,
    databaseUrl: app.database.url,
    logLevel: 'error',
    push: fakes.config,
  }
  const data = { org: 'laurel', id }
  return spawn(process.execPath, [WORKER], {
    env: { PATH: process.env.PATH, FAN_OUT: JSON.stringify({ config, data, killAt }) },
    stdio: 'inherit',
  })
}

/** The program itself as an operator starts it, with its credentials in files. */
function program(): ChildProcess {
  const { apns, fcm } = fakes.config
  const [key, account] = [path.join(folder, 'apns.p8'), path.join(folder, 'fcm.json')]
  writeFileSync(key, apns.privateKey)
  writeFileSync(
    account,
    JSON.stringify({
      project_id: fcm.projectId,
      client_email: fcm.clientEmail,
      private_key: fcm.privateKey,
      token_uri: fcm.tokenEndpoint,
    }),
  )
  return start(['--json', 'work'], {
    DATABASE_URL: app.database.url,
    COUNTERSIGN_SECRET: SECRET,
    COUNTERSIGN_APNS_KEY_FILE: key,
    COUNTERSIGN_APNS_KEY_ID: apns.keyId,
    COUNTERSIGN_APNS_TEAM_ID: apns.teamId,
    COUNTERSIGN_APNS_TOPIC: apns.topic,
    COUNTERSIGN_APNS_ENDPOINT: apns.endpoint,
    COUNTERSIGN_FCM_CREDENTIALS_FILE: account,
    COUNTERSIGN_FCM_ENDPOINT: fcm.endpoint,
    LOG_LEVEL: 'silent',
  })
}

const campaign = async (id: string) =>
  (await owner.call('GET', `/api/notifications/campaigns/${id}`)).body.campaign

test('[NO-11] 50,000 followers, a process killed again and again: one row each, each device reached', async () => {
  const random = seeded(SEED)
  const kills: string[] = []
  const told = () => `SEED=${SEED} kills: ${kills.join(', ')}`
  const { body: preview } = await previewNotified(owner)
  const made = await confirmNotified(owner, preview, 'fan-out-key')
  expect(made.status, JSON.stringify(made.body)).toBe(201)
  const id = made.body.fanNotification.campaignId as string
  expect(made.body.fanNotification.audience.count).toBe(FOLLOWERS)

  for (const transactions of KILLS_EXPANDING) {
    const killAt: KillPoint = {
      transaction: 1 + random.below(transactions),
      moment: MOMENTS[random.below(MOMENTS.length)] as KillPoint['moment'],
    }
    const [, killedBy] = await once(worker(id, killAt), 'exit')
    expect(killedBy, told()).toBe('SIGKILL')
    kills.push(`${killAt.moment} transaction ${killAt.transaction}`)
  }
  expect(await campaign(id), told()).toMatchObject({ status: 'expanding' })

  for (let n = 0; n < KILLS_PUSHING; n++) {
    const after = fakes.pushed.length + 50 + random.below(900)
    const child = worker(id, undefined)
    fakes.onPush = () => void (fakes.pushed.length === after && child.kill('SIGKILL'))
    const [, killedBy] = await once(child, 'exit')
    expect(killedBy, told()).toBe('SIGKILL')
    kills.push(`push ${after}`)
  }
  fakes.onPush = () => {}
  expect(await campaign(id), told()).toMatchObject({ status: 'sending', told: FOLLOWERS })

  // the job that the write's transaction asked for is still there, for the program to find
  const last = program()
  try {
    await line(last, 'ok')
    await vi.waitFor(async () => expect(await campaign(id), told()).toMatchObject({ status: 'done' }), {
      timeout: 60_000,
      interval: 100,
    })
  } finally {
    last.kill('SIGTERM')
    await once(last, 'exit')
  }

  const rows = await app.deps.db.query<{ zone: string; body: string; rows: number; followers: number }>(sql`
    SELECT time_zone AS zone, body, count(*)::integer AS rows, count(DISTINCT subscriber_id)::integer AS followers
      FROM notification_items WHERE org = 'laurel' GROUP BY time_zone, body ORDER BY time_zone`)
  const each = FOLLOWERS / Object.keys(STARTS).length
  expect(rows, told()).toEqual(
    Object.entries(STARTS).map(([zone, body]) => ({ zone, body, rows: each, followers: each })),
  )
  const devices = FOLLOWERS / WITH_DEVICE
  expect(await campaign(id), told()).toMatchObject({
    told: FOLLOWERS,
    push: [
      { platform: 'apns', status: 'sent', devices: devices / 2 },
      { platform: 'fcm', status: 'sent', devices: devices / 2 },
    ],
  })
  expect(new Set(fakes.pushed.map(({ token }) => token)).size, told()).toBe(devices)
  expect(new Set(fakes.pushed.map(({ collapseId }) => collapseId)), told()).toEqual(new Set([id]))
  // a kill repeats at most the pushes that were under way
  expect(fakes.pushed.length - devices, told()).toBeLessThanOrEqual(KILLS_PUSHING * 100)
  console.info(`${told()}; ${fakes.pushed.length - devices} pushes came twice`)
}, 180_000)
