import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { expect } from 'vitest'
import { requestOf } from '../../src/operation/cli.ts'
import type { Operation } from '../../src/operation/define.ts'
import { openapi } from '../../src/operation/openapi.ts'
import type { Caller, Reply, TestApp } from '../harness/app.ts'
import type { World } from './inputs.ts'

/** An answer that the published document does not have for the operation is a defect. */
function expectDocumented(operation: Operation, { status, body }: Reply): void {
  const { paths } = openapi([operation], '0.0.0') as any
  const { responses } = paths[operation.http.path][operation.http.method.toLowerCase()]
  const codes = responses[status]?.description.split(', ')
  if (status < 300) expect(codes, `${operation.id}: ${status}`).toBeDefined()
  else expect(codes ?? [], `${operation.id}: ${JSON.stringify(body)}`).toContain(body.code)
}

/** Calls an operation by its own route; what comes back must be in the document. */
export async function callOperation(
  caller: Caller,
  operation: Operation,
  input: Record<string, unknown>,
  more: { headers?: Record<string, string>; artistId?: string } = {},
): Promise<Reply> {
  const { method, path, body, headers } = requestOf(operation, input, more.artistId)
  const reply = await caller.call(method, path, body, { ...headers, ...more.headers })
  expectDocumented(operation, reply)
  return reply
}

export const operationNamed = (app: TestApp, id: string): Operation =>
  app.deps.operations.find((operation) => operation.id === id)!

const refuse = (what: string, reply: Reply): never => {
  throw new Error(`${what}: ${reply.status} ${JSON.stringify(reply.body)}`)
}

/** A fresh event, a session that `caller` opened and, where it may ask for one, a pending approval. */
export async function worldOf(app: TestApp, org: string, caller: Caller): Promise<World> {
  const event = await app.event(org, {
    id: `${org}-room-${randomBytes(4).toString('hex')}`,
    title: `Room of ${org}`,
  })
  const opened = await callOperation(caller, operationNamed(app, 'sessions.create'), {
    workflow: 'suite.run',
    client: { id: 'client-suite', name: `Suite of ${org}`, kind: 'test' },
  })
  if (opened.status !== 201) refuse('session', opened)
  const sessionId = opened.body.session.id as string
  const preview = await callOperation(caller, operationNamed(app, 'live.events.status.preview'), {
    eventId: event.id,
    nextStatus: 'cancelled',
  })
  const observedUpdatedAt = event.updatedAt.toISOString()
  const none = { org, eventId: event.id, observedUpdatedAt, sessionId, approvalId: 'approval-none' }
  // not everybody may write, and so ask for approval
  if (preview.status === 403) return { ...none, planDigest: '0'.repeat(64) }
  if (preview.status !== 200) refuse('preview', preview)
  const { planDigest } = preview.body
  const asked = await callOperation(caller, operationNamed(app, 'sessions.approvals.request'), {
    sessionId,
    operationId: 'live.events.status.confirmed-update',
    input: { eventId: event.id, nextStatus: 'cancelled' },
    planDigest,
    reason: 'The suite asks.',
  })
  if (asked.status !== 201) refuse('approval', asked)
  return { ...none, approvalId: asked.body.approval.id, planDigest }
}

const other = (id: string): string => `${id.slice(0, -4)}ffff`

/** The same with ids of the same form that do not exist. */
export const ghostOf = (world: World): World => ({
  ...world,
  eventId: other(world.eventId),
  sessionId: other(world.sessionId),
  approvalId: other(world.approvalId),
})

/** Every row of every table of every schema of the application, as text by table. */
export async function dump(app: TestApp): Promise<Record<string, string>> {
  const client = new pg.Client(app.database.connection)
  await client.connect()
  try {
    const { rows: tables } = await client.query<{ name: string }>(`
      SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
       WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`)
    const dumped: Record<string, string> = {}
    for (const { name } of tables) {
      const { rows } = await client.query<{ text: string | null }>(
        `SELECT string_agg(row_to_json(t)::text, E'\\n' ORDER BY row_to_json(t)::text) AS text FROM ${name} t`,
      )
      dumped[name] = rows[0]?.text ?? ''
    }
    return dumped
  } finally {
    await client.end()
  }
}

/** The tables that differ between two dumps. */
export const changedTables = (before: Record<string, string>, after: Record<string, string>): string[] =>
  Object.keys({ ...before, ...after }).filter((name) => before[name] !== after[name])
