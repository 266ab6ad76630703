import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import sql from 'sql-template-tag'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { SECRET } from '../../test/harness/app.ts'
import { openSession } from '../../test/harness/loop.ts'
import { cancelSession, decide } from '../../test/harness/moves.ts'
import { parcelWorld, type Waiting } from '../../test/harness/parcels.ts'
import { hearing, sending } from '../../test/parcels.ts'
import { revokeKey } from '../access/keys.ts'
import { startJobs } from '../jobs/start.ts'
import { wakeWorkers } from '../jobs/store.ts'
import { fail } from '../operation/errors.ts'
import { EXECUTE, executeJob } from './execute.ts'
import { expireOverdue } from './jobs.ts'
import { DECISION_WINDOW_MS, EXECUTION_WINDOW_MS } from './rules.ts'

const PROCESS = fileURLToPath(new URL('../../test/faults/parcel-process.ts', import.meta.url))

let world: Awaited<ReturnType<typeof parcelWorld>>
beforeAll(async () => {
  world = await parcelWorld()
})
beforeEach(() => world.next())
afterEach(() => world.after())
afterAll(() => world.app.close())

const work = () => startJobs(world.app.deps, world.app.database.connection, [executeJob])
const within = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 20_000, interval: 50 })
const consumed = (at: Waiting) =>
  within(async () => expect(await world.approval(at)).toMatchObject({ status: 'consumed' }))

