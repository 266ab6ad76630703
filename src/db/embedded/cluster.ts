import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type pg from 'pg'
import { giveTo, type Owner, privateFolder, reaches } from './owner.ts'

export const MAJOR = '18'
const PORT = 5432

/** Where a data folder's cluster lives. */
export type Cluster = {
  home: string
  data: string
  run: string
  owner: Owner | undefined
  connection: pg.ClientConfig
}

const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12)

/** 100 bytes is about what a Unix socket's path may have; PostgreSQL appends its own file name. */
const LONGEST_RUN = 80

/**
 * The cluster of a data folder: below it, or, where root's unprivileged PostgreSQL cannot enter it (mode 0700), in
 * /var/lib/countersign, with a note of the place in the data folder. No permission of existing folders is changed.
 */
export function locateCluster(dataDir: string, owner: Owner | undefined): Cluster {
  mkdirSync(dataDir, { recursive: true, mode: owner ? 0o711 : 0o700 })
  const home = owner !== undefined && !reaches(dataDir, owner) ? notedHome(dataDir) : dataDir
  const own = path.join(home, 'run')
  const run =
    Buffer.byteLength(own) > LONGEST_RUN
      ? path.join(os.tmpdir(), `countersign-${hash(path.resolve(dataDir))}`)
      : own
  privateFolder(run, owner)
  return {
    home,
    data: path.join(home, `pg${MAJOR}`),
    run,
    owner,
    connection: { host: run, port: PORT, user: 'countersign', database: 'postgres' },
  }
}

/** The place noted in the data folder; a new one when there is no note, so a removed data folder starts anew. */
function notedHome(dataDir: string): string {
  const note = path.join(dataDir, 'postgres-location')
  try {
    writeFileSync(note, path.join('/var/lib/countersign', randomBytes(8).toString('hex')), { flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const home = readFileSync(note, 'utf8').trim()
  mkdirSync(home, { recursive: true, mode: 0o755 })
  return home
}

/** Refuses another major version's data: an upgrade is a decision. */
export function refuseOtherMajor({ home, data }: Cluster): void {
  if (existsSync(data)) return
  const other = readdirSync(home).find((name) => /^pg\d+$/.test(name))
  if (other)
    throw new Error(
      `${path.join(home, other)} holds data of PostgreSQL ${other.slice(2)}, this release runs ${MAJOR}: export with the old release first.`,
    )
}

/** Makes the cluster once. It is made beside its place and renamed there, so that a crash leaves none or a whole one. */
export function ensureCluster(cluster: Cluster, bin: string): void {
  const { home, data, owner } = cluster
  if (existsSync(data)) return
  sweepPartial(home)
  const partial = privateFolder(`${data}.init-${process.pid}`, owner)
  const options = [
    ...['-D', partial, '-U', 'countersign', '--auth-local=trust', '--auth-host=reject', '--encoding=UTF8'],
    ...[
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--locale=C',
      '--data-checksums',
      '--no-sync',
    ],
  ]
  execFileSync(path.join(bin, 'initdb'), options, { ...owner, stdio: 'pipe', cwd: '/' })
  // one flush of the finished folder instead of one per file
  execFileSync(path.join(bin, 'initdb'), ['--sync-only', '-D', partial], {
    ...owner,
    stdio: 'pipe',
    cwd: '/',
  })
  try {
    renameSync(partial, data)
  } catch (error) {
    rmSync(partial, { recursive: true, force: true })
    if (!existsSync(data)) throw error
  }
  giveTo(data, owner)
}

function sweepPartial(home: string): void {
  for (const name of readdirSync(home)) {
    const pid = Number(/\.init-(\d+)$/.exec(name)?.[1])
    if (!pid) continue
    try {
      process.kill(pid, 0)
    } catch {
      rmSync(path.join(home, name), { recursive: true, force: true })
    }
  }
}

/** The pid that the cluster's lock file names. */
export function postmasterPid({ data }: Pick<Cluster, 'data'>): number | undefined {
  try {
    return Number.parseInt(readFileSync(path.join(data, 'postmaster.pid'), 'utf8'), 10) || undefined
  } catch {
    return undefined
  }
}
