import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { finished, start } from '../../test/harness/command.ts'
import { addType, documentsAs } from '../../test/harness/store.ts'

/** Processes of the program, beside other tests. */
vi.setConfig({ testTimeout: 60_000 })

let app: TestApp
let folder: string
let key: Caller & { bearer: string }

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  folder = mkdtempSync(path.join(os.tmpdir(), 'cs-configs-'))
  await addType(app, 'laurel', { type: 'thing' })
  key = await app.key({
    org: 'laurel',
    role: 'automation',
    scopes: ['creator:laurel:config:read', 'creator:laurel:config:write'],
  })
})
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await app.close()
})

const configs = (args: string[], input?: string, env: Record<string, string> = {}) =>
  finished(
    start(['configs', ...args], { COUNTERSIGN_URL: app.url, COUNTERSIGN_KEY: key.bearer, ...env }),
    input,
  )
const file = (name: string) => path.join(folder, name)
const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) =>
    JSON.stringify({ type: 'thing', id: `t${from + n}`, document: { title: `Thing ${from + n}` } }),
  )

describe('configs', () => {
  test('[CS-24] import takes a file of lines and tells each batch', async () => {
    writeFileSync(file('in.ndjson'), lines(0, 700).join('\n'))
    const done = await configs(['import', file('in.ndjson')])
    expect([done.code, done.stderr]).toEqual([
      0,
      'lines 1-500: 500 created, 0 replaced, 0 unchanged, 0 skipped\nlines 501-700: 200 created, 0 replaced, 0 unchanged, 0 skipped\n',
    ])
    expect(done.stdout).toContain('created: 700')
  })

  test('[CS-24] import from standard input ends with 1 when lines were refused, and names them', async () => {
    const mixed = [
      ...lines(690, 705),
      '{"type":"nothing_such","id":"x","document":{}}',
      '',
      ...lines(705, 707),
    ]
    const done = await configs(['import', '-', '--json'], mixed.join('\n'))
    expect(done.code).toBe(1)
    expect(JSON.parse(done.stdout)).toEqual({
      ok: false,
      created: 2,
      replaced: 0,
      unchanged: 0,
      skipped: 0,
      refused: 16,
      errors: [{ line: 16, pointer: '/documents/15/type', message: expect.any(String) }],
    })
    expect(done.stderr).toMatch(/^lines 1-16: refused: /)
    const skipped = await configs(['import', '-', '--on-conflict', 'skip', '--json'], lines(0, 3).join('\n'))
    expect(JSON.parse(skipped.stdout)).toMatchObject({ ok: true, skipped: 3 })
  })

  test('[CS-24] export writes lines to standard output or to a file, and they import again', async () => {
    const out = await configs(['export', '--type', 'thing'])
    expect([out.code, out.stderr]).toEqual([0, '702 configurations\n'])
    const exported = out.stdout.trimEnd().split('\n')
    expect(exported).toHaveLength(702)
    expect(JSON.parse(exported[0]!)).toMatchObject({
      type: 'thing',
      id: 't0',
      document: { title: 'Thing 0' },
    })
    const toFile = await configs(['export', '--out', file('out.ndjson'), '--json'])
    expect(JSON.parse(toFile.stdout)).toEqual({ ok: true, configurations: 702, file: file('out.ndjson') })
    expect(readFileSync(file('out.ndjson'), 'utf8')).toBe(out.stdout)
    expect(existsSync(file('out.ndjson.part'))).toBe(false)
    const again = await configs(['import', file('out.ndjson'), '--json'])
    expect(JSON.parse(again.stdout)).toMatchObject({ ok: true, unchanged: 702 })
  })

  test('[CS-24] show prints a configuration, also as a version had it', async () => {
    await documentsAs(key, 'thing').put('t0', { title: 'Thing 0, again' })
    const now = await configs(['show', 'thing', 't0'])
    expect([now.code, now.stdout]).toEqual([0, '{\n  "title": "Thing 0, again"\n}\n'])
    const before = await configs(['show', 'thing', 't0', '--version', '1', '--json'])
    expect(JSON.parse(before.stdout)).toEqual({ title: 'Thing 0' })
    const none = await configs(['show', 'thing', 'nowhere', '--json'])
    expect([none.code, JSON.parse(none.stdout).code]).toEqual([1, 'not-found'])
    expect((await configs(['show', 'thing', 't0', '--version', 'first'])).code).toBe(1)
  })

  test('[CS-24] ls lists types, and the configurations of one as far as the limit', async () => {
    const types = await configs(['ls'])
    expect([types.code, types.stdout]).toEqual([0, expect.stringMatching(/^thing +Things$/m)])
    const found = await configs(['ls', 'thing', '--q', 'thing 12', '--sort', 'name'])
    expect(
      found.stdout
        .split('\n')
        .slice(2, 5)
        .map((row) => row.split(/ {2,}/).slice(0, 2)),
    ).toEqual([
      ['t12', 'Thing 12'],
      ['t120', 'Thing 120'],
      ['t121', 'Thing 121'],
    ])
    const some = await configs(['ls', 'thing', '--limit', '150'])
    expect(some.stdout.trimEnd().split('\n')).toHaveLength(153)
    expect(some.stdout).toMatch(/^150 of 702; --limit shows more\.$/m)
    const json = JSON.parse(
      (await configs(['ls', 'thing', '--limit', '1', '--sort', 'name', '--json'])).stdout,
    )
    expect(json).toMatchObject({ type: 'thing', total: 702, results: [{ type: 'thing', id: 't0' }] })
  })

  test('[CS-24] graph prints what a configuration needs, or what needs it', async () => {
    await addType(app, 'laurel', {
      type: 'page',
      references: [{ path: '/parts/*', type: 'page', required: true }],
    })
    const pages = documentsAs(key, 'page')
    await pages.put('home', { title: 'Home', parts: ['header', 'footer'] })
    await pages.put('header', { title: 'Header', parts: ['logo'] })
    await pages.put('footer', { title: 'Footer', parts: ['logo'] })
    await pages.put('logo', { title: 'Logo' })
    const needs = await configs(['graph', 'page', 'home'])
    expect([needs.code, needs.stdout]).toEqual([
      0,
      [
        'page/home  Home',
        '├─ page/footer  Footer (required)',
        '│  └─ page/logo  Logo (required)',
        '└─ page/header  Header (required)',
        '   └─ page/logo  Logo (required) ↑',
        '',
      ].join('\n'),
    ])
    const used = await configs(['graph', 'page', 'logo', '--direction', 'used_by', '--depth', '1'])
    expect(used.stdout).toBe(
      'page/logo  Logo\n├─ page/footer  Footer (required)\n└─ page/header  Header (required)\nThere is more beyond this depth.\n',
    )
    const json = JSON.parse((await configs(['graph', 'page', 'home', '--json'])).stdout)
    expect(json).toMatchObject({ root: { type: 'page', id: 'home' }, deeper: false, truncated: false })
    expect((await configs(['graph', 'page', 'nowhere'])).code).toBe(1)
    expect((await configs(['graph', 'page', 'home', '--direction', 'sideways'])).code).toBe(2)
  })

  test('[CS-24] ends with the documented codes when there is no file, no server or no right', async () => {
    const missing = await configs(['import', file('none.ndjson')])
    expect([missing.code, missing.stderr]).toEqual([
      1,
      expect.stringContaining('none.ndjson cannot be opened (ENOENT)'),
    ])
    expect((await configs(['import', folder])).stderr).toContain('is a directory')
    expect((await configs(['export', '--out', file('no/such/folder')])).code).toBe(1)
    const nobody = await configs(['export', '--url', 'http://127.0.0.1:1'])
    expect([nobody.code, nobody.stderr]).toEqual([4, expect.stringContaining('No Countersign answers')])
    const guest = await configs(['import', '-', '--json'], lines(0, 1).join('\n'), { COUNTERSIGN_KEY: '' })
    expect([guest.code, JSON.parse(guest.stdout).code]).toEqual([1, 'unauthenticated'])
    expect((await configs(['import'])).code).toBe(2)
    expect((await configs(['import', '-', '--on-conflict', 'perhaps'])).code).toBe(2)
  })
})
