import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { docs, type SyncApp, syncApp } from '../config-sync/operations.ts'
import { CONTRACT_OPERATIONS, type HubAnswer, hubClient } from './hub-client.ts'

type Hub = (operationId: string, parameters?: object | null, data?: unknown) => Promise<HubAnswer>

let world: SyncApp
/** The same client for either organisation, noting what it called. */
let sandbox: Hub
let live: Hub
const called = new Set<string>()
const NONE = 'job-0123456789abcdef'

beforeAll(async () => {
  world = await syncApp()
  // whom nobody knows looks at the default one
  await world.app.org('laurel')
  const noting = (hub: Hub): Hub => {
    return (operationId, ...rest) => {
      called.add(operationId)
      return hub(operationId, ...rest)
    }
  }
  sandbox = noting(hubClient(world.app.url, world.sandbox.bearer))
  live = noting(hubClient(world.app.url, world.live.bearer))
})
afterAll(() => world.close())

/** What a client of the contract sends to promote. */
const promotion = (ids: string[], more: object = {}) => ({
  ...{ source_org_id: 'sandbox', target_org_id: 'live', target_auth_token: world.live.bearer },
  ...{ resources: ids.map((id) => ({ type: 'form', id })), ...more },
})

/** Asks as a client does, by the status alone, until the job has ended. */
async function ended(hub: Hub, id: string, operation = 'getSyncJob'): Promise<any> {
  for (const until = Date.now() + 20_000; Date.now() < until; await sleep(20)) {
    const { status, body } = await hub(operation, { id })
    expect(status).toBe(200)
    if (!['pending', 'in_progress'].includes(body.status)) return body
  }
  throw new Error(`job ${id} has not ended`)
}

async function promoted(hub: Hub, body: object): Promise<any> {
  const made = await hub('createSyncJob', null, body)
  expect(made.status, JSON.stringify(made.body)).toBe(201)
  expect(made.body.status).toBe('pending')
  return ended(hub, made.body.id)
}

const forms = () => docs(world.sandbox, 'form')
const make = async (...ids: string[]) => {
  for (const id of ids) await forms().put(id, { key: id, name: id })
}
const keyed = (results: any[]) =>
  Object.fromEntries(results.map((row) => [row.source_id ?? row.id, row.status]))

/** Every page of a listing, in order. */
async function pages(hub: Hub, operation: string, parameters: object): Promise<any[]> {
  const all: any[] = []
  for (let cursor: string | undefined; ; ) {
    const { status, body } = await hub(operation, { ...parameters, ...(cursor ? { cursor } : {}) })
    expect(status).toBe(200)
    all.push(...body.results)
    cursor = body.next_cursor
    if (cursor === undefined) return all
  }
}

