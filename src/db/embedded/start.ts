import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import pg from 'pg'
import type { Logger } from 'pino'
import { binaries } from './binaries.ts'
import { type Cluster, ensureCluster, locateCluster, postmasterPid, refuseOtherMajor } from './cluster.ts'
import { type Share, startGuard, takeShare } from './guard.ts'
import { isPostgres, ownerForRoot } from './owner.ts'

export type Embedded = {
  connection: pg.ClientConfig
  /** Whether PostgreSQL was running already (another process's, or left by a killed one). */
  adopted: boolean
  /** Gives this process's share back; the last one stops PostgreSQL, which is waited for at most 4 s. */
  stop(): Promise<void>
}

/** 120 s: recovery after a crash may replay a gigabyte of log. */
const START_DEADLINE_MS = 120_000
const STOP_DEADLINE_MS = 4_000

/**
 * Starts or joins the PostgreSQL of a data folder: on a socket in a private folder, never on the network. Safe to call
 * from several processes at once, and after any of them was killed.
 */
export async function startEmbedded(dataDir: string, log: Logger): Promise<Embedded> {
  const owner = ownerForRoot()
  const cluster = locateCluster(path.resolve(dataDir), owner)
  refuseOtherMajor(cluster)
  const bin = binaries(owner, cluster.home)
  ensureCluster(cluster, bin)
  const deadline = Date.now() + START_DEADLINE_MS
  while (Date.now() < deadline) {
    const joined = await join(cluster)
    if (joined) return embedded(cluster, joined, true)
    const started = await launch(cluster, bin, deadline)
    if (started) return embedded(cluster, started, false)
    log.debug('another process is starting or stopping the embedded PostgreSQL')
    await setTimeout(50 + Math.random() * 100)
  }
  throw new Error(`The embedded PostgreSQL did not start: ${lastLines(cluster)}`)
}

/** Joins a running PostgreSQL; one whose guard was killed gets a new guard. */
async function join(cluster: Cluster): Promise<Share | undefined> {
  if (!(await answers(cluster))) return undefined
  const share = takeShare(cluster.run)
  if (share) {
    if (await answers(cluster)) return share
    share.release()
    return undefined
  }
  const pid = postmasterPid(cluster)
  if (!pid || !isPostgres(pid)) return undefined
  // its guard may just be stopping it; only one that goes on answering was orphaned
  await setTimeout(300)
  return (await answers(cluster)) ? startGuard(cluster.run, pid) : undefined
}

/** Small machines first: the working set of a control plane is small; WAL and commits stay fully durable. */
const SETTINGS = [
  'shared_buffers=64MB',
  'max_connections=120',
  'wal_compression=on',
  'max_wal_size=512MB',
  'log_min_messages=warning',
]

/** Starts PostgreSQL; undefined when another process holds the cluster, which is for the caller to join. */
async function launch(cluster: Cluster, bin: string, deadline: number): Promise<Share | undefined> {
  const { data, run, home, owner } = cluster
  removeStaleLocks(cluster)
  const log = openSync(path.join(home, 'postgres.log'), 'a', 0o600)
  const options = [
    '-D',
    data,
    '-p',
    String(cluster.connection.port),
    '-c',
    'listen_addresses=',
    '-c',
    `unix_socket_directories=${run}`,
  ]
  const settings = [...SETTINGS, 'unix_socket_permissions=0700'].flatMap((setting) => ['-c', setting])
  const child = spawn(path.join(bin, 'postgres'), [...options, ...settings], {
    ...owner,
    detached: true,
    stdio: ['ignore', log, log],
    cwd: '/',
  })
  closeSync(log)
  let ended = false
  child.once('exit', () => {
    ended = true
  })
  child.once('error', () => {
    ended = true
  })
  child.unref()
  while (!ended && Date.now() < deadline) {
    if ((await answers(cluster)) && postmasterPid(cluster) === child.pid)
      return startGuard(run, child.pid as number)
    await setTimeout(15)
  }
  return undefined
}

/** Removes lock files that name no living PostgreSQL: after a crash their pid may belong to anybody. */
function removeStaleLocks(cluster: Cluster): void {
  const socketLock = path.join(cluster.run, `.s.PGSQL.${cluster.connection.port}.lock`)
  for (const file of [path.join(cluster.data, 'postmaster.pid'), socketLock]) {
    if (!existsSync(file)) continue
    const pid = Number.parseInt(readFileSync(file, 'utf8'), 10)
    if (!(pid > 0) || !isPostgres(pid)) rmSync(file, { force: true })
  }
}

/** Whether the PostgreSQL on our socket answers, and is that of our data folder. */
async function answers({ connection, data }: Cluster): Promise<boolean> {
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

function embedded(cluster: Cluster, share: Share, adopted: boolean): Embedded {
  return {
    connection: cluster.connection,
    adopted,
    async stop() {
      const others = await otherClients(cluster)
      share.release()
      const deadline = Date.now() + STOP_DEADLINE_MS
      while (!others && postmasterPid(cluster) !== undefined && Date.now() < deadline) await setTimeout(10)
    },
  }
}

/** Whether somebody else is connected, so that PostgreSQL stays when we leave. */
async function otherClients({ connection }: Cluster): Promise<boolean> {
  const client = new pg.Client({ ...connection, connectionTimeoutMillis: 1_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query(
      "SELECT 1 FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() LIMIT 1",
    )
    return rows.length > 0
  } catch {
    return false
  } finally {
    await client.end().catch(() => {})
  }
}

function lastLines({ home }: Cluster): string {
  try {
    return readFileSync(path.join(home, 'postgres.log'), 'utf8').split('\n').slice(-6).join(' | ')
  } catch {
    return 'no log'
  }
}
