import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Caller, type TestApp, testApp } from '../../test/harness/app.ts'
import { finished, start } from '../../test/harness/command.ts'

/** Processes of the program, beside other tests. */
vi.setConfig({ testTimeout: 60_000 })

let app: TestApp
let owner: Caller
beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  owner = await app.person('laurel', 'owner')
})
afterAll(() => app.close())

const put = (id: string, title: string) =>
  owner.call('PUT', `/api/admin/work-log/${id}`, { title, summary: 'What was done.' })
const tail = (...args: string[]) => start(['feeds', 'tail', ...args], { COUNTERSIGN_URL: app.url })

test('[FD-18] a feed is shown once, or as it grows, over a connection that breaks, with the cursor to go on from', async () => {
  await put('first', 'The \u001b[31mfirst')
  const once = await finished(tail('work-log', '--once'))
  expect([once.code, once.stderr]).toEqual([0, ''])
  expect(once.stdout).toMatch(
    /^\S+Z {2}work-log\.entry\.upsert {2}first {2}The .*first {2}What was done\.\nGo on with --cursor \S+\n$/,
  )
  expect(once.stdout).not.toContain('\u001b')
  const cursor = / --cursor (\S+)/.exec(once.stdout)?.[1] as string

  const growing = tail('work-log', '--cursor', cursor, '--json')
  let shown = ''
  growing.stdout?.on('data', (data) => {
    shown += data
  })
  const keys = () =>
    shown
      .split('\n')
      .filter((line) => line.includes('"key"'))
      .map((line) => JSON.parse(line).key)
  await put('second', 'Second')
  await vi.waitFor(() => expect(keys()).toEqual(['second']), 20_000)
  app.app.server.closeAllConnections()
  await put('third', 'Third')
  await vi.waitFor(() => expect(keys()).toEqual(['second', 'third']), 20_000)
  growing.kill('SIGINT')
  expect((await finished(growing)).code).toBe(0)
  const { nextCursor } = JSON.parse(shown.trimEnd().split('\n').at(-1) as string)
  await put('fourth', 'Fourth')
  await vi.waitFor(async () => {
    const rest = await finished(tail('work-log', '--cursor', nextCursor, '--once'))
    expect(rest.stdout.match(/fourth|third/g)).toEqual(['fourth'])
  }, 20_000)
})

test('[FD-18] what is no feed, and what the caller may not read, is refused', async () => {
  expect((await finished(tail('nothing', '--once'))).code).toBe(1)
  const refused = await finished(tail('findings', '--once'))
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('unauthenticated')])
})