describe('[SJ-40] the unmodified client of the contract promotes', () => {
  test('in a dry run, then for good, with what the selection refers to', async () => {
    await make('c-form')
    await docs(world.sandbox, 'flow').put('c-flow', { key: 'c-flow', form: 'c-form', next: ['c-next'] })
    await docs(world.sandbox, 'flow').put('c-next', { key: 'c-next', form: 'c-form', next: ['c-flow'] })
    const asked = { ...promotion([]), resources: [{ type: 'flow', id: 'c-flow' }], name: 'Contract' }
    const dry = await promoted(sandbox, { ...asked, dry_run: true })
    expect(dry).toMatchObject({
      ...{ status: 'succeeded', dry_run: true, direction: 'push', name: 'Contract' },
      counts: { total: 3, succeeded: 0, failed: 0, pending: 0 },
    })
    const planned = await pages(sandbox, 'listSyncJobResources', { id: dry.id, size: 1 })
    expect(planned.map(({ status }) => status)).toEqual(Array(3).fill('would_create'))
    const job = await promoted(sandbox, asked)
    expect(job).toMatchObject({ status: 'succeeded', counts: { total: 3, succeeded: 3, failed: 0 } })
    expect(job.events.length).toBeLessThanOrEqual(10)
    expect(job.finished_at >= job.started_at).toBe(true)
    const rows = await pages(sandbox, 'listSyncJobResources', { id: job.id, size: 2 })
    expect(keyed(rows)).toEqual({ 'c-form': 'created', 'c-flow': 'created', 'c-next': 'created' })
    const again = await promoted(sandbox, asked)
    expect(again.counts).toMatchObject({ total: 3, succeeded: 0, skipped_unchanged: 3 })
    await forms().patch('c-form', { name: 'Changed' })
    const changed = await promoted(sandbox, asked)
    expect(changed.counts).toMatchObject({ succeeded: 1, skipped_unchanged: 2 })
    const alone = await promoted(sandbox, { ...asked, include_dependencies: false, dry_run: true })
    expect(alone.counts.total).toBe(1)
  })

  test('by pulling, with a token of the source besides', async () => {
    await make('pulled')
    const job = await promoted(live, { ...promotion(['pulled']), source_auth_token: world.sandbox.bearer })
    expect(job).toMatchObject({ status: 'succeeded', direction: 'pull', counts: { succeeded: 1 } })
    const without = await live('createSyncJob', null, promotion(['pulled']))
    expect(without.status).toBe(400)
  })

  test('and is told what failed, retries it with overrides, and what is done is not done again', async () => {
    await make('r-one', 'r-two')
    await promoted(sandbox, promotion(['r-one']))
    await forms().patch('r-one', { name: 'Ours' })
    await docs(world.live, 'form').patch('r-one', { name: 'Theirs' })
    const job = await promoted(sandbox, promotion(['r-one', 'r-two']))
    expect(job).toMatchObject({ status: 'partial', counts: { total: 2, succeeded: 1, failed: 1 } })
    expect(job.errors_sample).toMatchObject([{ type: 'form', source_id: 'r-one', error: expect.any(String) }])
    const failed = await pages(sandbox, 'listSyncJobResources', { id: job.id, status: 'failed' })
    expect(keyed(failed)).toEqual({ 'r-one': 'failed' })
    const retry = async (id: string, data?: object) => {
      const made = await sandbox('retrySyncJob', { id }, data)
      expect(made.status, JSON.stringify(made.body)).toBe(201)
      expect(made.body.id).not.toBe(id)
      return ended(sandbox, made.body.id)
    }
    const still = await retry(job.id)
    expect(still).toMatchObject({ status: 'failed', counts: { total: 1, failed: 1 } })
    const payload_overrides = { 'form:r-one': { name: 'Theirs' } }
    expect(await retry(still.id, { payload_overrides })).toMatchObject({
      ...{ status: 'succeeded', counts: { total: 1, failed: 0 } },
    })
    // beyond the contract: a job that left nothing undone
    expect(
      (await sandbox('retrySyncJob', { id: (await promoted(sandbox, promotion(['r-two']))).id })).status,
    ).toBe(409)
  })

  test('and cancels: nothing is written, and what has ended is refused with 409', async () => {
    await make('x-one')
    await world.jobs.stop()
    const { body: made } = await sandbox('createSyncJob', null, promotion(['x-one']))
    try {
      expect(made.status).toBe('pending')
      expect((await live('cancelSyncJob', { id: made.id })).status).toBe(404)
      const cancelled = await sandbox('cancelSyncJob', { id: made.id })
      expect([cancelled.status, cancelled.body.status]).toEqual([200, 'cancelled'])
      expect(cancelled.body.finished_at).toBeDefined()
      expect((await sandbox('cancelSyncJob', { id: made.id })).status).toBe(409)
      await make('x-two')
    } finally {
      await world.work()
    }
    // what came after it is done, so that it would have been too
    await promoted(sandbox, promotion(['x-two']))
    const { body: stopped } = await sandbox('getSyncJob', { id: made.id })
    expect(stopped).toMatchObject({ status: 'cancelled', counts: { succeeded: 0 } })
    expect((await docs(world.live, 'form').get('x-one')).status).toBe(404)
  })

  test('lists jobs, newest first, in pages and by status', async () => {
    const all = await pages(sandbox, 'listSyncJobs', { size: 3 })
    expect(all.length).toBeGreaterThan(6)
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length)
    const first = await sandbox('listSyncJobs', {})
    expect(first.body.results.map(({ id }: any) => id)).toEqual(all.slice(0, 25).map(({ id }) => id))
    for (const status of ['pending', 'in_progress', 'succeeded', 'partial', 'failed', 'cancelled']) {
      const some = await pages(sandbox, 'listSyncJobs', { status })
      expect(some).toEqual(all.filter((job) => job.status === status))
    }
    const foreign = await pages(live, 'listSyncJobs', {})
    expect(foreign.map(({ direction }) => direction)).toEqual(['pull'])
  })

  test('no row of what a client of the contract can make has a status that the contract lacks', async () => {
    const jobs = await pages(sandbox, 'listSyncJobs', { size: 100 })
    expect(new Set(jobs.map(({ kind }) => kind))).toEqual(new Set(['sync']))
    // every page was checked against the contract, whose statuses are these
    const statuses = new Set<string>()
    for (const { id } of jobs)
      for (const { status } of await pages(sandbox, 'listSyncJobResources', { id })) statuses.add(status)
    expect(statuses).toEqual(
      new Set(['created', 'failed', 'patched', 'skipped', 'would_create', 'would_skip_unchanged']),
    )
  })
})

