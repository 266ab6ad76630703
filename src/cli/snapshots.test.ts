import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { run, snapshotApp, snapshotsAs } from '../../test/config-sync/snapshots.ts'
import type { TestApp } from '../../test/harness/app.ts'
import { finished, start } from '../../test/harness/command.ts'

/** Processes of the program, beside other tests. */
vi.setConfig({ testTimeout: 60_000 })

let app: TestApp
let own: ReturnType<typeof snapshotsAs>
let env: Record<string, string>

beforeAll(async () => {
  app = await snapshotApp()
  const key = await app.key({ org: 'laurel', role: 'automation' })
  env = { COUNTERSIGN_URL: app.url, COUNTERSIGN_KEY: key.bearer }
  own = snapshotsAs(app, key)
  await own.things.put('thing-1', { title: 'One', token: 'canary-cli-1' })
  await own.things.put('thing-2', { title: 'Two' })
})
afterAll(() => app.close())

const snapshots = (...args: string[]) => finished(start(['snapshots', ...args], env))

/** Takes what is asked for meanwhile, as the jobs of a server would. */
async function whileTaking<T>(work: Promise<T>): Promise<T> {
  let done = false
  const taking = (async () => {
    while (!done) {
      const building = (await own.all('')).filter(({ status }) => status === 'building')
      for (const { id } of building) await run(app, 'laurel', id)
    }
  })()
  try {
    return await work
  } finally {
    done = true
    await taking
  }
}

test('[SN-12] create waits until it is taken, list and show tell what there is', async () => {
  const made = await whileTaking(snapshots('create', '--name', 'Before', '--type', 'thing', '--days', '3'))
  expect([made.code, made.stderr]).toEqual([0, ''])
  const [, id] = made.stdout.match(/^(snapshot-[0-9a-f]{16}): 2 configurations\n$/)!
  expect((await snapshots('list')).stdout).toMatch(new RegExp(`${id} +Before +ready +2 +20`))
  const shown = await snapshots('show', id!, '--json')
  expect(JSON.parse(shown.stdout)).toMatchObject({ id, selection: { types: ['thing'] }, items: 2 })
  const single = await whileTaking(
    snapshots('create', '--name', 'One', '--resource', 'thing:thing-2', '--json'),
  )
  expect(JSON.parse(single.stdout)).toMatchObject({ items: 1 })
})

test('[SN-12] diff tells what changed since, and never a secret', async () => {
  const { id } = await own.take()
  expect((await snapshots('diff', id)).stdout).toBe('Nothing changed.\n')
  await own.things.put('thing-1', { title: 'Uno', token: 'canary-cli-2' })
  await own.things.patch('thing-2', { token: 'canary-cli-3' })
  await own.things.put('thing-3', { title: 'Three' })
  const told = await snapshots('diff', id, '--fields')
  expect(told.stdout).toBe(
    '~ thing thing-1\n    /title changed from "One" to "Uno"\n* thing thing-2 (secrets)\n+ thing thing-3\n',
  )
  expect((await snapshots('diff', id, '--against', (await own.take()).id)).stdout).toContain(
    '+ thing thing-3',
  )
  const removed = await snapshots('remove', id)
  expect([removed.code, removed.stdout]).toEqual([0, `Removed ${id}.\n`])
  const gone = await snapshots('diff', id)
  expect([gone.code, gone.stderr]).toEqual([1, expect.stringContaining('not-found')])
})

test('[SN-12] schedules are set, listed and removed', async () => {
  const set = await snapshots('schedule', 'nightly', '--name', 'Nightly', '--every', '12', '--keep', '5')
  expect([set.code, set.stdout]).toEqual([0, expect.stringContaining('every_hours: 12')])
  expect((await snapshots('schedules')).stdout).toMatch(/nightly +Nightly +12 h +5 +20/)
  expect((await snapshots('unschedule', 'nightly')).stdout).toBe('Removed nightly.\n')
  const wrong = await snapshots('schedule', 'nightly', '--name', 'Nightly', '--every', 'often')
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('often is not a number above 0')])
})
