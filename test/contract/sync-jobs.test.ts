import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../harness/app.ts'
import { contract, differences, pathOf } from './shape.ts'

const theirs = contract('agent-sync-jobs.v1')
const JOB = 'sync-job-stripe-catalog-app-references-0001'
const PATH = '/api/agent/sync-jobs'

let app: TestApp
let guest: Caller
let automation: Caller
let ours: any

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  guest = app.guest()
  automation = await app.key({ org: 'laurel', role: 'automation' })
  const reply = await guest.call('GET', PATH)
  expect(reply.status, JSON.stringify(reply.body)).toBe(200)
  ours = reply.body
})
afterAll(() => app.close())

/** What the engine makes of the records that the capture shows; its digest is ours. */
const withoutDigest = ({ digest: _, ...checkpoint }: any) => checkpoint

describe('[JO-1] the sync-jobs manifest for a guest has what the contract has', () => {
  test('every member, with the same type', () => {
    expect(differences(theirs, ours)).toEqual([])
  })

  test('the same names, contracts, required fields and statuses', () => {
    const pick = (manifest: any) => ({
      ok: manifest.ok,
      version: manifest.version,
      surface: { ...manifest.surface, relatedIssues: undefined },
      first: [manifest.currentStatus.firstImplementedSurface, manifest.firstImplementedSync.id],
      feed: manifest.currentStatus.firstAvailableFeed,
      job: [
        manifest.syncJobContract.contract,
        manifest.syncJobContract.requiredFields,
        manifest.syncJobContract.statuses,
      ],
      cursor: [manifest.cursorContract.contract, manifest.cursorContract.requiredFields],
      checkpoint: [manifest.checkpointContract.contract, manifest.checkpointContract.requiredFields],
      trigger: {
        ...manifest.workflowTriggers.catalogDriftDetected,
        triggerManifest: pathOf(manifest.workflowTriggers.catalogDriftDetected.triggerManifest),
        creatorCommerceManifest: pathOf(
          manifest.workflowTriggers.catalogDriftDetected.creatorCommerceManifest,
        ),
        checkpointDigest: undefined,
        writeBackPolicy: undefined,
      },
    })
    expect(pick(ours)).toEqual(pick(theirs))
  })

  test.each(Object.keys(theirs.endpoints))('endpoint %s', (name) => {
    const pick = ({ href, method, auth, status }: any) => ({ path: pathOf(href), method, auth, status })
    expect(pick(ours.endpoints[name])).toEqual(pick(theirs.endpoints[name]))
  })

  test('the simulation, its pages, cursors, checkpoints and numbers', () => {
    expect(ours.checkpointSimulation).toEqual(theirs.checkpointSimulation)
  })

  test('the sample job', () => {
    const pick = ({ title: _, sample: __, ...job }: any) => ({
      ...job,
      source: {
        ...job.source,
        endpoint: { ...job.source.endpoint, href: pathOf(job.source.endpoint.href), description: '' },
      },
      target: { ...job.target, reviewBoundary: '' },
      checkpoint: withoutDigest(job.checkpoint),
      idempotency: job.idempotency.keyFields,
    })
    expect(ours.sampleJobs).toHaveLength(theirs.sampleJobs.length)
    expect(pick(ours.sampleJobs[0])).toEqual(pick(theirs.sampleJobs[0]))
    expect(withoutDigest(ours.firstImplementedSync.lastCheckpoint)).toEqual(
      withoutDigest(theirs.firstImplementedSync.lastCheckpoint),
    )
    expect(ours.currentStatus.lastCheckpoint).toEqual(ours.sampleJobs[0].checkpoint)
    expect(ours.currentStatus.lastCheckpoint.digest).toMatch(/^sync-digest-[0-9a-f]{64}$/)
  })

  test('and says that it is a sample to whom the real checkpoint is not shown', async () => {
    expect([ours.currentStatus.sample, ours.firstImplementedSync.sample]).toEqual([true, true])
    const { body } = await automation.call('GET', PATH)
    expect([body.currentStatus.sample, body.firstImplementedSync.sample]).toEqual([false, false])
    expect(body.currentStatus.lastCheckpoint).toMatchObject({ recordsProcessed: 0, lastSuccessfulAt: null })
  })
})

describe('[JO-2] one job and its checkpoint share the path of the manifest', () => {
  test('with the required fields of the contract', async () => {
    const { status, body } = await automation.call('GET', `${PATH}?jobId=${JOB}`)
    expect([status, body.version]).toEqual([200, 'agent-sync-job.v1'])
    expect(Object.keys(body.job)).toEqual(expect.arrayContaining(theirs.syncJobContract.requiredFields))
    expect(Object.keys(body.job.cursor).sort()).toEqual([...theirs.cursorContract.requiredFields].sort())
    expect(Object.keys(body.job.checkpoint).sort()).toEqual(
      [...theirs.checkpointContract.requiredFields].sort(),
    )
    expect(body.job.status).toBe('idle')
    const same = ({ source, target, redactions, idempotency }: any) => ({
      source: { ...source, endpoint: undefined },
      target: { ...target, reviewBoundary: undefined },
      redactions,
      keyFields: idempotency.keyFields,
    })
    expect(same(body.job)).toEqual(same(theirs.sampleJobs[0]))
    const checkpoint = await automation.call('GET', `${PATH}?jobId=${JOB}&checkpoint=latest`)
    expect(checkpoint.body).toMatchObject({ version: 'agent-sync-checkpoint.v1', jobId: JOB })
    expect(checkpoint.body.checkpoint).toEqual(body.job.checkpoint)
  })

  test('for those who administer, automation and grants with the scope', async () => {
    const owner = await app.person('laurel', 'owner')
    const member = await app.person('laurel', 'member')
    const grant = await app.key({ org: 'laurel', role: 'agent', scopes: ['creator:laurel:sync:read'] })
    const other = await app.key({ org: 'laurel', role: 'agent', scopes: ['creator:laurel:live:read'] })
    for (const query of [`?jobId=${JOB}`, `?jobId=${JOB}&checkpoint=latest`]) {
      const codes = []
      for (const caller of [owner, automation, grant, other, member, guest]) {
        const { status, body } = await caller.call('GET', PATH + query)
        codes.push([status, body.code])
      }
      expect(codes).toEqual([
        [200, undefined],
        [200, undefined],
        [200, undefined],
        [403, 'scope-missing'],
        [403, 'forbidden'],
        [401, 'unauthenticated'],
      ])
    }
  })

  test('and a job that is none is not found', async () => {
    for (const more of ['', '&checkpoint=latest'])
      expect((await automation.call('GET', `${PATH}?jobId=sync-job-of-nobody${more}`)).status).toBe(404)
  })
})
