import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonical, completePlan, type Plan, type PlanDraft, planDigest, sha256 } from './plan.ts'

const OF = {
  operationId: 'live.events.schedule.confirmed-update',
  toolName: 'tool',
  action: 'creator.live.schedule.update',
  contractId: 'creator.live.schedule-and-status',
  policy: { mode: 'approve', approvers: 1, delegatorMayConfirm: true, version: 3 },
} satisfies Pick<Plan, 'operationId' | 'toolName' | 'action' | 'contractId' | 'policy'>

const DRAFT: PlanDraft = {
  target: { kind: 'live-event', id: 'room-1', title: 'Room' },
  targetSummary: 'Move Room.',
  observed: [{ kind: 'live-event', id: 'room-1', version: 4, updatedAt: '2026-05-14T09:00:00.000Z' }],
  arguments: { startsAt: '2026-05-21T02:30:00.000Z', chatEnabled: true },
  changes: [],
  confirmationText: 'I confirm updating Room to 7:30 PM.',
}

const PLAN = completePlan(DRAFT, OF)
const digest = (change: Partial<Plan>) => planDigest({ ...PLAN, ...change })

/** The same JSON value with every object's members in another order. */
function reordered(value: unknown, seed: number): unknown {
  if (Array.isArray(value)) return value.map((each) => reordered(each, seed))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, each]) => [key, reordered(each, seed)] as const)
  return Object.fromEntries(entries.sort(([a], [b]) => (sha256(a + seed) < sha256(b + seed) ? -1 : 1)))
}

const jsonObject = fc.dictionary(fc.string(), fc.jsonValue() as fc.Arbitrary<any>)

describe('the digest of a plan', () => {
  test('[K-20] is SHA-256 over RFC 8785 text: the order of members does not matter', () => {
    fc.assert(
      fc.property(jsonObject, fc.nat(), (args, seed) => {
        const plan = { ...PLAN, arguments: args }
        expect(planDigest(reordered(plan, seed) as Plan)).toBe(planDigest(plan))
      }),
    )
    // the example of RFC 8785, section 3.2.3
    expect(canonical({ '\u20ac': 1, '\r': 2, '1': 3, '\u0080': 4, '\u00f6': 5, '\ud83d\ude00': 6 })).toBe(
      '{"\\r":2,"1":3,"\u0080":4,"\u00f6":5,"\u20ac":1,"\ud83d\ude00":6}',
    )
  })

  test('[K-21] differs whenever the arguments differ', () => {
    fc.assert(
      fc.property(jsonObject, jsonObject, (one, two) => {
        const same = canonical(one) === canonical(two)
        expect(digest({ arguments: one }) === digest({ arguments: two })).toBe(same)
      }),
    )
  })

  test.each<[string, Partial<Plan>]>([
    ['operation', { operationId: 'live.events.status.confirmed-update' }],
    ['action', { action: 'creator.live.schedule.create' }],
    ['target’s kind', { target: { ...PLAN.target, kind: 'policy' } }],
    ['target', { target: { ...PLAN.target, id: 'room-2' } }],
    ['an argument', { arguments: { ...PLAN.arguments, chatEnabled: false } }],
    ['one argument less', { arguments: { startsAt: '2026-05-21T02:30:00.000Z' } }],
    ['observed version', { observed: [{ ...PLAN.observed[0]!, version: 5 }] }],
    ['observed instant', { observed: [{ ...PLAN.observed[0]!, updatedAt: '2026-05-14T09:00:00.001Z' }] }],
    ['observed thing', { observed: [] }],
    ['policy version', { policy: { ...PLAN.policy, version: 4 } }],
    ['confirmation text', { confirmationText: 'I confirm updating Room to 7:31 PM.' }],
  ])('[K-21] differs when this differs: %s', (_part, change) => {
    expect(digest(change)).not.toBe(PLAN.planDigest)
  })

  test('[K-22] does not depend on how the plan is told: summary, title, warnings, details', () => {
    expect(
      digest({
        targetSummary: 'Another way to say it.',
        target: { ...PLAN.target, title: 'Renamed' },
        warnings: ['The start time is in the past.'],
        details: { readiness: 'ready' },
        affectedSurfaces: ['x'],
      }),
    ).toBe(PLAN.planDigest)
  })

  test('[K-22] is 64 hexadecimal digits, and a plan is complete with its defaults', () => {
    expect(PLAN.planDigest).toMatch(/^[0-9a-f]{64}$/)
    expect(PLAN).toMatchObject({ blockers: [], warnings: [], conflicts: [], details: {}, redactions: [] })
  })
})