describe('[SJ-41] it is refused as the contract says', () => {
  test.each([
    ['no source', { source_org_id: undefined }],
    ['no target', { target_org_id: undefined }],
    ['no token', { target_auth_token: undefined }],
    ['an empty token', { target_auth_token: '' }],
    ['no selection', { resources: undefined }],
    ['a selection that is none', { resources: 'all' }],
    ['a configuration without id', { resources: [{ type: 'form' }] }],
    ['a type that is none', { resources: [{ type: 'No Type', id: 'x' }] }],
    ['a truth value that is none', { dry_run: 'yes' }],
    ['one organisation twice', { target_org_id: 'sandbox' }],
    ['two other organisations', { source_org_id: 'elsewhere' }],
    ['a member that nobody knows', { everything: true }],
  ])('a job with %s, by 400', async (_, more) => {
    const { status, body } = await sandbox('createSyncJob', null, promotion(['any'], more))
    expect([status, body.status]).toEqual([400, 400])
  })

  test.each([
    ['no selection', {}],
    ['an empty selection', { resources: [] }],
    ['a configuration without type', { resources: [{ id: 'x' }] }],
    ['a name that is none', { resources: [{ type: 'form', id: 'x' }], name: 7 }],
  ])('a deletion with %s, by 400', async (_, body) => {
    expect((await sandbox('createDeleteJob', null, body)).status).toBe(400)
  })

  test('with tokens that are not the target’s, all alike', async () => {
    const reader = await world.app.key({
      ...{ org: 'live', role: 'automation', scopes: ['creator:live:config:read'] },
    })
    const answers = await Promise.all(
      ['made-up', world.sandbox.bearer, reader.bearer].map((target_auth_token) =>
        sandbox('createSyncJob', null, promotion(['any'], { target_auth_token })),
      ),
    )
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403])
    expect(new Set(answers.map(({ body }) => body.error)).size).toBe(1)
  })

  test('for jobs that are not there, or another organisation’s, or of the other kind, by 404 alike', async () => {
    await make('k-one', 'k-two')
    const job = await promoted(sandbox, promotion(['k-one']))
    const { body: deletion } = await sandbox('createDeleteJob', null, {
      resources: [{ type: 'form', id: 'k-two' }],
    })
    await ended(sandbox, deletion.id, 'getDeleteJob')
    const sync = ['getSyncJob', 'listSyncJobResources', 'retrySyncJob', 'cancelSyncJob']
    const remove = ['getDeleteJob', 'listDeleteJobResources']
    for (const operation of [...sync, ...remove]) {
      const [own, other] = sync.includes(operation) ? [job.id, deletion.id] : [deletion.id, job.id]
      const answers = [await live(operation, { id: own }), await sandbox(operation, { id: NONE })]
      // a delete job is stopped by its id as well, which the contract has no request for
      if (operation !== 'cancelSyncJob') answers.push(await sandbox(operation, { id: other }))
      expect(
        answers.map(({ status }) => status),
        operation,
      ).toEqual(answers.map(() => 404))
      const ids = new RegExp([own, other, NONE].join('|'), 'g')
      const texts = answers.map(({ body: { requestId: _, ...rest } }) =>
        JSON.stringify(rest).replaceAll(ids, ''),
      )
      expect(new Set(texts).size, texts.join('\n')).toBe(1)
    }
  })

  test('with pages and statuses that are none, by 400, and without a credential, by 401', async () => {
    const guest = hubClient(world.app.url, undefined)
    const lists = ['listSyncJobs', 'listDeleteJobs']
    for (const operation of lists) {
      for (const parameters of [{ size: 0 }, { size: 101 }, { cursor: 'x.y' }])
        expect((await sandbox(operation, parameters)).status, operation).toBe(400)
      expect((await guest(operation)).status).toBe(401)
    }
    expect((await sandbox('listSyncJobs', { status: 'deleted' })).status).toBe(400)
    expect((await guest('createSyncJob', null, promotion(['any']))).status).toBe(401)
    expect((await sandbox('getSyncJob', { id: 'none' })).status).toBe(400)
  })
})

