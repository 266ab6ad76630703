import type { z } from 'zod'
import type { WORK_KINDS, WorkLogData } from '../records.ts'

/** An entry of the work log; nothing of it is private. */
export type WorkEntry = {
  id: string
  title: string
  summary: string
  kind: (typeof WORK_KINDS)[number]
  url: string | null
  occurredAt: Date
}

/** Who an entry comes from: people, or what happened to a thing of theirs. */
export type Origin = 'people' | 'live-event' | 'catalog-item'

/** Of a live event, what the work log may tell of it. */
export type PublicEvent = { id: string; title: string; status: string; startsAt: Date | null }

/** The statuses that guests see. */
const PUBLIC = ['scheduled', 'live', 'ended']

/** The entry's id: with a colon, so that it is none that people choose. */
export const eventEntryId = (eventId: string): string => `live-event:${eventId}`

/** What the work log says of an event; undefined where guests do not see it. */
export function entryOfEvent(event: PublicEvent, now: Date): WorkEntry | undefined {
  if (!PUBLIC.includes(event.status)) return undefined
  return {
    id: eventEntryId(event.id),
    title: event.title,
    summary: summaryOf(event),
    kind: 'live-event',
    url: null,
    occurredAt: now,
  }
}

function summaryOf({ status, startsAt }: PublicEvent): string {
  if (status === 'live') return 'Live now.'
  if (status === 'ended') return 'Ended.'
  return startsAt ? `Scheduled for ${startsAt.toISOString()}.` : 'Scheduled.'
}

/** Of an item of the catalog, what the work log may tell of it. */
export type PublicItem = {
  sourceKind: string
  key: string
  title: string
  /** Guests see it, and can buy it. */
  offered: boolean
  /** As people read it. */
  price: string
}

export const itemEntryId = ({ sourceKind, key }: PublicItem): string => `${sourceKind}:${key}`

/** What the work log says of an item; undefined where guests do not see it. */
export function entryOfItem(item: PublicItem, now: Date): WorkEntry | undefined {
  if (!item.offered) return undefined
  return {
    id: itemEntryId(item),
    title: item.title,
    summary: `Offered at ${item.price}.`,
    kind: item.sourceKind === 'membership-tier' ? 'membership' : 'shop',
    url: null,
    occurredAt: now,
  }
}

/** Whether two entries say the same of what happened, whenever that was. */
export const saysTheSame = (a: WorkEntry, b: WorkEntry): boolean =>
  a.title === b.title && a.summary === b.summary && a.kind === b.kind && a.url === b.url

export const presentWork = ({
  id,
  title,
  summary,
  kind,
  url,
  occurredAt,
}: WorkEntry): z.infer<typeof WorkLogData> => ({
  id,
  title,
  summary,
  kind,
  url,
  occurredAt: occurredAt.toISOString(),
})
