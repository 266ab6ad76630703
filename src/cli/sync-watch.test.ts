import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { commandApp } from '../../test/config-sync/commands.ts'
import { type SyncApp, settled } from '../../test/config-sync/operations.ts'
import { finished, start } from '../../test/harness/command.ts'

/** Processes of the program, beside other tests. */
vi.setConfig({ testTimeout: 120_000 })

let app: Awaited<ReturnType<typeof commandApp>>
let world: SyncApp

beforeAll(async () => {
  app = await commandApp()
  world = app.world
})
afterAll(() => app.close())

/** A way to the server that can be closed. */
async function way(port = 0): Promise<{ url: string; port: number; close(): Promise<void> }> {
  const { hostname, port: real } = new URL(world.app.url)
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    const on = connect(Number(real), hostname)
    for (const each of [socket, on]) {
      sockets.add(each)
      each.on('error', () => {})
    }
    socket.pipe(on).pipe(socket)
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  const { port: at } = server.address() as { port: number }
  return {
    ...{ url: `http://127.0.0.1:${at}`, port: at },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

describe('watching', () => {
  /** A job that stands still until the workers are there again. */
  async function standing(name: string): Promise<string> {
    await app.forms.put(name, { key: name, name })
    const id = await app.plan(name)
    await world.jobs.stop()
    return (await app.json(['apply', id, '--yes'])).body.id
  }

  /** What a process has said on standard output so far. */
  function said(child: ReturnType<typeof start>): { text: string; until(part: string): Promise<void> } {
    const all = { text: '' }
    child.stdout?.on('data', (chunk) => {
      all.text += chunk
    })
    const until = (part: string) => vi.waitFor(() => expect(all.text).toContain(part), { timeout: 30_000 })
    return Object.assign(all, { until })
  }

  test('[CLI-10] Ctrl-C ends the watching only, with 130, and says how to go on or stop', async () => {
    const id = await standing('watched')
    const child = start(['sync', 'status', id, '--watch'], app.environment())
    const ending = finished(child)
    await said(child).until('0/1')
    child.kill('SIGINT')
    const { code, stderr } = await ending
    expect([code, stderr]).toEqual([
      130,
      expect.stringContaining(`stop it with "countersign sync cancel ${id}"`),
    ])
    await world.work()
    expect((await settled(world.sandbox, id)).status).toBe('succeeded')
  })

  test('[CLI-10] a server may be away for a while; one that stays away ends it with 4', async () => {
    const id = await standing('away')
    const first = await way()
    const env = { COUNTERSIGN_URL: first.url }
    const child = start(['sync', 'status', id, '--watch', '--patience', '30'], app.environment({ env }))
    const ending = finished(child)
    const heard = said(child)
    await heard.until('0/1')
    await first.close()
    await heard.until('No answer; trying again.')
    const second = await way(first.port)
    await world.work()
    expect(await ending).toMatchObject({ code: 0, stdout: expect.stringContaining('1 created of 1') })
    const other = await standing('gone')
    const leaving = start(['sync', 'status', other, '--watch', '--patience', '1'], app.environment({ env }))
    const left = finished(leaving)
    await said(leaving).until('0/1')
    await second.close()
    const { code, stderr } = await left
    expect([code, stderr]).toEqual([4, expect.stringContaining('No Countersign answers')])
    await world.work()
    for (const args of [['status', id], ['plan', 'form/away', '--to', 'live'], ['list'], ['cancel', id]])
      expect((await app.json(args, { env: { COUNTERSIGN_URL: 'http://127.0.0.1:1' } })).code).toBe(4)
  })

  test('[CLI-10] --json makes it lines of events, and of the job at the end', async () => {
    await app.forms.put('lines', { key: 'lines', name: 'Lines' })
    const id = await app.plan('lines')
    const { code, stdout } = await app.sync(['apply', id, '--yes', '--watch', '--json'])
    expect(code).toBe(0)
    const told = stdout
      .trimEnd()
      .split('\n')
      .map((each) => JSON.parse(each))
    const { job } = told.at(-1)
    expect(job).toMatchObject({ status: 'succeeded', of_job: id })
    const events = told.slice(0, -1).map(({ event }) => event)
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1))
    const read = await app.json(['events', job.id])
    expect(read.body.results).toEqual(events)
    const rest = await app.json(['events', job.id, '--after', '1', '--limit', '1'])
    expect(rest.body.results).toEqual(events.slice(1, 2))
    const text = await app.sync(['events', job.id, '--watch'])
    expect([text.code, text.stdout]).toEqual([0, expect.stringMatching(/finalize .*ended succeeded$/m)])
  })

  test('[CLI-10] a reader that has enough is no defect', async () => {
    const id = await standing('piped')
    const child = start(['sync', 'status', id, '--watch'], app.environment())
    const ending = finished(child)
    await said(child).until('0/1')
    child.stdout?.destroy()
    expect((await app.sync(['cancel', id])).code).toBe(0)
    const { code, stderr } = await ending
    // it may learn of the reader or of the end of the job first
    expect([1, 130]).toContain(code)
    expect(stderr).not.toContain('EPIPE')
    await world.work()
    const listing = start(['sync', 'list'], app.environment())
    listing.stdout?.destroy()
    expect(await finished(listing)).toMatchObject({ code: 0, stderr: '' })
  })
})
