import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'

const LINUX = process.platform === 'linux'

/** The command line of a living process; undefined when there is none (a zombie has ended too). */
function commandOf(pid: number): string | undefined {
  try {
    if (!LINUX) return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { stdio: 'pipe' }).toString()
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ') || undefined
  } catch {
    return undefined
  }
}

export const isAlive = (pid: number): boolean => commandOf(pid) !== undefined

/** Whether this process is the postmaster of this data directory: a recycled pid is none, even another PostgreSQL's. */
export function isPostmaster(pid: number, data: string): boolean {
  const command = commandOf(pid)
  return command !== undefined && /postgres/.test(command) && command.includes(`-D ${data} `)
}

/** The pid of the cluster's living postmaster. */
export function postmasterOf({ data }: { data: string }): number | undefined {
  const pid = lockedBy(path.join(data, 'postmaster.pid'))
  return pid && isPostmaster(pid, data) ? pid : undefined
}

/** The pid that a lock file of PostgreSQL names; NaN when it is damaged, undefined when there is no file. */
export function lockedBy(file: string): number | undefined {
  try {
    return Number.parseInt(readFileSync(file, 'utf8'), 10)
  } catch {
    return undefined
  }
}

/**
 * Whether any process of PostgreSQL may live on this data directory. Backends outlive a killed postmaster until their
 * statement ends, and two generations of them on one directory would destroy it; so in doubt there is one.
 */
export function mayHavePostgres(data: string): boolean {
  if (!LINUX)
    return /^postgres: /m.test(execFileSync('ps', ['-axo', 'command='], { stdio: 'pipe' }).toString())
  const { dev, ino } = statSync(data)
  return readdirSync('/proc').some((name) => {
    if (!/^\d+$/.test(name)) return false
    try {
      // every process of PostgreSQL works in its data directory
      const cwd = statSync(`/proc/${name}/cwd`)
      return cwd.dev === dev && cwd.ino === ino
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
      // not ours to see: in a container root may not look at other users' processes
      return /^postgres: /.test(commandOf(Number(name)) ?? '') && !hasPostmaster(Number(name))
    }
  })
}

/** Whether this backend's own postmaster lives; asked when that of our directory does not, so it is another's. */
function hasPostmaster(pid: number): boolean {
  try {
    const parent = /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return / -D /.test(commandOf(Number(parent)) ?? '')
  } catch {
    return true
  }
}
