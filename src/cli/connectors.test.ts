import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type TestApp, testApp } from '../../test/harness/app.ts'
import { finished, start } from '../../test/harness/command.ts'
import { type OtherPlace, otherPlace } from '../../test/harness/place.ts'

/** Processes of the program, beside other tests. */
vi.setConfig({ testTimeout: 60_000 })

let app: TestApp
let place: OtherPlace
let folder: string
let env: Record<string, string>

beforeAll(async () => {
  app = await testApp()
  app.deps.config.allowPrivateConnectors = true
  await app.org('laurel')
  place = await otherPlace()
  folder = mkdtempSync(path.join(os.tmpdir(), 'cs-connectors-'))
  const key = await app.key({ org: 'laurel', role: 'automation' })
  env = { COUNTERSIGN_URL: app.url, COUNTERSIGN_KEY: key.bearer }
})
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await place.close()
  await app.close()
})

const connectors = (args: string[], more: Record<string, string> = {}) =>
  finished(start(['connectors', ...args], { ...env, ...more }))
const mapping = (text: string): string => {
  writeFileSync(path.join(folder, 'mapping.yaml'), text)
  return path.join(folder, 'mapping.yaml')
}

test('[CN-16] a mapping is registered from a file, checked, listed and removed', async () => {
  place.items = { prices: [{ id: 'p-1' }, { id: 'p-2' }, { id: 'p-3' }] }
  const file = mapping(JSON.stringify(place.mapping({ price: 'prices' })))
  const credential = { COUNTERSIGN_CONNECTOR_CREDENTIAL: 'canary-cli' }
  const put = await connectors(['put', 'shop', '--mapping', file], credential)
  expect([put.code, put.stdout, put.stderr]).toEqual([0, 'shop is at version 1.\n', ''])
  const checked = await connectors(['check', 'shop'])
  expect([checked.code, checked.stdout]).toEqual([
    0,
    'ok: list price: 2 on the first page, more may follow\n',
  ])
  const listed = await connectors(['list'])
  expect(listed.stdout).toMatch(/shop +rest +yes +1/)
  const without = await connectors(['put', 'shop', '--mapping', file, '--no-credential', '--json'])
  expect(JSON.parse(without.stdout)).toEqual({ id: 'shop', version: 2, created: false })
  expect((await connectors(['list'])).stdout).toMatch(/shop +rest +no +2/)
  place.broken.add('prices')
  const failed = await connectors(['check', 'shop'])
  expect([failed.code, failed.stdout]).toEqual([1, expect.stringMatching(/^failed: list price: unavailable/)])
  expect((await connectors(['remove', 'shop'])).stdout).toBe('Removed shop.\n')
  for (const { stdout, stderr } of [put, checked, listed, failed])
    expect(stdout + stderr).not.toContain('canary')
})

test('[CN-16] another Countersign is registered by its address, and mistakes are named', async () => {
  const put = await connectors(['put', 'there', '--countersign', app.url, '--external-org', 'elsewhere'])
  expect(put.code).toBe(0)
  expect((await connectors(['list'])).stdout).toMatch(/there +countersign +elsewhere +no +1/)
  const wrong = await connectors(['put', 'bad', '--mapping', mapping('base_url: x\n')])
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('/mapping_yaml/base_url: line 1')])
  const both = await connectors(['put', 'bad', '--mapping', mapping(''), '--countersign', app.url])
  expect([both.code, both.stderr]).toEqual([1, expect.stringContaining('Give either')])
  const missing = await connectors(['put', 'bad', '--mapping', path.join(folder, 'none.yaml')])
  expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining('ENOENT')])
})
