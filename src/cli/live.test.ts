import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { finished, start } from '../../test/harness/command.ts'
import { liveAudit } from '../../test/harness/live.ts'
import { approve, openSession } from '../../test/harness/loop.ts'
import type { LiveEvent } from '../live/rules.ts'

/** Processes of the program, beside other tests. */
vi.setConfig({ testTimeout: 60_000 })

let app: TestApp
let owner: Caller
let env: Record<string, string>
let event: LiveEvent
let rooms = 0

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
  const { bearer } = await app.key({ org: 'laurel', role: 'automation' })
  env = { COUNTERSIGN_URL: app.url, COUNTERSIGN_KEY: bearer }
})
beforeEach(async () => {
  event = await app.event('laurel', { id: `room-${(++rooms).toString(16).padStart(8, '0')}` })
})
afterAll(() => app.close())

const live = (args: string[], more: Record<string, string> = {}) =>
  finished(start(['live', ...args], { ...env, ...more }))
const eventNow = async (id = event.id): Promise<any> => {
  const { body } = await owner.call('GET', `/api/agent/live-controls?eventId=${id}`)
  return body.live.events.find((each: any) => each.id === id)
}

test('[CLI-14] an event is created, moved, linked, taken live and ended, each with its plan and text', async () => {
  const made = await live([
    'schedule',
    '--title',
    'Tape night',
    '--starts',
    '2030-09-01T18:00:00Z',
    '--yes',
    '--json',
  ])
  expect([made.code, made.stderr]).toEqual([0, ''])
  const { id } = JSON.parse(made.stdout).event
  const moved = await live([
    'schedule',
    id,
    '--starts',
    '2030-09-01T19:00:00Z',
    '--channel',
    'general',
    '--yes',
  ])
  expect(moved.stdout).toContain(
    'I confirm updating Tape night to 7:00 PM UTC and community channel general.',
  )
  expect(await eventNow(id)).toMatchObject({
    title: 'Tape night',
    startsAt: '2030-09-01T19:00:00.000Z',
    communityChannelId: 'general',
  })
  const taken = await live(['go-live', id, '--yes', '--reason', 'Everybody is here.'])
  expect([taken.code, taken.stdout]).toEqual([0, expect.stringContaining(`${id}: Tape night is live.\n`)])
  expect((await live(['end', id, '--yes'])).code).toBe(0)
  const actions = await liveAudit(owner, `?eventId=${id}`)
  expect(actions.map(({ action }) => action)).toEqual([
    'status_transition',
    'status_transition',
    'community_channel_link',
    'event_create',
  ])
  expect(actions[1]).toMatchObject({ reason: 'Everybody is here.', principal: { role: 'automation' } })
})

test('[CLI-14] nothing is written by --dry-run, nor where nobody can be asked', async () => {
  const shown = await live(['schedule', event.id, '--title', 'Other', '--no-chat', '--dry-run'])
  expect([shown.code, shown.stdout]).toEqual([0, expect.stringContaining('live chat: true → false')])
  const plan = JSON.parse((await live(['go-live', event.id, '--dry-run', '--json'])).stdout)
  expect(plan).toMatchObject({ mode: 'preview', plan: { arguments: { nextStatus: 'live' } } })
  const unasked = await live(['go-live', event.id])
  expect([unasked.code, unasked.stderr]).toEqual([1, expect.stringContaining('--yes')])
  expect(await eventNow()).toMatchObject({ title: event.title, status: 'scheduled' })
})

test('[CLI-14] a blocked plan, an unknown event and bad values end with 1 and say why', async () => {
  const blocked = await live(['end', event.id, '--yes'])
  expect([blocked.code, blocked.stderr]).toEqual([1, expect.stringContaining('status-forbidden')])
  const unknown = await live(['go-live', 'nowhere', '--yes', '--json'])
  expect([unknown.code, JSON.parse(unknown.stdout).code]).toEqual([1, 'not-found'])
  const wrong = await live(['schedule', event.id, '--starts', 'soon', '--yes'])
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('/startsAt')])
  expect((await live(['go-live'])).code).toBe(2)
})

test('[CLI-14] an agent’s key is refused without an approval, and goes live with one', async () => {
  const agent = await app.key({ org: 'laurel', role: 'agent' })
  const as = { COUNTERSIGN_KEY: agent.bearer }
  const refused = await live(['go-live', event.id, '--yes', '--json'], as)
  expect([refused.code, JSON.parse(refused.stdout).code]).toEqual([1, 'approval-required'])
  const { planDigest } = JSON.parse(
    (await live(['go-live', event.id, '--dry-run', '--json'], as)).stdout,
  ).plan
  const sessionId = await openSession(agent)
  const asked = await agent.call('POST', `/api/agent/sessions/${sessionId}/approvals`, {
    operationId: 'live.events.status.confirmed-update',
    input: { eventId: event.id, nextStatus: 'live' },
    planDigest,
    reason: 'The show begins.',
  })
  const { id } = asked.body.approval
  await approve(owner, sessionId, id, planDigest)
  const done = await live(['go-live', event.id, '--yes', '--approval', `${id} ${planDigest}`], as)
  expect([done.code, done.stderr]).toEqual([0, ''])
  expect((await eventNow()).status).toBe('live')
})

test('[CLI-13] a title does not control the terminal that a plan is shown on', async () => {
  const title = 'Room\u001b[31m of \u202eLaurel'
  const { code, stdout } = await live([
    'schedule',
    '--title',
    title,
    '--starts',
    '2030-09-01T18:00:00Z',
    '--yes',
  ])
  expect(code).toBe(0)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what must not be there
  expect(stdout).not.toMatch(/[\u001b\u202e]/)
})

test('[CLI-15] a room is shown in the terminal, and what is said and done in it as it comes', async () => {
  const { id } = await app.event('laurel', { id: 'watched', status: 'live' })
  const post = async (body: string) =>
    (await owner.call('POST', '/api/live/messages', { eventId: id, body })).body.message.id
  for (const body of ['first', 'second \u001b[31mred', 'third']) await post(body)
  const once = await live(['watch', id, '--last', '2', '--once'])
  expect(once.code).toBe(0)
  expect(once.stdout.split('\n').map((line) => line.slice(10))).toEqual([
    expect.stringMatching(/^Person \d+: second .*red$/),
    expect.stringMatching(/^Person \d+: third$/),
    '',
  ])
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what must not be there
  expect(once.stdout).not.toMatch(/\u001b/)
  const child = start(['live', 'watch', id, '--last', '1'], env)
  let shown = ''
  child.stdout?.on('data', (data) => {
    shown += data
  })
  const shows = (text: string) => vi.waitFor(() => expect(shown).toContain(text), 20_000)
  await shows('third')
  const note = await post('fourth')
  await shows('fourth')
  await owner.call('PATCH', '/api/admin/live-events/messages', { id: note, status: 'hidden' })
  await shows(`${note} is hidden`)
  child.kill('SIGINT')
  expect((await finished(child)).code).toBe(0)
  expect((await live(['watch', 'nowhere', '--once'])).code).toBe(1)
})
