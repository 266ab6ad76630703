import { afterEach, beforeEach, expect, test } from 'vitest'
import { type TestApp, testApp } from '../test/harness/app.ts'
import { openSession } from '../test/harness/loop.ts'

let app: TestApp
let closed = false
beforeEach(async () => {
  closed = false
  app = await testApp()
  await app.org('laurel')
  await app.person('laurel', 'owner')
})
afterEach(async () => {
  if (!closed) await app.close()
})

test('[O-1] livez, readyz and metrics say how the process is', async () => {
  const guest = app.guest()
  expect((await guest.call('GET', '/livez')).status).toBe(200)
  expect((await guest.call('GET', '/readyz')).body).toEqual({
    ok: true,
    checks: { database: true, migrations: true, accepting: true },
  })
  await guest.call('GET', '/api/agent/surfaces')
  const { text } = (await guest.call('GET', '/metrics')).body
  expect(text).toContain('countersign_operation_calls_total{operation="surfaces.list",outcome="ok"} 1')
  for (const name of [
    'operation_seconds',
    'http_requests_total',
    'pool_connections',
    'session_events_total',
    'approvals_total',
  ])
    expect(text).toContain(`countersign_${name}`)
})

test('[O-2] a database that is behind this release is not ready', async () => {
  const { default: sql } = await import('sql-template-tag')
  await app.deps.db.query(sql`DELETE FROM migrations WHERE name LIKE '000004%'`)
  const reply = await app.guest().call('GET', '/readyz')
  expect(reply.status).toBe(503)
  expect(reply.body.checks.migrations).toBe(false)
})

test('[O-3] every answer carries its request id, and the log line has it too', async () => {
  const reply = await app.guest().call('GET', '/api/agent/surfaces')
  const id = reply.headers.get('x-request-id')
  expect(id).toMatch(/^[0-9a-f-]{36}$/)
  const line = app.logged
    .map((each) => JSON.parse(each))
    .find((each) => each.reqId === id && each.msg === 'request')
  expect(line).toMatchObject({ method: 'GET', path: '/api/agent/surfaces', status: 200 })
})

test('[O-4] closing drains: an open event stream ends and does not hold the server back', async () => {
  const agent = await app.key({ org: 'laurel', role: 'agent' })
  const sessionId = await openSession(agent)
  const stream = await fetch(`${app.url}/api/agent/sessions/${sessionId}/events`, {
    headers: { ...agent.headers, accept: 'text/event-stream' },
  })
  const reader = stream.body!.getReader()
  expect(new TextDecoder().decode((await reader.read()).value)).toContain('event: session.created')
  closed = true
  await app.close()
  let ended = false
  while (!ended) ended = (await reader.read()).done
  expect(ended).toBe(true)
})