describe('once people approved it', () => {
  test('[A-25] the server executes it, in the session, as whoever asked; the audit names who asked, who decided and who did it', async () => {
    const sessionId = await openSession(world.agent)
    const at = await world.waiting({ sessionId, input: { id: world.id, code: 'open sesame' } })
    const jobs = await work()
    try {
      await decide(world.owner, at, 'approve', { reason: 'As agreed.' })
      await consumed(at)
    } finally {
      await jobs.stop()
    }
    expect(await world.sent()).toEqual([{ code: 'open sesame' }])
    expect(await world.unsent()).toEqual([])
    expect(await world.events(at, 'tool.call.completed')).toMatchObject([
      {
        actor: { kind: 'system', displayName: 'Countersign' },
        toolCall: { tool: 'parcel_send', mode: 'write', outcome: 'succeeded' },
        approval: { id: at.approval.id, status: 'consumed', planDigest: at.approval.planDigest },
      },
    ])
    const { displayName } = (await world.approval(at)).requestedBy
    expect(await world.audited(at)).toMatchObject([
      {
        ...{ outcome: 'applied', event: 'parcel_send', target: { kind: 'parcel', id: world.id } },
        principal: { source: 'scoped-agent-grant', displayName },
        approvalId: at.approval.id,
        reason: expect.stringMatching(/^Approved by Person 1 and executed by Countersign: It is due\.$/),
      },
    ])
    expect(await world.audited(at, 'sessions.approvals.resolve')).toEqual([])
    const { body } = await world.owner.call('GET', `/api/admin/audit?targetId=${at.approval.id}`)
    expect(body.entries).toMatchObject([
      { operationId: 'sessions.approvals.resolve', principal: { displayName: 'Person 1' } },
    ])
    // the session was the agent's own
    expect(await world.session(at)).toMatchObject({ status: 'active' })
    expect(JSON.stringify(world.app.logged)).not.toContain('open sesame')
  })

  test('[A-26] a session that was opened for it ends with it', async () => {
    const at = await world.approved()
    await world.execute(at)
    expect(await world.sent()).toHaveLength(1)
    expect(await world.session(at)).toMatchObject({ status: 'completed' })
    const refused = await world.waiting()
    await decide(world.owner, refused, 'reject', { reason: 'Not now.' })
    expect(await world.session(refused)).toMatchObject({ status: 'cancelled' })
    const shared = await world.waiting()
    await world.waiting({ sessionId: shared.sessionId })
    await decide(world.owner, shared, 'reject', { reason: 'Not now.' })
    expect(await world.session(shared)).toMatchObject({ status: 'waiting-for-approval' })
  })

  test('[A-27] it is executed once, however many workers have it at the same time', async () => {
    const at = await world.approved()
    await Promise.all(Array.from({ length: 6 }, () => world.execute(at)))
    await world.execute(at)
    expect(await world.sent()).toHaveLength(1)
    expect(await world.unsent()).toEqual([])
    expect(await world.audited(at)).toMatchObject([{ outcome: 'applied' }])
    expect(await world.events(at, 'tool.call.completed')).toHaveLength(1)
  })

  test('[A-27] and also if whoever asked executes it meanwhile', async () => {
    const at = await world.approved()
    const { db } = world.app.deps
    const waiters = (count: number) =>
      within(async () => {
        const rows = await db.query(sql`
          SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)
        expect(rows).toHaveLength(count)
      })
    const { byAgent, byServer } = await db.transaction(async (tx) => {
      await tx.query(sql`SELECT FROM agent_sessions WHERE org = 'laurel' AND id = ${at.sessionId} FOR UPDATE`)
      const named = `${at.approval.id} ${at.approval.planDigest}`
      const path = `/v1/parcels/${world.id}/send`
      const byAgent = world.agent.call('POST', path, {}, { 'countersign-approval': named })
      await waiters(1)
      const byServer = world.execute(at)
      await waiters(2)
      return { byAgent, byServer }
    })
    expect((await byAgent).status).toBe(200)
    await byServer
    expect(await world.sent()).toHaveLength(1)
    expect(await world.unsent()).toEqual([])
    expect(await world.approval(at)).toMatchObject({ status: 'consumed' })
  })

  test('[A-28] what only the moment refused is tried again, and fails for good with the last attempt', async () => {
    const at = await world.approved()
    sending.at = async () => fail('unavailable', 'Not just now.')
    await expect(world.execute(at)).rejects.toMatchObject({ code: 'unavailable' })
    expect(await world.approval(at)).toMatchObject({ status: 'approved' })
    sending.at = undefined
    await world.execute(at)
    expect([await world.sent(), await world.unsent()]).toMatchObject([[{}], []])

    await world.next()
    const other = await world.approved()
    sending.at = async () => {
      throw new Error('a defect')
    }
    await expect(world.execute(other)).rejects.toMatchObject({ code: 'internal' })
    await world.execute(other, { last: true })
    expect(await world.approval(other)).toMatchObject({ status: 'voided' })
    expect(await world.unsent()).toMatchObject([
      { status: 'voided', reason: expect.stringContaining('internal') },
    ])
    expect(await world.sent()).toEqual([])
  })
})

describe('it is not executed', () => {
  test.each([
    ['reject', 'rejected'],
    ['expire', 'expired'],
  ] as const)('[A-29] %s: its operation hears so once', async (decision, status) => {
    const at = await world.waiting({ input: { id: world.id, code: 'open sesame' } })
    await decide(world.owner, at, decision, { reason: 'Not now.' })
    await decide(world.owner, at, 'approve')
    await world.execute(at)
    await expireOverdue(world.later(DECISION_WINDOW_MS * 2))
    expect(await world.unsent()).toEqual([{ code: 'open sesame', status, reason: 'Not now.' }])
    expect(await world.sent()).toEqual([])
    expect(await world.audited(at), 'it was not even tried').toEqual([])
  })

  test('[A-29] where nobody decides in time, or nobody executes in time', async () => {
    await world.waiting()
    await expireOverdue(world.later(DECISION_WINDOW_MS + 1))
    await expireOverdue(world.later(DECISION_WINDOW_MS + 1))
    expect(await world.unsent()).toMatchObject([{ status: 'expired', reason: 'Nobody decided in time.' }])
    await world.next()
    const at = await world.approved()
    await world.execute(at, { ms: EXECUTION_WINDOW_MS + 1 })
    await expireOverdue(world.later(EXECUTION_WINDOW_MS + 1))
    expect(await world.unsent()).toMatchObject([{ status: 'expired' }])
    expect(await world.approval(at)).toMatchObject({ status: 'expired' })
    expect(await world.sent()).toEqual([])
  })

  test.each(['pending', 'approved'])(
    '[A-29] where its session is cancelled while it is %s',
    async (status) => {
      const at = status === 'pending' ? await world.waiting() : await world.approved()
      expect((await cancelSession(world.owner, at.sessionId)).status).toBe(200)
      await world.execute(at)
      expect(await world.unsent()).toEqual([{ code: null, status: 'voided', reason: expect.any(String) }])
      expect(await world.sent()).toEqual([])
    },
  )

  test('[A-29] deciding, cancelling and executing at once: it happens, or its operation hears so, never both', async () => {
    for (let n = 0; n < 12; n++) {
      await world.next()
      const at = await world.waiting()
      await Promise.all([
        decide(world.owner, at, 'approve').then(() => Promise.all([world.execute(at), world.execute(at)])),
        cancelSession(world.agent, at.sessionId),
        decide(world.owner, at, n % 2 ? 'reject' : 'expire', { reason: 'No.' }),
      ])
      await world.execute(at)
      const [sent, unsent] = [await world.sent(), await world.unsent()]
      expect(sent.length + unsent.length, JSON.stringify({ sent, unsent })).toBe(1)
    }
  })

  test('[A-30] where the grant was revoked since: refused, recorded, and its operation hears so', async () => {
    const at = await world.approved()
    await revokeKey(world.app.deps.access, { org: 'laurel', id: world.agent.id })
    await world.execute(at)
    expect(await world.sent()).toEqual([])
    expect(await world.unsent()).toMatchObject([
      { status: 'voided', reason: expect.stringContaining('forbidden') },
    ])
    const { displayName } = (await world.approval(at)).requestedBy
    expect(await world.audited(at)).toMatchObject([
      {
        ...{ outcome: 'refused', code: 'forbidden', approvalId: at.approval.id },
        principal: { source: 'scoped-agent-grant', displayName },
      },
    ])
    expect(await world.events(at, 'tool.call.completed')).toMatchObject([
      { toolCall: { outcome: 'refused', code: 'forbidden' } },
    ])
    expect((await world.events(at, 'approval.resolved')).at(-1)).toMatchObject({
      approval: { id: at.approval.id, status: 'voided' },
    })
    expect(await world.session(at)).toMatchObject({ status: 'failed' })
  })

  test('[A-30] where the requester lost the scope since, and with no scope that it did not have when it asked', async () => {
    const { db } = world.app.deps
    const at = await world.approved()
    await db.query(sql`UPDATE grants SET scopes = '{}' WHERE org = 'laurel' AND key_id = ${world.agent.id}`)
    await world.execute(at)
    expect(await world.unsent()).toMatchObject([{ reason: expect.stringContaining('scope-missing') }])
    await world.next()
    const narrow = await world.approved()
    await db.query(
      sql`UPDATE session_approvals SET requested_scopes = '{}' WHERE org = 'laurel' AND id = ${narrow.approval.id}`,
    )
    await world.execute(narrow)
    expect(await world.unsent()).toMatchObject([{ reason: expect.stringContaining('scope-missing') }])
    expect(await world.sent()).toEqual([])
  })

  test.each([
    [
      'what it is about changed',
      'stale',
      () => world.app.deps.db.query(sql`UPDATE next_parcels SET version = 2 WHERE id = ${world.id}`),
    ],
    ['policy changed to direct', 'plan-changed', () => world.policy({ mode: 'direct' })],
    ['policy asks for more people', 'plan-changed', () => world.policy({ mode: 'approve', approvers: 1 })],
  ])('[A-31] where %s since, as for everybody: %s', async (_what, code, change) => {
    const at = await world.approved()
    await change()
    await world.execute(at)
    expect(await world.sent()).toEqual([])
    expect(await world.approval(at)).toMatchObject({
      status: 'voided',
      resolutionReason: expect.stringContaining(code),
    })
    expect(await world.unsent()).toMatchObject([{ status: 'voided', reason: expect.stringContaining(code) }])
    expect(await world.audited(at)).toMatchObject([{ outcome: 'refused', code, approvalId: at.approval.id }])
    expect(await world.events(at, 'tool.call.completed')).toMatchObject([{ toolCall: { code } }])
  })

  test('[A-32] an operation that fails to hear of an end keeps no other approval from its own', async () => {
    const deaf = await world.waiting()
    const deafId = world.id
    await world.next()
    const at = await world.waiting()
    hearing.at = async (id) => {
      if (id === deafId) throw new Error('deaf')
    }
    await expireOverdue(world.later(DECISION_WINDOW_MS + 1))
    expect(await world.unsent()).toMatchObject([{ status: 'expired' }])
    expect(await world.session(at)).toMatchObject({ status: 'cancelled' })
    expect(await world.session(deaf)).toMatchObject({ status: 'waiting-for-approval' })
    hearing.at = undefined
    await expireOverdue(world.later(DECISION_WINDOW_MS + 1))
    expect(await world.session(deaf)).toMatchObject({ status: 'cancelled' })
  })
})

describe('kill -9', () => {
  const processOf = (decides?: object): ChildProcess => {
    const { database, deps } = world.app
    const config = { ...deps.config, databaseUrl: database.url, secret: SECRET, logLevel: 'error' }
    return spawn(process.execPath, [PROCESS], {
      env: {
        PATH: process.env.PATH,
        PARCEL: JSON.stringify({ config, connection: database.connection, decides }),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  }

  test('[A-33] of the process that decided, with its commit: another executes what was approved', async () => {
    const at = await world.waiting()
    const [person] = await world.app.deps.db.query<{ id: string }>(
      sql`SELECT id FROM auth_user WHERE email = ${world.owner.email}`,
    )
    const input = {
      ...{ sessionId: at.sessionId, approvalId: at.approval.id },
      ...{ decision: 'approve', planDigest: at.approval.planDigest },
    }
    const child = processOf({ org: 'laurel', person: `user:${person?.id}`, input })
    const [, signal] = await once(child, 'exit')
    expect(signal).toBe('SIGKILL')
    expect(await world.approval(at)).toMatchObject({ status: 'approved' })
    expect(await world.sent()).toEqual([])
    const jobs = await work()
    try {
      await consumed(at)
      expect(await world.sent()).toHaveLength(1)
    } finally {
      await jobs.stop()
    }
  }, 60_000)

  test('[A-33] of the process that executes, in the middle: another executes it, once', async () => {
    const child = processOf()
    const gone = once(child, 'exit')
    try {
      const lines = createInterface({ input: child.stdout! })
      const said = new Set<string>()
      lines.on('line', (line) => said.add(line))
      await within(async () => expect([...said]).toContain('working'))
      const at = await world.approved()
      await wakeWorkers(world.app.deps.db, EXECUTE)
      await within(async () => expect([...said]).toContain('sending'))
      const jobs = await work()
      try {
        child.kill('SIGKILL')
        await gone
        await consumed(at)
        expect(await world.sent()).toHaveLength(1)
        expect(await world.unsent()).toEqual([])
        expect(await world.events(at, 'tool.call.completed')).toHaveLength(1)
      } finally {
        await jobs.stop()
      }
    } finally {
      child.kill('SIGKILL')
      await gone
    }
  }, 60_000)
})
