import sql from 'sql-template-tag'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { confirmRoster, type Entry, previewRoster, ROOMS, rosterBody } from '../../test/harness/rooms.ts'

let app: TestApp
let owner: Caller
let automation: Caller
let roomId: string
let rooms = 0

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  automation = await app.key({ org: 'laurel', role: 'automation' })
})
beforeEach(async () => {
  roomId = `webinar-${(++rooms).toString(16).padStart(8, '0')}`
  await app.room('laurel', { id: roomId, title: 'Studio Talk', access: 'invite', status: 'scheduled' })
})
afterAll(() => app.close())

const ann: Entry = {
  email: 'ann@people.example',
  displayName: 'Ann Lee',
  role: 'attendee',
  status: 'invited',
}
const write = (body: unknown, caller = automation) => caller.call('POST', ROOMS, body)

const auditOf = (outcome: string) =>
  app.deps.db.query<any>(sql`
    SELECT event, target_kind, target_id, previous, next, correlation_id, idempotency_key, reason FROM audit_log
     WHERE org = 'laurel' AND operation_id = 'embedded.room.stage.manage' AND outcome = ${outcome} AND target_id = ${roomId}
     ORDER BY seq`)

describe('[ER-4] a roster write is previewed, confirmed by its exact text, and recorded', () => {
  test('invite, promote, remove and restore, each with before and after in the audit', async () => {
    const steps: [Partial<Entry>, string, string][] = [
      [
        {},
        'participant_invite',
        'I confirm adding Ann Lee (ann@people.example) in Studio Talk to attendee, invited.',
      ],
      [
        { role: 'co_host' },
        'participant_role_change',
        'I confirm changing Ann Lee (ann@people.example) in Studio Talk to co_host, invited.',
      ],
      [
        { status: 'removed' },
        'participant_remove',
        'I confirm moving Ann Lee (ann@people.example) in Studio Talk to removed.',
      ],
      [
        { status: 'invited', role: 'stage_guest' },
        'participant_restore',
        'I confirm restoring Ann Lee (ann@people.example) in Studio Talk to stage_guest, invited.',
      ],
    ]
    let entry = ann
    for (const [change, event, text] of steps) {
      entry = { ...entry, ...change }
      const preview = await previewRoster(automation, roomId, entry)
      expect(preview.body).toMatchObject({
        version: 'agent-embedded-room-roster-preview.v1',
        writesState: false,
        confirmationText: text,
        audit: { event },
      })
      const reply = await confirmRoster(automation, roomId, entry)
      expect(reply.status, JSON.stringify(reply.body)).toBe(200)
      expect(reply.body).toMatchObject({ mode: 'applied', participant: { roomId, ...entry } })
    }
    const rows = await auditOf('applied')
    expect(rows.map(({ event }) => event)).toEqual(steps.map(([, event]) => event))
    expect(rows[0]).toMatchObject({
      target_kind: 'embedded-room',
      previous: null,
      next: { role: 'attendee' },
    })
    expect(rows[2]).toMatchObject({
      previous: { role: 'co_host', status: 'invited' },
      next: { role: 'co_host', status: 'removed' },
      correlation_id: 'embedded-rooms-tests',
      reason: 'The tests ask.',
    })
    expect(rows[2].idempotency_key).toMatch(/^embedded-rooms-key-/)
  })

  test('addresses are one in any case', async () => {
    await confirmRoster(automation, roomId, ann)
    const reply = await confirmRoster(automation, roomId, {
      ...ann,
      email: 'ANN@People.Example',
      role: 'host',
    })
    expect(reply.body.participant).toMatchObject({ email: ann.email, role: 'host' })
  })

  test('another text is refused', async () => {
    const body = await rosterBody(automation, roomId, ann)
    const other = { ...body.envelope, confirmation: { text: 'I confirm it.', acknowledgedRisk: true } }
    expect((await write({ ...body, envelope: other })).body.code).toBe('confirmation-mismatch')
  })
})

