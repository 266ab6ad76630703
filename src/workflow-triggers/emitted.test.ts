import sql from 'sql-template-tag'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import type { World } from '../../test/security/inputs.ts'
import { callOperation, operationNamed, worldOf } from '../../test/security/world.ts'
import { newNoteId } from '../live/room/post.ts'
import { PACE } from '../live/room/rules.ts'
import { postNotes } from '../live/room/store.ts'
import { fanOut } from './fan-out.ts'

const BASE = '/api/agent/workflow-triggers/subscriptions'
const FAMILIES = ['live.readiness.changed', 'session.approval.requested', 'config.sync.finished']

let app: TestApp
let owner: Caller
let agent: Caller
let other: Caller
let world: World

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  const scopes = ['creator:laurel:*']
  agent = await app.key({ org: 'laurel', role: 'agent', scopes })
  other = await app.key({ org: 'laurel', role: 'agent', scopes })
  world = await worldOf(app, 'laurel', agent)
  for (const caller of [owner, agent, other]) {
    const body = { url: 'https://receiver.example/hook', families: FAMILIES }
    expect((await caller.call('POST', BASE, body)).status).toBe(201)
  }
})
afterAll(() => app.close())

const events = (family: string) =>
  app.deps.db.query<{ id: string; subject: any; data: any }>(
    sql`SELECT id, subject, data FROM trigger_events WHERE org = 'laurel' AND family = ${family}`,
  )

test('[TR-20] a live event whose status changes is told, one whose description changes is not', async () => {
  const { id, title, startsAt } = await app.event('laurel', {
    id: 'studio-1',
    status: 'scheduled',
    communityChannelId: 'general',
  })
  const same = { status: 'scheduled', chatEnabled: true, subscriberOnly: false, streamProvider: 'none' }
  const described = await callOperation(owner, operationNamed(app, 'live.community-channel.link'), {
    ...{
      id,
      title,
      ...same,
      communityChannelId: 'general',
      description: 'Another.',
      startsAt: startsAt?.toISOString() ?? null,
    },
  })
  expect(described.status, JSON.stringify(described.body)).toBe(200)
  const operation = operationNamed(app, 'live.events.status.update')
  const headers = { 'idempotency-key': 'cancel-studio-1' }
  const input = { id, status: 'cancelled', confirmed: true }
  for (let n = 0; n < 2; n++) {
    const reply = await callOperation(owner, operation, input, { headers })
    expect(reply.status, JSON.stringify(reply.body)).toBe(200)
  }
  expect((await events('live.readiness.changed')).map(({ data }) => data)).toEqual([
    {
      ...{ eventId: id, before: expect.any(String), after: 'blocked' },
      ...{ statusBefore: 'scheduled', statusAfter: 'cancelled' },
    },
  ])
})

test('[TR-20] a live event that is ready no longer, since a note is flagged, is told once, and when it is again', async () => {
  const ready = { startsAt: new Date(), chatEnabled: true, communityChannelId: 'general' }
  const stream = { streamProvider: 'external_url', streamUrl: 'https://stream.example/x' } as const
  const { id: eventId } = await app.event('laurel', {
    id: 'studio-2',
    status: 'scheduled',
    ...ready,
    ...stream,
  })
  const author = { userId: 'suite', name: 'Suite', moderates: true, subscriber: false }
  const notes = [newNoteId(), newNoteId()].map((id) => ({ id, body: 'A note', ...author }))
  await postNotes(app.deps.db, { org: 'laurel', eventId }, notes, { now: new Date(), ...PACE })
  const moderate = async (id: string, change: object) => {
    const reply = await callOperation(owner, operationNamed(app, 'live.chat.moderation.manage'), {
      id,
      ...change,
    })
    expect(reply.status, JSON.stringify(reply.body)).toBe(200)
  }
  for (const { id } of notes) await moderate(id, { pinned: true })
  for (const { id } of notes) await moderate(id, { status: 'flagged' })
  for (const { id } of notes) await moderate(id, { status: 'hidden' })
  const told = (await events('live.readiness.changed')).filter(({ data }) => data.eventId === eventId)
  expect(told.map(({ data: { before, after } }) => `${before} → ${after}`).sort()).toEqual([
    'needs-attention → ready',
    'ready → needs-attention',
  ])
})

test('[TR-20] an approval that is asked for is told; [TR-13] to who sees its session alone', async () => {
  const { sessionId, eventId, planDigest } = world
  const operation = operationNamed(app, 'sessions.approvals.request')
  const asked = await callOperation(agent, operation, {
    ...{ sessionId, operationId: 'live.events.status.confirmed-update', planDigest, reason: 'Again.' },
    input: { eventId, nextStatus: 'cancelled' },
  })
  expect(asked.status, JSON.stringify(asked.body)).toBe(201)
  const approvalId = asked.body.approval.id
  const told = (await events('session.approval.requested')).find(({ subject }) => subject.id === approvalId)
  expect(told?.data).toMatchObject({ sessionId, approvalId, planDigest })
  await fanOut(app.deps, { data: { org: 'laurel', id: told?.id } })
  const deliveries = async (caller: Caller) => {
    const { body } = await caller.call('GET', BASE)
    const { id } = body.subscriptions.find(({ own }: any) => own)
    const log = await caller.call('GET', `${BASE}/${id}/deliveries`)
    return log.body.deliveries.filter(({ eventId }: any) => eventId === told?.id).length
  }
  expect([await deliveries(owner), await deliveries(agent), await deliveries(other)]).toEqual([1, 1, 0])
})

test('[TR-20] a configuration job that ends is told', async () => {
  const reply = await callOperation(owner, operationNamed(app, 'config-sync.jobs.cancel'), {
    id: world.jobs.waiting,
  })
  expect(reply.status, JSON.stringify(reply.body)).toBe(200)
  expect((await events('config.sync.finished')).map(({ data }) => data)).toEqual([
    { jobId: world.jobs.waiting, kind: 'sync', status: 'cancelled' },
  ])
})
