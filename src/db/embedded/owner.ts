import { execFileSync } from 'node:child_process'
import { chownSync, existsSync, lstatSync, mkdirSync, statSync } from 'node:fs'
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

/** Whether the owner can enter every folder down to this one (the nearest that exists), or execute this file. */
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

/**
 * A private folder of the owner (or of us). Refuses one that somebody else has put in its place: in a shared folder
 * such as /tmp that would hand them the socket, and as root a link would hand the owner whatever it points to.
 */
export function privateFolder(folder: string, owner: Owner | undefined): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const { uid, mode } = lstatSync(folder)
  const trusted = [owner?.uid, process.getuid?.()].includes(uid)
  if (!lstatSync(folder).isDirectory() || !trusted || (mode & 0o022) !== 0)
    throw new Error(`${folder} must be a folder that only its owner can write; remove it and start again.`)
  if (owner) chownSync(folder, owner.uid, owner.gid)
  return folder
}
