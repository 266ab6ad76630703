import { randomUUID } from 'node:crypto'
import type { Deps } from '../../deps.ts'
import type { Connection } from './connection.ts'
import {
  countPresent,
  dropGone,
  type Joined,
  type Left,
  type RoomPresence,
  renewNode,
  writePresence,
} from './presence-store.ts'

/** 15 s: a node that misses two renewals is dead, and who was there through it is gone. */
const LEASE_MS = 15_000
/** 10 s: a phone that changes its network is back by then and never seemed to leave. */
const GRACE_MS = 10_000

/** Who is in this process's rooms, written for all processes to count. */
export type Presence = {
  joined(connection: Connection): void
  left(connection: Connection): void
  /** Writes what happened since the last beat, and renews the lease where that is due. */
  beat(): Promise<void>
  count(rooms: readonly { org: string; eventId: string }[]): Promise<RoomPresence[]>
  /** Everybody here leaves: the process goes. */
  close(): Promise<void>
}

export function createPresence({ db, clock }: Pick<Deps, 'db' | 'clock'>): Presence {
  const node = randomUUID()
  let joined: Joined[] = []
  let left: Left[] = []
  let renewAt = 0
  let present = 0

  const at = ({ claims: { org, eventId }, id }: Connection) => ({ org, eventId, connection: id, at: clock() })
  const goneBefore = (now: Date) => new Date(now.getTime() - GRACE_MS)

  async function write(): Promise<void> {
    const [came, went] = [joined, left]
    joined = []
    left = []
    try {
      await writePresence(db, node, came, went)
    } catch (error) {
      joined = [...came, ...joined]
      left = [...went, ...left]
      throw error
    }
  }

  async function renew(): Promise<void> {
    const now = clock()
    if (now.getTime() < renewAt || present === 0) return
    await renewNode(db, node, new Date(now.getTime() + LEASE_MS))
    renewAt = now.getTime() + LEASE_MS / 3
    await dropGone(db, { now, goneBefore: goneBefore(now) })
  }

  return {
    joined(connection) {
      present++
      const { person, signedIn } = connection.claims
      joined.push({ ...at(connection), person, signedIn })
    },
    left(connection) {
      present--
      left.push(at(connection))
    },
    async beat() {
      await renew()
      await write()
    },
    count(rooms) {
      const now = clock()
      return countPresent(db, rooms, { now, goneBefore: goneBefore(now) })
    },
    close: write,
  }
}
