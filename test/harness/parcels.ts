import sql, { raw } from 'sql-template-tag'
import { expect } from 'vitest'
import { OPERATIONS } from '../../src/operations.ts'
import { executeJob } from '../../src/sessions/execute.ts'
import { askInName, type InName } from '../../src/sessions/in-name.ts'
import { hearing, PARCEL_TABLES, parcelSend, sending } from '../parcels.ts'
import { type Caller, type TestApp, testApp } from './app.ts'
import { decide, wholeLog } from './moves.ts'

export const SCOPES = ['creator:laurel:parcels:write']

export type Waiting = { sessionId: string; approval: { id: string; planDigest: string } }

/** An organisation whose agents send parcels, each once people approved it. */
export async function parcelWorld() {
  const app: TestApp = await testApp({ operations: [...OPERATIONS, parcelSend] as never })
  const { db } = app.deps
  for (const statement of PARCEL_TABLES.split(';')) await db.query(raw(statement) as never)
  await app.org('laurel')
  const owner = await app.person('laurel', 'owner')
  let parcels = 0
  const world = {
    app,
    owner,
    agent: undefined as unknown as Caller & { id: string },
    requester: { id: '', scopes: SCOPES },
    id: '',

    /** A new parcel, and an agent of its own. */
    async next() {
      world.id = `parcel-${++parcels}`
      await db.query(sql`INSERT INTO next_parcels (org, id) VALUES ('laurel', ${world.id})`)
      world.agent = await app.key({ org: 'laurel', role: 'agent', for: owner.email, scopes: SCOPES })
      const [grant] = await db.query<{ id: string }>(
        sql`SELECT id FROM grants WHERE org = 'laurel' AND key_id = ${world.agent.id}`,
      )
      world.requester = { id: `grant:${grant?.id}`, scopes: SCOPES }
    },
    async after() {
      sending.at = undefined
      hearing.at = undefined
      await world.policy({ mode: 'default' })
    },
    policy: (body: Record<string, unknown>) =>
      owner.call('PUT', '/api/admin/policies', {
        ...{ operationId: 'parcels.send', principalKind: 'agent' },
        ...body,
      }),

    ask: (more: Partial<InName> = {}) =>
      db.transaction((tx) =>
        askInName(app.deps, tx, {
          ...{ org: 'laurel', requester: world.requester, operation: parcelSend as never },
          ...{ input: { id: world.id }, workflow: 'parcels.send', title: `Send ${world.id}` },
          ...{ reason: 'It is due.', ...more },
        }),
      ),
    async waiting(more: Partial<InName> = {}): Promise<Waiting> {
      const answer = await world.ask(more)
      if (answer.mode !== 'waits') throw new Error('it does not wait')
      const { approvalId, sessionId } = answer
      return { sessionId, approval: await world.approval({ sessionId, approval: { id: approvalId } }) }
    },
    async approved(more: Partial<InName> = {}): Promise<Waiting> {
      const at = await world.waiting(more)
      const reply = await decide(owner, at, 'approve', { reason: 'As agreed.' })
      expect([reply.status, reply.body.approval?.status]).toEqual([200, 'approved'])
      return at
    },
    /** As the job engine runs it, in this process. */
    execute: (at: Waiting, options: { last?: boolean; ms?: number } = {}) =>
      executeJob.run(world.later(options.ms ?? 0), {
        data: { org: 'laurel', id: at.approval.id },
        signal: new AbortController().signal,
        last: options.last ?? false,
      }),
    later: (ms: number) => ({ ...app.deps, clock: () => new Date(Date.now() + ms) }),

    approval: async ({ sessionId, approval }: { sessionId: string; approval: { id: string } }) =>
      (await owner.call('GET', `/api/agent/sessions/${sessionId}/approvals/${approval.id}`)).body.approval,
    session: async ({ sessionId }: { sessionId: string }) =>
      (await owner.call('GET', `/api/agent/sessions/${sessionId}`)).body.session,
    events: async (at: { sessionId: string }, type: string) =>
      (await wholeLog(owner, at.sessionId)).filter((event) => event.type === type),
    /** The newest last. */
    async audited({ sessionId }: { sessionId: string }, operationId = 'parcels.send') {
      const { body } = await owner.call('GET', `/api/admin/audit?limit=100&sessionId=${sessionId}`)
      return body.entries.filter((entry: any) => entry.operationId === operationId).reverse()
    },
    sent: () => db.query(sql`SELECT code FROM next_sendings WHERE org = 'laurel' AND id = ${world.id}`),
    unsent: () =>
      db.query<{ code: string | null; status: string; reason: string | null }>(
        sql`SELECT code, status, reason FROM next_unsent WHERE org = 'laurel' AND id = ${world.id}`,
      ),
  }
  return world
}
