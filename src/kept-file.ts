import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'

/**
 * The text of a small file that is made once. Of several processes that start together one makes it and all read the
 * same; it appears whole or not at all, since a link to a finished file is what gives it its name.
 */
export function keptFile(file: string, make: () => string, mode: number): string {
  const read = (): string | undefined => {
    try {
      return readFileSync(file, 'utf8').trim()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      return undefined
    }
  }
  const known = read()
  if (known !== undefined) return known
  const partial = `${file}.${process.pid}`
  rmSync(partial, { force: true })
  writeFileSync(partial, make(), { mode, flag: 'wx' })
  try {
    linkSync(partial, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(partial, { force: true })
  }
  return read() as string
}
