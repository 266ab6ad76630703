import { PgBoss } from 'pg-boss'
import sql from 'sql-template-tag'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { openSession, previewMove, requestApproval } from '../../test/harness/loop.ts'
import { startJobs } from './start.ts'

let app: TestApp
let agent: Caller

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  await app.person('laurel', 'owner')
  agent = await app.key({ org: 'laurel', role: 'agent' })
  await app.event('laurel')
})
afterAll(() => app.close())

test('[F-20] the job engine expires overdue approvals, tells the session, and removes old idempotency keys', async () => {
  const sessionId = await openSession(agent)
  const preview = await previewMove(agent)
  const { body } = await requestApproval(agent, sessionId, preview.body.planDigest)
  await app.deps.db.query(
    sql`UPDATE session_approvals SET expires_at = now() - interval '1 second' WHERE org = ${'laurel'}`,
  )
  await app.deps.db.query(sql`
    INSERT INTO idempotency_keys (org, principal_id, operation_id, key, fingerprint, created_at)
    VALUES ('laurel', 'p', 'o', 'old', 'x', now() - interval '3 days'), ('laurel', 'p', 'o', 'new', 'x', now())`)
  const jobs = await startJobs(app.deps, app.database.connection)
  const sender = new PgBoss({
    ...(app.database.connection as object),
    schedule: false,
    supervise: false,
    max: 1,
  })
  await sender.start()
  try {
    await sender.send('approvals.expire', {})
    await sender.send('idempotency.clean-up', {})
    const path = `/api/agent/sessions/${sessionId}/approvals/${body.approval.id}`
    await vi.waitFor(
      async () => {
        const log = await agent.call('GET', `/api/agent/sessions/${sessionId}/events`)
        expect(log.body.events.at(-1)).toMatchObject({
          type: 'approval.resolved',
          approval: { status: 'expired' },
        })
        const keys = await app.deps.db.query(sql`SELECT key FROM idempotency_keys WHERE principal_id = 'p'`)
        expect(keys).toEqual([{ key: 'new' }])
      },
      { timeout: 15_000, interval: 100 },
    )
    expect((await agent.call('GET', path)).body.approval.status).toBe('expired')
  } finally {
    await sender.stop({ graceful: false })
    await jobs.stop()
  }
})
