import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { envelopeFor, openSession } from '../../test/harness/loop.ts'
import { reversalOf } from './room/moderation.ts'

let app: TestApp
let owner: Caller
let listener: Caller
let eventId: string
let rooms = 0

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  listener = await app.person('laurel', 'member')
})
afterAll(() => app.close())
beforeEach(async () => {
  eventId = (await app.event('laurel', { id: `room-${++rooms}`, status: 'live' })).id
})

const post = async (...bodies: string[]) => {
  for (const body of bodies) await owner.call('POST', '/api/live/messages', { eventId, body })
}
const control = (body: object, caller = owner) => caller.call('POST', '/api/agent/live-controls', body)
const tried = async (rule: object, status = 'hidden', caller = owner) =>
  (await control({ action: 'preview_live_note_moderation_batch', eventId, rule, status }, caller)).body
const applied = async (rule: object, status = 'hidden', key = `the-key-${++rooms}`) => {
  const { plan } = await tried(rule, status)
  const input = { action: 'confirm_live_note_moderation_batch', eventId, rule, status }
  return control({ ...input, envelope: envelopeFor(plan, key) })
}
const undone = async (fromSeq: number, toSeq: number) => {
  const range = { eventId, fromSeq, toSeq }
  const { plan } = (await control({ action: 'preview_live_note_moderation_undo', ...range })).body
  return control({
    ...{ action: 'confirm_live_note_moderation_undo', ...range },
    envelope: envelopeFor(plan, `undo-${eventId}-${fromSeq}-${toSeq}-${++rooms}`),
  })
}
const shown = async () =>
  (await listener.call('GET', `/api/live/messages?eventId=${eventId}`)).body.messages.map(
    ({ body }: any) => body,
  )

test('[LR-35] a rule is tried without a trace, and hits by words, texts, author and places', async () => {
  await post('Buy CHEAP pills', 'cheaper is fine', 'nothing here', 'pills? (cheap)')
  const hits = async (rule: object) =>
    (await tried(rule)).plan.changes.map(({ label }: any) => label.split(': ')[1])
  expect(await hits({ words: ['cheap'] })).toEqual(['Buy CHEAP pills', 'pills? (cheap)'])
  expect(await hits({ contains: 'cheap' })).toEqual(['Buy CHEAP pills', 'cheaper is fine', 'pills? (cheap)'])
  expect(await hits({ words: ['pills? (cheap)'] })).toEqual(['pills? (cheap)'])
  expect(await hits({ contains: 'cheap', fromSeq: 2, toSeq: 3 })).toEqual(['cheaper is fine'])
  expect(await hits({ displayName: 'Nobody' })).toEqual([])
  expect((await tried({ contains: 'absent' })).plan.blockers).toMatchObject([{ code: 'plan-blocked' }])
  expect(await shown()).toHaveLength(4)
})

test('[LR-36] it is applied at once as one entry, once, and taken back by its place', async () => {
  await post('spam one', 'fine', 'spam two')
  const reply = await applied({ contains: 'spam' }, 'hidden', 'the-same-key')
  expect(reply.body).toMatchObject({ mode: 'applied', changed: 2, seq: 4 })
  expect(await shown()).toEqual(['fine'])
  const { entries } = (await listener.call('GET', `/api/live/log?eventId=${eventId}`)).body
  expect(entries).toHaveLength(4)
  expect(entries[3]).toMatchObject({
    kind: 'moderation',
    messages: [{ status: 'hidden', body: null }, { status: 'hidden' }],
  })
  expect((await undone(4, 4)).body).toMatchObject({ mode: 'applied', changed: 2, seq: 5 })
  expect(await shown()).toEqual(['spam one', 'fine', 'spam two'])
  // taking back is an entry too
  expect((await undone(5, 5)).body).toMatchObject({ changed: 2 })
  expect(await shown()).toEqual(['fine'])
})

