import type { Queryable } from '../db/pool.ts'
import { findRoom } from './store.ts'

/** What others that link to a live event may know of it: undefined when there is none of this id. */
export async function linkedEvent(
  db: Queryable,
  org: string,
  id: string,
): Promise<{ id: string; title: string; isPublic: boolean } | undefined> {
  const event = await findRoom(db, org, id)
  if (!event) return undefined
  const isPublic = event.status !== 'draft' && event.status !== 'cancelled'
  return { id: event.id, title: event.title, isPublic }
}
