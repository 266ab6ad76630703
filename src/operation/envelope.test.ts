import { describe, expect, test } from 'vitest'
import { asksPreview, type Envelope, EnvelopeSchema, envelopeErrors } from './envelope.ts'
import { parseInput } from './input.ts'

const ENVELOPE: Envelope = {
  contract: 'agent-write-envelope.v1',
  contractId: 'creator.live.schedule-and-status',
  actionMode: 'execute',
  dryRun: false,
  actor: { kind: 'agent', displayName: 'Agent' },
  client: 'client-test',
  action: 'creator.live.schedule.update',
  target: { kind: 'live-event', id: 'room-1' },
  confirmation: { text: 'I confirm.', acknowledgedRisk: true },
  idempotencyKey: 'envelope-key-1',
  reason: 'Because.',
  auditCorrelationId: 'correlation-1',
}
const EXPECTED = {
  contractId: 'creator.live.schedule-and-status',
  actions: ['creator.live.schedule.update', 'live.events.schedule.confirmed-update'],
  target: { id: 'room-1', title: 'Room' },
}
const pointers = (change: Partial<Envelope>, expected = EXPECTED) =>
  envelopeErrors({ ...ENVELOPE, ...change }, expected).map(({ pointer }) => pointer)

describe('the envelope of a write', () => {
  test.each<[string, Partial<Envelope>, string[]]>([
    ['as it should be', {}, []],
    ['the operation’s id as action', { action: 'live.events.schedule.confirmed-update' }, []],
    ['the target as text', { target: 'room-1' }, []],
    ['the target’s title as text', { target: 'Room' }, []],
    ['a target that names no id', { target: { kind: 'live-event', title: 'Room' } }, []],
    ['another contract', { contractId: 'creator.policies' }, ['/envelope/contractId']],
    ['another action', { action: 'creator.live.status.update' }, ['/envelope/action']],
    ['another target', { target: { id: 'room-2' } }, ['/envelope/target']],
    ['another target as text', { target: 'Room 2' }, ['/envelope/target']],
    ['the title in the place of an id', { target: { id: 'Room' } }, ['/envelope/target']],
    [
      'the risk not acknowledged',
      { confirmation: { text: 'I confirm.', acknowledgedRisk: false } },
      ['/envelope/confirmation/acknowledgedRisk'],
    ],
    [
      'everything wrong',
      { contractId: 'x', action: 'x', target: 'x' },
      ['/envelope/contractId', '/envelope/action', '/envelope/target'],
    ],
  ])('[K-25] %s', (_what, change, wrong) => {
    expect(pointers(change)).toEqual(wrong)
  })

  test('[K-25] a new thing has no id yet, so any target fits', () => {
    expect(
      pointers({ target: 'Anything' }, { ...EXPECTED, target: { id: null as never, title: 'Room' } }),
    ).toEqual([])
  })

  test.each([
    ['execute', false, false],
    ['preview', true, true],
  ] as const)('[K-26] %s with dryRun %s', (actionMode, dryRun, wants) => {
    expect(asksPreview({ ...ENVELOPE, actionMode, dryRun })).toBe(wants)
    expect(() => asksPreview({ ...ENVELOPE, actionMode, dryRun: !dryRun })).toThrow(/contradict/)
  })

  test.each<[string, Record<string, unknown>, string]>([
    ['another contract version', { contract: 'agent-write-envelope.v2' }, '/contract'],
    ['a key of 7 characters', { idempotencyKey: 'seven77' }, '/idempotencyKey'],
    ['a key of 201 characters', { idempotencyKey: 'x'.repeat(201) }, '/idempotencyKey'],
    ['a key with a space', { idempotencyKey: 'a key with spaces' }, '/idempotencyKey'],
    ['a key beyond ASCII', { idempotencyKey: 'schlüssel-1' }, '/idempotencyKey'],
    ['no reason', { reason: '' }, '/reason'],
    ['801 characters of reason', { reason: 'x'.repeat(801) }, '/reason'],
    ['half a digest', { planDigest: 'abc' }, '/planDigest'],
    ['an approval without digest', { approval: { id: 'approval-1' } }, '/approval/planDigest'],
    ['an unknown member', { force: true }, '/force'],
    [
      'an unknown member within',
      { confirmation: { text: 'x', acknowledgedRisk: true, by: 'me' } },
      '/confirmation/by',
    ],
  ])('[K-25] %s is refused by its field', (_what, change, pointer) => {
    expect(() => parseInput(EnvelopeSchema, { ...ENVELOPE, ...change })).toThrow(
      expect.objectContaining({
        code: 'validation-failed',
        options: expect.objectContaining({ errors: [expect.objectContaining({ pointer })] }),
      }),
    )
  })
})