describe('[ER-5] what was seen of an existing participant is named', () => {
  test('left out, older or invented: 412 with the fresh plan, and nothing changes', async () => {
    await confirmRoster(automation, roomId, ann)
    const body = await rosterBody(automation, roomId, { ...ann, role: 'host' })
    const { observedParticipantUpdatedAt: observed, ...without } = body
    for (const stale of [without, { ...body, observedParticipantUpdatedAt: '2026-01-01T00:00:00.000Z' }]) {
      const reply = await write(stale)
      expect([reply.status, reply.body.code]).toEqual([412, 'stale'])
      expect(reply.body.plan.observed[0].updatedAt).toBe(observed)
      expect(reply.body.plan.confirmationText).toBe(body.envelope.confirmation.text)
    }
    const nobody = await rosterBody(automation, roomId, { ...ann, email: 'new@people.example' })
    const invented = await write({ ...nobody, observedParticipantUpdatedAt: observed })
    expect(invented.body.code).toBe('stale')
    expect(await auditOf('applied')).toHaveLength(1)
    expect((await write(body)).status).toBe(200)
  })

  test('of two writes at once exactly one is applied, new or existing', async () => {
    for (let round = 0; round < 10; round++) {
      const entry = { ...ann, email: `two-${round % 2 === 0 ? round : round - 1}@people.example` }
      const now = await rosterBody(automation, roomId, {
        ...entry,
        role: round % 2 === 0 ? 'attendee' : 'co_host',
      })
      const other = await rosterBody(owner, roomId, {
        ...entry,
        role: round % 2 === 0 ? 'host' : 'stage_guest',
      })
      const replies = await Promise.all([write(now), write(other, owner)])
      expect(replies.map(({ status }) => status).sort()).toEqual([200, 412])
      const stale = replies.find(({ status }) => status === 412)!
      expect(stale.body).toMatchObject({ code: 'stale', plan: { operationId: 'embedded.room.stage.manage' } })
    }
  })
})

describe('[ER-6] a roster write that changes nothing is refused', () => {
  test('with the same name, role and status', async () => {
    await confirmRoster(automation, roomId, ann)
    const reply = await confirmRoster(automation, roomId, ann)
    expect([reply.status, reply.body.code, reply.body.detail]).toEqual([
      409,
      'plan-blocked',
      'Nothing would change.',
    ])
  })

  test('and so is letting people into what is over, and the leaving of who was never there', async () => {
    const left = await confirmRoster(automation, roomId, { ...ann, status: 'left' })
    expect(left.body.code).toBe('plan-blocked')
    await app.room('laurel', { id: `${roomId}-over`, status: 'ended' })
    expect((await confirmRoster(automation, `${roomId}-over`, ann)).body.code).toBe('plan-blocked')
    const removed = await confirmRoster(automation, `${roomId}-over`, { ...ann, status: 'removed' })
    expect(removed.status).toBe(200)
  })
})

describe('[ER-7] the same request has one effect', () => {
  test('ten times at once and once more: the same answer, one audit row', async () => {
    const body = await rosterBody(automation, roomId, ann, 'roster-same-request')
    const replies = await Promise.all(Array.from({ length: 10 }, () => write(body)))
    replies.push(await write(body))
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200))
    expect(new Set(replies.map((reply) => JSON.stringify(reply.body))).size).toBe(1)
    expect(await auditOf('applied')).toHaveLength(1)
    const other = await write({ ...body, role: 'host' })
    expect(other.body.code).toBe('idempotency-mismatch')
  })
})

describe('[ER-8] who may write a roster', () => {
  test('people and automation confirm; an agent’s grant needs an approval of exactly this plan', async () => {
    expect((await confirmRoster(owner, roomId, ann)).status).toBe(200)
    const agent = await app.key({ org: 'laurel', role: 'agent' })
    const opened = await agent.call('POST', '/api/agent/sessions', {
      workflow: 'rooms.roster',
      client: { id: 'c', name: 'Agent', kind: 'test' },
    })
    const sessionId = opened.body.session.id
    const entry = { ...ann, role: 'co_host' } as const
    const body = await rosterBody(agent, roomId, entry)
    const refused = await write(body, agent)
    expect([refused.status, refused.body.code]).toEqual([403, 'approval-required'])
    const { planDigest } = refused.body.plan
    const asked = await agent.call('POST', `/api/agent/sessions/${sessionId}/approvals`, {
      operationId: 'embedded.room.stage.manage',
      input: { roomId, ...entry },
      planDigest,
      reason: 'Ann co-hosts.',
    })
    expect(asked.status, JSON.stringify(asked.body)).toBe(201)
    const { id } = asked.body.approval
    const path = `/api/agent/sessions/${sessionId}/approvals/${id}`
    expect((await owner.call('PATCH', path, { decision: 'approve', planDigest })).status).toBe(200)
    const approved = { ...body, envelope: { ...body.envelope, approval: { id, planDigest } } }
    const other = { ...approved, role: 'host' }
    expect((await write(other, agent)).body.code).toBe('plan-mismatch')
    expect((await write(approved, agent)).body).toMatchObject({
      mode: 'applied',
      participant: { role: 'co_host' },
    })
  })

  test('listeners and guests do not', async () => {
    const body = await rosterBody(automation, roomId, ann)
    expect((await write(body, await app.person('laurel', 'member'))).body.code).toBe('forbidden')
    expect((await write(body, app.guest())).body.code).toBe('unauthenticated')
  })
})
