import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { isAlive, postmasterOf } from './process.ts'

export const MAJOR = '18'

/** Where clusters live that root's unprivileged PostgreSQL could not reach in their data folder. */
export const ELSEWHERE = '/var/lib/countersign'

export const noteOf = (dataDir: string): string => path.join(dataDir, 'postgres-location')

/** 1 h: nobody is still about to start on a temporary folder of that age. */
const ABANDONED_MS = 3_600_000

/** A new data folder in the machine's temporary folder, for demonstrations and tests. Removes abandoned ones. */
export function temporaryDataFolder(prefix: string): string {
  for (const name of readdirSync(os.tmpdir()))
    if (name.startsWith(prefix)) sweep(path.join(os.tmpdir(), name))
  const folder = mkdtempSync(path.join(os.tmpdir(), prefix))
  // root's PostgreSQL runs as another user, who must be able to pass through
  if (process.getuid?.() === 0) chmodSync(folder, 0o711)
  return folder
}

/** Removes what a killed process left, unless its PostgreSQL lives. */
function sweep(folder: string): void {
  try {
    const data = path.join(realpathSync(folder), `pg${MAJOR}`)
    if (Date.now() - statSync(folder).mtimeMs < ABANDONED_MS || postmasterOf({ data })) return
    removeDataFolder(folder)
  } catch {
    // another user's, or another process is removing it
  }
}

/** Removes a data folder with its cluster, wherever that is. Its PostgreSQL must have stopped. */
export function removeDataFolder(dataDir: string): void {
  const note = noteOf(dataDir)
  if (existsSync(note)) {
    const home = path.resolve(readFileSync(note, 'utf8').trim())
    if (path.dirname(home) === ELSEWHERE) rmSync(home, { recursive: true, force: true })
  }
  rmSync(dataDir, { recursive: true, force: true })
}

/** A new folder beside `target`, to be filled and renamed to it: a crash leaves nothing or all of it. */
export function partialFolder(target: string): string {
  sweepPartials(target)
  return mkdtempSync(`${target}.partial-${process.pid}-`)
}

/** Removes what killed processes left half made. A pid of ours is from before us: in containers they repeat. */
function sweepPartials(target: string): void {
  const prefix = `${path.basename(target)}.partial-`
  mkdirSync(path.dirname(target), { recursive: true })
  for (const name of readdirSync(path.dirname(target))) {
    if (!name.startsWith(prefix)) continue
    const pid = Number.parseInt(name.slice(prefix.length), 10)
    if (pid === process.pid || !isAlive(pid))
      rmSync(path.join(path.dirname(target), name), { recursive: true, force: true })
  }
}