test('[LR-37] what was changed again since is left alone by taking back', async () => {
  await post('spam one', 'spam two')
  await applied({ contains: 'spam' })
  const [first] = (await owner.call('GET', `/api/agent/live-controls?eventId=${eventId}`)).body.live
    .recentMessages
  await owner.call('PATCH', '/api/admin/live-events/messages', { id: first.id, status: 'flagged' })
  const range = { eventId, fromSeq: 3, toSeq: 3 }
  const { plan } = (await control({ action: 'preview_live_note_moderation_undo', ...range })).body
  expect(plan.warnings).toEqual(['1 notes were changed again since and stay as they are.'])
  expect((await undone(3, 3)).body.changed).toBe(1)
  expect(await shown()).toEqual(['spam one', 'spam two'])
})

test('[LR-38] a note that comes and matches makes another plan; toSeq keeps it the same', async () => {
  await post('spam one')
  const body = (rule: object, plan: any, key: string) => ({
    ...{ action: 'confirm_live_note_moderation_batch', eventId, rule, status: 'hidden' },
    envelope: envelopeFor(plan, key, { planDigest: plan.planDigest }),
  })
  const open = (await tried({ contains: 'spam' })).plan
  const bound = (await tried({ contains: 'spam', toSeq: 1 })).plan
  await post('spam two')
  expect((await control(body({ contains: 'spam' }, open, 'the-open-one'))).status).toBe(412)
  expect((await control(body({ contains: 'spam', toSeq: 1 }, bound, 'the-bound-one'))).body.changed).toBe(1)
  expect(await shown()).toEqual(['spam two'])
})

test('[LR-39] an agent’s rule is applied once people approved exactly what it hits', async () => {
  await post('spam one')
  const agent = await app.key({ org: 'laurel', role: 'agent' })
  const input = { eventId, rule: { contains: 'spam', toSeq: 1 }, status: 'hidden' }
  const { plan } = await tried(input.rule, 'hidden', agent)
  const confirm = (more = {}) =>
    control(
      {
        action: 'confirm_live_note_moderation_batch',
        ...input,
        envelope: envelopeFor(plan, `agent-${eventId}`, more),
      },
      agent,
    )
  expect((await confirm()).body.code).toBe('approval-required')
  const sessionId = await openSession(agent)
  const operationId = 'live.moderation.batch.confirmed-update'
  const asked = await agent.call('POST', `/api/agent/sessions/${sessionId}/approvals`, {
    ...{ operationId, input, planDigest: plan.planDigest, reason: 'It is spam.' },
  })
  const { id, planDigest } = asked.body.approval
  await owner.call('PATCH', `/api/agent/sessions/${sessionId}/approvals/${id}`, {
    decision: 'approve',
    planDigest,
  })
  const confirmed = await Promise.all([0, 1, 2].map(() => confirm({ approval: { id, planDigest } })))
  expect(confirmed.map(({ status }) => status)).toEqual([200, 200, 200])
  expect(new Set(confirmed.map(({ body }) => body.seq)).size).toBe(1)
  expect(await shown()).toEqual([])
})

test('[LR-37] what entries of a range made is the last of them, what was before it the first', () => {
  const state = fc.record({ status: fc.constantFrom('visible', 'hidden', 'flagged'), pinned: fc.boolean() })
  const history = fc.array(fc.array(state, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(history, (notes) => {
      // each note goes through its states, one entry for each step of each note
      const entries = notes.flatMap((states, note) =>
        states.slice(1).map((next, step) => ({
          changes: [{ id: `n${note}`, version: step, before: states[step] as any, next: next as any }],
        })),
      )
      const reversal = reversalOf(entries)
      for (const [note, states] of notes.entries())
        expect(reversal.get(`n${note}`)).toEqual(
          states.length > 1 ? { was: states[0], became: states.at(-1) } : undefined,
        )
    }),
  )
})
