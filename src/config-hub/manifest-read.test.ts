import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestApp, testApp } from '../../test/harness/app.ts'
import { OPERATIONS } from '../operations.ts'

let app: TestApp

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
})
afterAll(() => app.close())

const SHOWN = OPERATIONS.filter(({ surface }) => surface === 'configuration-hub').map(({ id }) => id)

test('[H-3] the manifest describes every operation of the surface, and says which the caller may call', async () => {
  const path = '/api/agent/configuration-hub'
  const owner = await app.person('laurel', 'owner')
  const { body: guest } = await app.guest().call('GET', `${path}?artistId=laurel`)
  expect(guest).toMatchObject({ version: 'agent-configuration-hub.v1', surface: { artistId: 'laurel' } })
  expect(guest.operations.map(({ id }: { id: string }) => id)).toEqual(SHOWN)
  expect(enabled(guest)).toEqual(['config-hub.manifest.read'])
  const reader = await app.key({ org: 'laurel', role: 'agent', scopes: ['creator:laurel:config:read'] })
  const { body: agent } = await reader.call('GET', path)
  expect(agent.principal.capabilities).toEqual({ readConfiguration: true, proposeConfiguration: false })
  const writes = OPERATIONS.filter(({ access }) => access.scope === 'config:write').map(({ id }) => id)
  expect(enabled(agent)).toEqual(SHOWN.filter((id) => !writes.includes(id)))
  expect(enabled((await owner.call('GET', path)).body)).toEqual(SHOWN)
})

const enabled = (manifest: any): string[] =>
  manifest.operations.filter((each: any) => each.enabled).map((each: any) => each.id)
