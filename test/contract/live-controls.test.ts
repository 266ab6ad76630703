import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestApp, testApp } from '../harness/app.ts'
import { contract, differences, pathOf } from './shape.ts'

const theirs = contract('agent-live-controls.v1')
/** The contract's public sample room. */
const SAMPLE = {
  id: 'live-with-maya-d454ece6',
  title: 'Live with Maya',
  startsAt: new Date('2026-05-14T10:02:56.000Z'),
  createdAt: new Date('2026-05-14T09:03:11.000Z'),
  updatedAt: new Date('2026-05-14T09:03:11.000Z'),
}

let app: TestApp
let ours: any

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  await app.event('laurel', SAMPLE)
  const reply = await app.guest().call('GET', '/api/agent/live-controls')
  expect(reply.status).toBe(200)
  ours = reply.body
})
afterAll(() => app.close())

const operation = (id: string): any => ours.operations.find((each: any) => each.id === id)

describe('[C-1] the live-controls manifest for a guest has what the contract has', () => {
  test('every member, with the same type', () => {
    expect(differences(theirs, ours)).toEqual([])
  })

  test('the same names, enumerations and versions', () => {
    const pick = (manifest: any) => ({
      ok: manifest.ok,
      version: manifest.version,
      surface: { ...manifest.surface, relatedIssues: undefined },
      principal: { ...manifest.principal, displayName: undefined, capabilities: undefined },
      capabilities: Object.keys(manifest.principal.capabilities).sort(),
      redacted: manifest.live.redactedFields,
      policies: [policyOf(manifest.liveSchedulePolicy), policyOf(manifest.liveTransitionPolicy)],
      transitions: manifest.liveTransitionPolicy.supportedTransitions.nextStatuses,
      // further operations of ours come after the contract's own
      operations: manifest.operations.map(({ id }: any) => id).slice(0, theirs.operations.length),
    })
    expect(pick(ours)).toEqual(pick(theirs))
  })

  test('a guest may do what the contract lets a guest do', () => {
    expect(ours.principal.capabilities).toEqual(theirs.principal.capabilities)
  })
})

const policyOf = (policy: any) => ({
  version: policy.version,
  capability: policy.capability,
  operationId: policy.operationId,
  safeForAgent: policy.safeForAgent,
  requiredScopes: policy.requiredScopes,
  auth: policy.auth,
  status: policy.status,
  dryRun: { ...policy.dryRun, endpoint: endpointOf(policy.dryRun.endpoint) },
  confirmedWrite: { ...policy.confirmedWrite, endpoint: endpointOf(policy.confirmedWrite.endpoint) },
  confirmedWrites: policy.confirmedWrites.status,
})

const endpointOf = ({ href, method, auth, query }: any) => ({ path: pathOf(href), method, auth, query })

describe('[C-2] every operation of the contract is described as there', () => {
  test.each<any>(theirs.operations)('$id', (expected) => {
    const described = operation(expected.id)
    expect(described).toBeDefined()
    const pick = (each: any) => ({
      toolName: each.toolName,
      endpoint: endpointOf(each.endpoint),
      confirmation: { required: each.confirmation.required, kind: each.confirmation.kind },
      audit: { required: each.audit.required, currentRecord: each.audit.currentRecord },
    })
    // further query parameters of ours are optional, which the fields below show
    const asked = described.endpoint.query?.filter((name: string) => expected.endpoint.query?.includes(name))
    expect(pick({ ...described, endpoint: { ...described.endpoint, query: asked } })).toEqual(pick(expected))
    expect(fieldDifferences(expected.input, described.input)).toEqual([])
  })

  test.each<any>(theirs.operations)(
    '$id is enabled for a guest where the contract enables it',
    ({ id, enabled }) => {
      expect(operation(id)).toMatchObject({ status: 'ready', enabled })
    },
  )
})

/** Bounds that ours may set where the contract sets none; what the contract sets is never different. */
// the contract's own words accept null where its field does not say so
const OUR_BOUNDS = ['minLength', 'maxLength', 'description', 'nullable']

/** Every field and attribute of the contract is ours too; further fields of ours are optional. */
function fieldDifferences(expected: Record<string, any>, described: Record<string, any>, at = ''): string[] {
  const lines: string[] = []
  for (const [name, field] of Object.entries(expected)) {
    const own = described[name]
    if (own === undefined) {
      lines.push(`${at}/${name}: missing`)
      continue
    }
    const { properties, ...attributes } = field
    for (const [attribute, value] of Object.entries(attributes))
      if (JSON.stringify(own[attribute]) !== JSON.stringify(value))
        lines.push(
          `${at}/${name}.${attribute}: ${JSON.stringify(own[attribute])} instead of ${JSON.stringify(value)}`,
        )
    for (const attribute of Object.keys(own))
      if (!(attribute in field) && !OUR_BOUNDS.includes(attribute))
        lines.push(`${at}/${name}.${attribute}: not in the contract`)
    if (properties) lines.push(...fieldDifferences(properties, own.properties ?? {}, `${at}/${name}`))
  }
  for (const [name, own] of Object.entries(described))
    if (!(name in expected) && own.required !== false) lines.push(`${at}/${name}: required by ours only`)
  return lines
}

describe('[C-3] the sample room reads as in the contract', () => {
  test('with its readiness checks', () => {
    const checksOf = (manifest: any) =>
      manifest.live.events[0].readiness.checks.map(({ id, status, required }: any) => ({
        id,
        status,
        required,
      }))
    expect(checksOf(ours)).toEqual(checksOf(theirs))
  })

  test('and everything else of it', () => {
    const { readiness: expectedReadiness, ...expected } = theirs.live.events[0]
    const { readiness, ...event } = ours.live.events[0]
    expect(event).toMatchObject(expected)
    expect(readiness).toMatchObject({
      state: expectedReadiness.state,
      canStartBroadcast: expectedReadiness.canStartBroadcast,
    })
    const { recommendation: _, ...summary } = theirs.live.readinessSummary
    expect(ours.live.readinessSummary).toMatchObject(summary)
  })
})
