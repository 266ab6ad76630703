import { execFileSync } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'

/** The unprivileged user that PostgreSQL runs as when we are root, since it refuses to run as root. */
export type Owner = { uid: number; gid: number }

/** PostgreSQL's own user if the machine has one, else nobody (initdb needs an entry in the user database). */
export function ownerForRoot(): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (flag: string) =>
        Number(execFileSync('id', [flag, name], { stdio: ['ignore', 'pipe', 'ignore'] }))
      return { uid: id('-u'), gid: id('-g') }
    } catch {}
  }
  throw new Error(
    'Embedded PostgreSQL does not run as root and found neither the user postgres nor nobody; run as an ordinary user or set DATABASE_URL.',
  )
}

/** Whether the owner can enter every folder down to this one (the nearest that exists). */
export function reaches(target: string, owner: Owner): boolean {
  let folder = path.resolve(target)
  while (!existsSync(folder)) folder = path.dirname(folder)
  for (let at = folder; ; at = path.dirname(at)) {
    const { mode, uid, gid } = statSync(at)
    const enter = uid === owner.uid ? 0o100 : gid === owner.gid ? 0o010 : 0o001
    if ((mode & enter) === 0) return false
    if (at === path.dirname(at)) return true
  }
}

export function giveTo(folder: string, owner: Owner | undefined): void {
  if (owner) chownSync(folder, owner.uid, owner.gid)
}

/** A private folder of the owner. */
export function privateFolder(folder: string, owner: Owner | undefined): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  giveTo(folder, owner)
  return folder
}

/** Whether a process exists and is a PostgreSQL: a recycled pid or a zombie is none. */
export function isPostgres(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  try {
    if (process.platform !== 'linux')
      return /postgres/.test(execFileSync('ps', ['-o', 'command=', '-p', String(pid)]).toString())
    const state = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]
    return state?.[0] !== 'Z' && /postgres/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
  } catch {
    return false
  }
}
