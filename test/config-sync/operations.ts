import { setTimeout as sleep } from 'node:timers/promises'
import { type Jobs, startJobs } from '../../src/jobs/start.ts'
import { type Caller, type TestApp, testApp } from '../harness/app.ts'
import { addType, documentsAs } from '../harness/store.ts'

export type Side = Caller & { bearer: string; id: string }

/** Two organisations with the same types, a key for each, and a worker of jobs. */
export type SyncApp = {
  app: TestApp
  jobs: Jobs
  /** Whose calls promote. */
  sandbox: Side
  live: Side
  /** Has jobs done again, after `jobs.stop()`. */
  work(): Promise<void>
  close(): Promise<void>
}

const TYPES = [
  {
    type: 'flow',
    natural_key: ['/key'],
    references: [
      { path: '/next/*', type: 'flow' },
      { path: '/form', type: 'form', required: true },
    ],
    secret_paths: ['/token'],
  },
  { type: 'form', natural_key: ['/key'] },
] as const

export async function syncApp(): Promise<SyncApp> {
  const app = await testApp()
  for (const org of ['sandbox', 'live']) {
    await app.org(org)
    for (const type of TYPES) await addType(app, org, type as never)
  }
  const [sandbox, live] = [
    await app.key({ org: 'sandbox', role: 'automation' }),
    await app.key({ org: 'live', role: 'automation' }),
  ]
  const start = () => startJobs(app.deps, app.database.connection)
  const world: SyncApp = {
    ...{ app, jobs: await start(), sandbox, live },
    async work() {
      world.jobs = await start()
    },
    async close() {
      await world.jobs.stop()
      await app.close()
    },
  }
  return world
}

export const docs = (caller: Caller, type: 'flow' | 'form') => documentsAs(caller, type)

/** Asks until the job has ended or waits for people; fails after 20 s. */
export async function settled(caller: Caller, id: string, path = 'sync-jobs'): Promise<any> {
  const until = Date.now() + 20_000
  for (;;) {
    const { status, body } = await caller.call('GET', `/v1/configs/${path}/${id}`)
    if (status !== 200) throw new Error(JSON.stringify(body))
    if (body.stage === 'ended' || body.stage === 'waiting') return body
    if (Date.now() > until) throw new Error(`job ${id} is still ${body.stage}`)
    await sleep(20)
  }
}

/** Makes a job, and answers it once it has ended or waits. */
export async function done(
  caller: Caller,
  path: string,
  body: Record<string, unknown>,
  list = 'sync-jobs',
): Promise<any> {
  const made = await caller.call('POST', `/v1/configs/${path}`, body)
  if (made.status !== 201) throw new Error(`${made.status} ${JSON.stringify(made.body)}`)
  return settled(caller, made.body.id, list)
}

/** What promotes from the sandbox to live, asked for by the one or the other. */
export const push = ({ live }: SyncApp, more: Record<string, unknown>) => ({
  ...{ source_org_id: 'sandbox', target_org_id: 'live', target_auth_token: live.bearer, ...more },
})
export const pull = ({ sandbox, live }: SyncApp, more: Record<string, unknown>) => ({
  ...{ source_org_id: 'sandbox', target_org_id: 'live', source_auth_token: sandbox.bearer },
  ...{ target_auth_token: live.bearer, ...more },
})
