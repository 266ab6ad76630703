import sql from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { entitle } from '../../test/harness/rooms.ts'

let app: TestApp
let automation: Caller

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  automation = await app.key({ org: 'laurel', role: 'automation' })
  await app.room('laurel', { id: 'room-sold', title: 'Studio Talk', access: 'purchase' })
})
afterAll(() => app.close())

const held = { roomId: 'room-sold', email: 'Ann@People.example', kind: 'purchase' }

describe('[ER-22] purchases and memberships are recorded per room and person', () => {
  test('granted, prolonged, revoked; what changes nothing is refused; each in the audit', async () => {
    const expiresAt = '2030-01-01T00:00:00.000Z'
    const granted = await entitle(automation, { ...held, status: 'granted' })
    expect(granted.body).toMatchObject({
      mode: 'applied',
      plan: { confirmationText: 'I confirm granting the purchase of Studio Talk to ann@people.example.' },
      entitlement: { email: 'ann@people.example', status: 'granted', expiresAt: null },
    })
    expect((await entitle(automation, { ...held, status: 'granted' })).body.code).toBe('plan-blocked')
    const ends = await entitle(automation, { ...held, status: 'granted', expiresAt })
    expect(ends.body.entitlement.expiresAt).toBe(expiresAt)
    expect((await entitle(automation, { ...held, status: 'granted', expiresAt })).body.code).toBe(
      'plan-blocked',
    )
    expect((await entitle(automation, { ...held, status: 'revoked' })).status).toBe(200)
    const rows = await app.deps.db.query<any>(sql`
      SELECT event, previous->>'status' AS before, next->>'status' AS after FROM audit_log
       WHERE org = 'laurel' AND outcome = 'applied' AND operation_id = 'embedded.room.entitlement.manage' ORDER BY seq`)
    expect(rows).toEqual([
      { event: 'entitlement_grant', before: null, after: 'granted' },
      { event: 'entitlement_grant', before: 'granted', after: 'granted' },
      { event: 'entitlement_revoke', before: 'granted', after: 'revoked' },
    ])
  })

  test('one that the room does not ask for is recorded with a warning', async () => {
    const reply = await entitle(automation, { ...held, kind: 'membership', status: 'granted' })
    expect(reply.body.plan.warnings).toEqual([
      'The room is open by purchase; a membership alone does not let in.',
    ])
  })
})
