import type { LogName } from '../db/log-feed.ts'

/** The feeds that there are. */
export const FEEDS = ['work-log', 'findings', 'config-changes'] as const
export type FeedId = (typeof FEEDS)[number]

/** What happened to a key; without data it is gone (a tombstone). `at` is when, by the clock of whoever says so. */
export type FeedEntry = { key: string; type: string; data: object | null; at: Date }

/** The log that followers of a feed are woken by. */
export const feedLog = (feed: FeedId): LogName => `feed/${feed}`

/**
 * A place in a feed: after the entry (xid, seq) or, of a batch, after its first `index` entries. `xid` is a decimal
 * text: it may pass 2^53.
 */
export type Position = { xid: string; seq: number; index: number }

export const START: Position = { xid: '0', seq: 0, index: 0 }

/** Below zero where `a` comes before `b`. A batch half read is before the same one read whole. */
export function comparePositions(a: Position, b: Position): number {
  const xids = BigInt(a.xid) - BigInt(b.xid)
  if (xids !== 0n) return xids < 0n ? -1 : 1
  return a.seq - b.seq || a.index - b.index
}

/** Of several entries of one key the last one. */
export function lastOfKeys(entries: readonly FeedEntry[]): FeedEntry[] {
  const last = new Map<string, FeedEntry>()
  for (const entry of entries) {
    last.delete(entry.key)
    last.set(entry.key, entry)
  }
  return [...last.values()]
}
