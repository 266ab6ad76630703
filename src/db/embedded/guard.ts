import { execFileSync, spawn } from 'node:child_process'
import { closeSync, constants, existsSync, openSync, writeSync } from 'node:fs'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'

/** A process's share in the running PostgreSQL; it ends with the process, however that ends. */
export type Share = { release(): void }

const fifoOf = (run: string): string => path.join(run, 'holders')

/**
 * Takes a share. Every process on the data folder holds a named pipe open for writing; a guard (`cat` on its reading
 * end) sees end-of-file when the last one is gone, killed or not, and stops PostgreSQL. Undefined when no guard reads.
 */
export function takeShare(run: string): Share | undefined {
  let descriptor: number
  try {
    descriptor = openSync(fifoOf(run), constants.O_WRONLY | constants.O_NONBLOCK)
  } catch (error) {
    if (['ENXIO', 'ENOENT'].includes(String((error as NodeJS.ErrnoException).code))) return undefined
    throw error
  }
  try {
    // a guard that is just leaving has closed its end by now: EPIPE
    writeSync(descriptor, '.')
  } catch {
    closeSync(descriptor)
    return undefined
  }
  return { release: () => closeSync(descriptor) }
}

/** Starts the guard of the PostgreSQL with this pid and takes the first share. */
export async function startGuard(run: string, pid: number): Promise<Share> {
  const fifo = fifoOf(run)
  if (!existsSync(fifo))
    try {
      execFileSync('mkfifo', ['-m', '600', fifo], { stdio: 'ignore' })
    } catch (error) {
      if (!existsSync(fifo)) throw error
    }
  // fast shutdown (SIGINT): open transactions are rolled back, the data files are left clean
  const script = 'cat <"$0" >/dev/null; kill -INT "$1" 2>/dev/null'
  const guard = spawn('/bin/sh', ['-c', script, fifo, String(pid)], {
    detached: true,
    stdio: 'ignore',
    cwd: '/',
  })
  guard.unref()
  for (let attempt = 0; attempt < 200; attempt++) {
    const share = takeShare(run)
    if (share) return share
    await setTimeout(10)
  }
  throw new Error('the guard of the embedded PostgreSQL did not start')
}
