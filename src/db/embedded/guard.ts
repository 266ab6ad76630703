import { execFileSync, spawn } from 'node:child_process'
import { closeSync, constants, existsSync, openSync, writeSync } from 'node:fs'
import path from 'node:path'
import { type Cluster, serverEnvironment } from './cluster.ts'

/** A process's share in the running PostgreSQL; it ends with the process, however that ends. */
export type Share = { release(): void }

export const fifoOf = (run: string): string => path.join(run, 'holders')

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

/**
 * Waits for the last holder to go, then asks for a fast shutdown (SIGINT): open transactions are rolled back, the data
 * files are left clean. Up to five times, a second apart: a PostgreSQL that has just begun to start can miss the first
 * (seen in one of some hundred such kills). By then the pid may be anybody's, so the command line has to name the data
 * directory. Only `cat` keeps the reading end (3): once it has seen the end, nobody can take a share that holds nothing.
 */
const GUARD = `cat <&3 3<&- >/dev/null & exec 3<&-; wait
for attempt in 1 2 3 4 5; do
kill -0 "$1" || exit
if [ -d /proc/self ]; then command=$(tr '\\0' ' ' <"/proc/$1/cmdline"); else command=$(ps -o command= -p "$1"); fi
case "$command" in *" -D $2 "*) kill -INT "$1" ;; esac
sleep 1
done`

/** Starts the guard of the postmaster with this pid and takes the first share, which it sees from its first moment. */
export function startGuard({ run, data }: Cluster, postmaster: number): Share {
  const fifo = fifoOf(run)
  makeFifo(fifo)
  // opened for both, a pipe waits for nobody; with this in hand, neither does opening one end
  const both = openSync(fifo, constants.O_RDWR)
  const reader = openSync(fifo, constants.O_RDONLY)
  const writer = openSync(fifo, constants.O_WRONLY)
  closeSync(both)
  const guard = spawn('/bin/sh', ['-c', GUARD, fifo, String(postmaster), data], {
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', reader],
    env: serverEnvironment(),
    cwd: '/',
  })
  closeSync(reader)
  // without a guard PostgreSQL outlives us, and the next start gives it one
  guard.once('error', () => {})
  guard.unref()
  return { release: () => closeSync(writer) }
}

/** Made before PostgreSQL is started, so that its guard follows at once. */
export function makeFifo(fifo: string): void {
  if (existsSync(fifo)) return
  try {
    execFileSync('mkfifo', ['-m', '600', fifo], { stdio: 'ignore' })
  } catch (error) {
    if (!existsSync(fifo)) throw error
  }
}