describe('[SJ-42] it deletes', () => {
  test('what is there; protected and missing ones end as skipped, and the index is built anew', async () => {
    await make('d-one', 'd-two')
    await docs(world.live, 'form').put('d-theirs', { key: 'd-theirs' })
    await world.sandbox.call('PUT', '/v1/store/role/d-owner', {
      name: 'Owner',
      slug: 'owner',
      type: 'org_role',
    })
    const made = await sandbox('createDeleteJob', null, {
      name: 'Clean up',
      resources: [
        { type: 'form', id: 'd-one' },
        { type: 'form', id: 'd-two' },
        { type: 'form', id: 'd-theirs', title: 'Theirs' },
        { type: 'role', id: 'd-owner' },
      ],
    })
    expect([made.status, made.body.status]).toEqual([201, 'pending'])
    const job = await ended(sandbox, made.body.id, 'getDeleteJob')
    expect(job).toMatchObject({
      ...{ status: 'succeeded', name: 'Clean up', org_id: 'sandbox', rebuild_triggered: true },
      counts: { total: 4, deleted: 2, skipped: 2, failed: 0, pending: 0, in_progress: 0 },
    })
    const rows = await pages(sandbox, 'listDeleteJobResources', { id: job.id, size: 1 })
    expect(keyed(rows)).toEqual({
      ...{ 'd-one': 'deleted', 'd-two': 'deleted', 'd-theirs': 'skipped', 'd-owner': 'skipped' },
    })
    expect(rows.find(({ id }) => id === 'd-theirs').title).toBe('Theirs')
    expect((await forms().get('d-one')).status).toBe(404)
    // an id that another organisation has is none here, and stays there
    expect((await docs(world.live, 'form').get('d-theirs')).status).toBe(200)
    const all = await pages(sandbox, 'listDeleteJobs', { size: 1 })
    expect(all.map(({ id }) => id)).toContain(job.id)
    expect(await pages(live, 'listDeleteJobs', {})).toEqual([])
  })
})

test('[SJ-40] every operation of the contract on jobs was called', () => {
  const jobs = CONTRACT_OPERATIONS.filter((id) => /(Sync|Delete)Job/.test(id))
  expect(jobs).toHaveLength(10)
  expect([...called].sort()).toEqual(jobs.sort())
})
