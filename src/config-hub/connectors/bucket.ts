import { setTimeout as sleep } from 'node:timers/promises'

export type Bucket = {
  /** Waits for a turn. Rejects with the signal's reason when that aborts. */
  take(signal?: AbortSignal): Promise<void>
  /** Nobody's turn comes within so many milliseconds: the target asked for a pause. */
  pause(ms: number): void
}

type Clock = { now(): number; wait(ms: number, signal: AbortSignal | undefined): Promise<void> }

const REAL: Clock = {
  now: () => performance.now(),
  wait: async (ms, signal) => void (await sleep(ms, undefined, signal ? { signal } : {})),
}

/**
 * A token bucket: `perSecond` turns a second, of which as many as come in one second may have been saved up. Turns come
 * in the order in which they were asked for.
 */
export function bucket(perSecond: number, clock: Clock = REAL): Bucket {
  const capacity = Math.max(1, perSecond)
  let tokens = capacity
  let at = clock.now()
  let closedUntil = 0
  let last: Promise<unknown> = Promise.resolve()
  const turn = async (signal: AbortSignal | undefined): Promise<void> => {
    for (;;) {
      signal?.throwIfAborted()
      const now = clock.now()
      tokens = Math.min(capacity, tokens + ((now - at) / 1000) * perSecond)
      at = now
      if (now >= closedUntil && tokens >= 1) {
        tokens--
        return
      }
      await clock.wait(Math.max(closedUntil - now, ((1 - tokens) / perSecond) * 1000, 1), signal)
    }
  }
  return {
    take(signal) {
      const mine = last.then(() => turn(signal))
      // whoever gives up lets the next one through
      last = mine.catch(() => {})
      return mine
    },
    pause(ms) {
      closedUntil = Math.max(closedUntil, clock.now() + ms)
    },
  }
}

/** Where no limit is known: nobody waits, but while the place asked for a pause. */
export const openBucket = (clock: Clock = REAL): Bucket => bucket(UNLIMITED, clock)
const UNLIMITED = 1_000_000
