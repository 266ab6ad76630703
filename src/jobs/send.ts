import type { Queryable } from '../db/pool.ts'
import { insertJob } from './store.ts'

/**
 * Asks for a job in the caller's transaction: it is done if and only if that commits, by whichever process works jobs.
 * Answers the job's id. Throws when there is no such job.
 */
export async function enqueue(
  tx: Queryable,
  job: string,
  data: Record<string, unknown>,
  options: { startAfter?: Date } = {},
): Promise<string> {
  const id = await insertJob(tx, { name: job, data, startAfter: options.startAfter ?? null })
  if (id === undefined) throw new Error(`There is no job ${job}.`)
  return id
}
