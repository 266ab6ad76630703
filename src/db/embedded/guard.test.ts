import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Cluster } from './cluster.ts'
import { startGuard, takeShare } from './guard.ts'

let folder: string
const children: ChildProcess[] = []
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'cs-guard-'))
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

const cluster = (): Cluster => ({
  home: folder,
  data: path.join(folder, 'pg18'),
  run: folder,
  owner: undefined,
  connection: {},
})

/** A process with these words on its command line; it ends at the first signal. */
function program(...words: string[]): ChildProcess {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 60_000)', '--', ...words], {
    stdio: 'ignore',
  })
  children.push(child)
  return child
}

/** Resolves when no guard reads any more; a share taken to find out is given back. */
const guardGone = () =>
  vi.waitFor(
    () => {
      const share = takeShare(folder)
      share?.release()
      expect(share).toBeUndefined()
    },
    { timeout: 5_000 },
  )

test('[D-34] the guard stops the postmaster when the last share is released, not before', async () => {
  const postmaster = program('postgres', '-D', cluster().data, '-p', '5432')
  const first = startGuard(cluster(), postmaster.pid as number)
  const second = takeShare(folder)
  first.release()
  const third = takeShare(folder)
  second?.release()
  expect(third).toBeDefined()
  expect(postmaster.signalCode).toBeNull()
  third?.release()
  await vi.waitFor(() => expect(postmaster.signalCode).toBe('SIGINT'), { timeout: 5_000 })
})

test('[D-35] a pid that was given to another program meanwhile is left alone', async () => {
  const innocent = program('postgres', '-D', '/some/other/place', '-p', '5432')
  const signalled = new Promise((resolve) => innocent.once('exit', resolve))
  for (let round = 0; round < 2; round++) {
    const share = startGuard(cluster(), innocent.pid as number)
    share.release()
    // the second guard starts after the first has ended, so after it would have sent its signal
    await guardGone()
  }
  const outcome = await Promise.race([signalled, setTimeout(300, 'left alone')])
  expect(outcome).toBe('left alone')
})
