import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type pg from 'pg'
import { keptFile } from '../../kept-file.ts'
import { ELSEWHERE, MAJOR, noteOf, partialFolder } from './folder.ts'
import { type Owner, privateFolder, reaches } from './owner.ts'

export { postmasterOf } from './process.ts'

const PORT = 5432

/** Where a data folder's cluster lives. */
export type Cluster = {
  home: string
  data: string
  run: string
  owner: Owner | undefined
  connection: pg.ClientConfig
}

/** 100 bytes is about what a Unix socket's path may have; PostgreSQL appends its own file name. */
const LONGEST_RUN = 80

/**
 * The cluster of a data folder: below it, or, where root's unprivileged PostgreSQL cannot enter it (mode 0700), in
 * /var/lib/countersign, with a note of the place in the data folder. No permission of existing folders is changed.
 */
export function locateCluster(dataDir: string, owner: Owner | undefined): Cluster {
  mkdirSync(dataDir, { recursive: true, mode: owner ? 0o711 : 0o700 })
  // one name for one folder, whatever links lead to it: PostgreSQL's processes are known by it
  const home = realpathSync(homeOf(realpathSync(dataDir), owner))
  const own = path.join(home, 'run')
  const run = privateFolder(Buffer.byteLength(own) > LONGEST_RUN ? shortRun(home, owner) : own, owner)
  return {
    home,
    data: path.join(home, `pg${MAJOR}`),
    run,
    owner,
    // said outright, so that PGSSLMODE and its like in the environment change nothing
    connection: {
      host: run,
      port: PORT,
      user: 'countersign',
      database: 'postgres',
      ssl: false,
    },
  }
}

/** The noted place once there is a note, whatever the permissions are by now: the data stays where it was made. */
function homeOf(dataDir: string, owner: Owner | undefined): string {
  const note = noteOf(dataDir)
  if (!existsSync(note)) {
    if (!owner || reaches(dataDir, owner)) return dataDir
    if (existsSync(path.join(dataDir, `pg${MAJOR}`)))
      throw new Error(
        `PostgreSQL cannot enter ${dataDir} any more, which holds its data: allow others to pass through it and the folders above (chmod o+x).`,
      )
  }
  // a random name, so that a data folder made anew in the same place starts empty
  const home = keptFile(note, () => path.join(ELSEWHERE, randomBytes(8).toString('hex')), 0o644)
  if (!existsSync(home)) {
    mkdirSync(home, { recursive: true, mode: 0o711 })
    writeFileSync(path.join(home, 'data-folder'), `${dataDir}\n`)
  }
  return home
}

/** A short place for the socket. Not os.tmpdir(): TMPDIR may differ between the server and a command. */
function shortRun(home: string, owner: Owner | undefined): string {
  const hash = createHash('sha256').update(home).digest('hex').slice(0, 12)
  return owner ? path.join(ELSEWHERE, `run-${hash}`) : `/tmp/countersign-${process.getuid?.()}-${hash}`
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

const INITDB = [
  ...['--username=countersign', '--auth-local=trust', '--auth-host=reject', '--data-checksums', '--no-sync'],
  // the same encoding and order on every machine, whatever LANG says there
  ...['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
]

/** Makes the cluster once. It is made beside its place and renamed there, so that a crash leaves none or a whole one. */
export function ensureCluster({ data, owner }: Cluster, bin: string): void {
  if (existsSync(data)) return
  const partial = privateFolder(partialFolder(data), owner)
  const initdb = (options: string[]) =>
    execFileSync(path.join(bin, 'initdb'), [...options, '-D', partial], {
      ...owner,
      env: serverEnvironment(),
      stdio: 'pipe',
      cwd: '/',
    })
  try {
    initdb(INITDB)
    // one flush of the finished folder instead of one per file
    initdb(['--sync-only'])
    renameSync(partial, data)
  } finally {
    rmSync(partial, { recursive: true, force: true })
  }
}

/** What PostgreSQL's programs are given of our environment: not our secrets. */
export const serverEnvironment = (): NodeJS.ProcessEnv => ({ PATH: process.env.PATH, LC_ALL: 'C' })
