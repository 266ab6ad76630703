import { DatabaseSync } from 'node:sqlite'
import { setTimeout } from 'node:timers/promises'

/** SQLITE_BUSY */
const BUSY = 5

/**
 * Runs `work` while no other process runs its own under the same file. Node has no file lock; SQLite's is one that the
 * system takes back when a process ends, however that ends. Undefined when the lock was not free until the deadline.
 */
export async function exclusively<T>(
  file: string,
  deadline: number,
  work: () => Promise<T>,
): Promise<T | undefined> {
  const database = new DatabaseSync(file, { timeout: 0 })
  try {
    while (!taken(database)) {
      if (Date.now() > deadline) return undefined
      await setTimeout(20)
    }
    return await work()
  } finally {
    database.close()
  }
}

function taken(database: DatabaseSync): boolean {
  try {
    database.exec('BEGIN EXCLUSIVE')
    return true
  } catch (error) {
    if ((error as { errcode?: number }).errcode !== BUSY) throw error
    return false
  }
}
