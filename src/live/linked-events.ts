import type { Queryable } from '../db/pool.ts'
import { statusesOf } from './store.ts'

/** What others that link to live events may know of them: which of these there are, and whether all may see it. */
export async function linkedEvents(
  db: Queryable,
  org: string,
  ids: readonly string[],
): Promise<Map<string, { isPublic: boolean }>> {
  const found = ids.length === 0 ? [] : await statusesOf(db, org, ids)
  return new Map(
    found.map(({ id, status }) => [id, { isPublic: status !== 'draft' && status !== 'cancelled' }]),
  )
}
