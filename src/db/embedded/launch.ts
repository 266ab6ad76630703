import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import pg from 'pg'
import { type Cluster, serverEnvironment } from './cluster.ts'
import { fifoOf, makeFifo, type Share, startGuard } from './guard.ts'
import { isAlive, lockedBy, mayHavePostgres, postmasterOf } from './process.ts'

/** Small machines first: the working set of a control plane is small; WAL and commits stay fully durable. */
const SETTINGS = [
  'listen_addresses=',
  'unix_socket_permissions=0700',
  'shared_buffers=64MB',
  'max_connections=120',
  'wal_compression=on',
  'max_wal_size=512MB',
  'timezone=UTC',
  'log_timezone=UTC',
  // its own life only: errors of statements quote values and texts, and reach their caller anyway
  'log_min_messages=log',
  'log_min_error_statement=panic',
]

/** 5 MB: beyond it the log is put aside once, so that it never fills a disk. */
const LONGEST_LOG = 5_000_000

/** How PostgreSQL says that somebody else is starting, stopping or still running on the directory. */
const BUSY = /lock file ".*" (already exists|is empty)|pre-existing shared memory block|could not bind Unix/

/**
 * Starts PostgreSQL, waits until it answers and gives a share in it. Undefined when another process was faster or the
 * last PostgreSQL is still ending, which is for the caller to wait for. Throws PostgreSQL's own reason if it cannot run.
 */
export async function launch(cluster: Cluster, bin: string, deadline: number): Promise<Share | undefined> {
  removeStaleLocks(cluster)
  makeFifo(fifoOf(cluster.run))
  const log = openLog(cluster)
  const options = ['-D', cluster.data, '-p', String(cluster.connection.port), '-k', cluster.run]
  const child = spawn(
    path.join(bin, 'postgres'),
    [...options, ...SETTINGS.flatMap((setting) => ['-c', setting])],
    {
      ...cluster.owner,
      detached: true,
      stdio: ['ignore', log.descriptor, log.descriptor],
      env: serverEnvironment(),
      cwd: '/',
    },
  )
  // at once: should we be killed while it starts, it does not stay behind
  const share = child.pid === undefined ? undefined : startGuard(cluster, child.pid)
  closeSync(log.descriptor)
  let failed: Error | undefined
  let ended = false
  child.once('error', (error) => {
    failed = error
  })
  child.once('exit', () => {
    ended = true
  })
  child.unref()
  while (!failed && !ended && Date.now() < deadline) {
    if ((await answers(cluster)) && postmasterOf(cluster) === child.pid) return share
    // 15 ms: it starts in about 50
    await setTimeout(15)
  }
  share?.release()
  if (failed) throw new Error(`The embedded PostgreSQL did not start: ${failed.message}`)
  return ended ? busyOrThrow(log.since()) : undefined
}

function busyOrThrow(text: string): undefined {
  if (BUSY.test(text)) return
  throw new Error(
    `The embedded PostgreSQL did not start: ${text.trim().split('\n').slice(-6).join(' | ') || 'it gave no reason'}`,
  )
}

function openLog({ home }: Cluster): { descriptor: number; since(): string } {
  const file = path.join(home, 'postgres.log')
  if (existsSync(file) && statSync(file).size > LONGEST_LOG) renameSync(file, `${file}.1`)
  const start = existsSync(file) ? statSync(file).size : 0
  return {
    descriptor: openSync(file, 'a', 0o600),
    since: () => readFileSync(file).subarray(start).toString(),
  }
}

/**
 * Removes lock files that keep PostgreSQL out although nobody can hold them: their pid was given to another program
 * since, or they are damaged. One whose pid is dead is left to PostgreSQL, which checks for surviving backends first.
 */
function removeStaleLocks(cluster: Cluster): void {
  const files = [
    path.join(cluster.data, 'postmaster.pid'),
    path.join(cluster.run, `.s.PGSQL.${cluster.connection.port}.lock`),
  ].filter((file) => {
    const pid = lockedBy(file)
    return pid !== undefined && (!(pid > 0) || isAlive(pid))
  })
  if (files.length === 0 || postmasterOf(cluster) || mayHavePostgres(cluster.data)) return
  for (const file of files) rmSync(file, { force: true })
}

/** Whether the PostgreSQL on our socket answers, and is that of our data folder. */
export async function answers({ connection, data }: Cluster): Promise<boolean> {
  const client = new pg.Client({ ...connection, connectionTimeoutMillis: 2_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<{ data_directory: string }>('SHOW data_directory')
    return path.resolve(rows[0]?.data_directory ?? '') === path.resolve(data)
  } catch {
    return false
  } finally {
    await client.end().catch(() => {})
  }
}
