import type { LogKind, ReadHeads } from './db/log-feed.ts'
import { listRoomHeads } from './live/room/store.ts'
import { listHeads } from './sessions/store.ts'
import { listFeedHeads } from './sync-feeds/store.ts'

/** The logs that readers follow, and how each kind is asked where it ends. */
export const LOGS: Record<LogKind, ReadHeads> = {
  session: listHeads,
  room: listRoomHeads,
  feed: listFeedHeads,
}
