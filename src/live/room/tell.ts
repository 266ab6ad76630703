import type { Context } from '../../operation/define.ts'
import type { LiveEvent } from '../rules.ts'
import { appendEntries, type NewEntry } from './store.ts'

/** What of an event the people in its room are told of when it changes. */
const SETTINGS = ['title', 'chatEnabled', 'subscriberOnly'] as const

/** The entries that a change of an event puts into its room's log. */
export function entriesOf(before: LiveEvent, next: LiveEvent): NewEntry[] {
  const changed = SETTINGS.filter((field) => before[field] !== next[field])
  const entries: NewEntry[] = []
  if (before.status !== next.status)
    entries.push({ kind: 'status', detail: { previous: before.status, status: next.status } })
  if (changed.length > 0)
    entries.push({
      kind: 'settings',
      detail: Object.fromEntries(changed.map((field) => [field, next[field]])),
    })
  return entries
}

/** Puts a change of an event into its room's log, in the transaction that writes it. */
export async function tellRoom(ctx: Context, before: LiveEvent, next: LiveEvent): Promise<void> {
  const entries = entriesOf(before, next)
  if (entries.length === 0) return
  await appendEntries(ctx.db, ctx.org, next.id, entries, ctx.now)
  ctx.touched.add(`room/${next.id}`)
}
