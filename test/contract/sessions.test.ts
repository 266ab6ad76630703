import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestApp, testApp } from '../harness/app.ts'
import { contract, differences, pathOf } from './shape.ts'

const theirs = contract('agent-sessions.v1')

let app: TestApp
let ours: any

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  const reply = await app.guest().call('GET', '/api/agent/sessions')
  expect(reply.status).toBe(200)
  ours = reply.body
})
afterAll(() => app.close())

/** The capture lets only grants read events and only people cancel; ours admits more, and says so. */
const WIDER: Record<string, { captured: string; ours: string; because: string }> = {
  readEvents: {
    captured: 'scoped-agent-grant',
    ours: 'optional-session',
    because: 'the sample logs are readable by guests; real ones by who may see the session',
  },
  cancelSession: {
    captured: 'first-party-session',
    ours: 'scoped-agent-grant',
    because: 'the grant that opened a session may cancel it, and so may people',
  },
}

describe('[C-4] the sessions manifest for a guest has what the contract has', () => {
  test('every member, with the same type', () => {
    expect(differences(theirs, ours)).toEqual([])
  })

  test('the same contracts, required fields, statuses and event types', () => {
    const pick = (manifest: any) => ({
      version: manifest.version,
      surface: { ...manifest.surface, storageRuntimeReady: undefined, relatedIssues: undefined },
      session: [
        manifest.sessionContract.contract,
        manifest.sessionContract.requiredFields,
        manifest.sessionContract.statuses,
      ],
      event: [
        manifest.eventContract.contract,
        manifest.eventContract.requiredFields,
        manifest.eventContract.eventTypes,
      ],
      log: [
        manifest.eventLogContract.contract,
        pathOf(manifest.eventLogContract.endpointTemplate),
        manifest.eventLogContract.cursorQuery,
      ],
      approval: [
        manifest.approvalContract.contract,
        manifest.approvalContract.requiredFields,
        manifest.approvalContract.resolutionFields,
      ],
      samples: manifest.sampleEventLogEndpoints.map(pathOf),
    })
    expect(pick(ours)).toEqual(pick(theirs))
  })

  test.each(Object.keys(theirs.endpoints))('endpoint %s', (name) => {
    const [expected, own] = [theirs.endpoints[name], ours.endpoints[name]]
    expect({ path: pathOf(own.href), method: own.method }).toEqual({
      path: expected.href,
      method: expected.method,
    })
    const wider = WIDER[name]
    expect(expected.auth).toBe(wider?.captured ?? own.auth)
    if (wider) expect(own.auth).toBe(wider.ours)
    expect(own.status).toBe('available')
  })

  test('what was planned is real and says so', () => {
    expect(ours.surface.storageRuntimeReady).toBe(true)
    const { contract: _, ...status } = ours.currentStatus
    expect(JSON.stringify([status, ours.eventLogContract])).not.toMatch(
      /planned|not-enabled|sample-event-log/,
    )
  })
})

describe('[C-5] the two sample sessions read as in the contract', () => {
  test.each<any>(theirs.sampleSessions)('$id', (expected) => {
    const own = ours.sampleSessions.find(({ id }: any) => id === expected.id)
    const pick = ({
      events,
      pendingApprovals,
      completedToolCalls,
      title: _,
      createdAt,
      updatedAt,
      ...head
    }: any) => ({
      ...head,
      sample: undefined,
      createdAt,
      updatedAt,
      pendingApprovals: pendingApprovals.map(
        ({ id, contract: named, targetSummary, confirmationText, expiresAt }: any) => ({
          id,
          contract: named,
          targetSummary,
          confirmationText,
          expiresAt,
        }),
      ),
      tools: completedToolCalls.map(({ id, tool, mode }: any) => ({ id, tool, mode })),
      events: events.map((event: any) => ({
        id: event.id,
        sessionId: event.sessionId,
        type: event.type,
        sequence: event.sequence,
        occurredAt: event.occurredAt,
        // the ledger that the system acts as goes by its product's name
        actor: event.actor.kind === 'system' ? { kind: 'system' } : event.actor,
        target: event.target,
        approval: event.approval && {
          id: event.approval.id,
          status: event.approval.status,
          confirmationText: event.approval.confirmationText,
        },
        correlation: event.correlation,
      })),
    })
    expect(pick(own)).toEqual(pick(expected))
  })

  test.each<string>(theirs.sampleEventLogEndpoints)('%s replays the log by cursor', async (path) => {
    const id = path.split('/')[4] as string
    const sample = theirs.sampleSessions.find((each: any) => each.id === id)
    const all = await app.guest().call('GET', path)
    expect(all.body.sample).toBe(true)
    expect(all.body.events.map((event: any) => event.id)).toEqual(sample.events.map((event: any) => event.id))
    expect(all.body.nextCursor).toBe(sample.latestEventCursor)
    const rest = await app.guest().call('GET', `${path}?cursor=${encodeURIComponent(`${id}:1`)}`)
    expect(rest.body.events.map((event: any) => event.sequence)).toEqual(
      sample.events.slice(1).map((event: any) => event.sequence),
    )
  })
})
