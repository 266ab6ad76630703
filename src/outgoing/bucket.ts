/** The place asked for a pause that is longer than anybody waits. */
export class Paused extends Error {
  readonly retryAt: Date
  constructor(retryAt: Date) {
    super('The place asked for a pause.')
    this.name = 'Paused'
    this.retryAt = retryAt
  }
}

export type Bucket = {
  /**
   * Waits for a turn and a free slot; answers how to give the slot back. Rejects with the signal's reason when that
   * aborts, and as `Paused` while the place is paused for longer than anybody waits.
   */
  take(signal?: AbortSignal): Promise<() => void>
  /** Nobody's turn comes within so many milliseconds: the place asked for a pause. */
  pause(ms: number): void
}

type Clock = {
  now(): number
  /** Runs it after so many milliseconds; answers how to call that off. */
  after(ms: number, run: () => void): () => void
}

/** Longer ones, which setTimeout does not know, are asked for again. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

const REAL: Clock = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, Math.min(Math.ceil(ms), LONGEST_TIMER_MS))
    return () => clearTimeout(timer)
  },
}

/** A place that asks for a longer pause has its callers decide what to do meanwhile. */
export const LONGEST_PAUSE_MS = 60_000

type Waiter = { grant(): void; refuse(error: unknown): void }

/**
 * A token bucket in which each token comes back one second after it was taken, so that no second ever has more requests
 * than `perSecond` (fractions above one are rounded down; 0.5 is one in two seconds; left out: no limit). No more than
 * `concurrency` are under way at once. Turns come in the order in which they were asked for.
 */
export function bucket(
  { perSecond, concurrency }: { perSecond?: number | undefined; concurrency: number },
  clock: Clock = REAL,
): Bucket {
  const tokens = perSecond === undefined ? 0 : Math.max(1, Math.floor(perSecond))
  const backAfterMs = perSecond === undefined ? 0 : 1000 / Math.min(1, perSecond)
  /** When each token is there again. */
  const backAt = new Array<number>(tokens).fill(Number.NEGATIVE_INFINITY)
  let next = 0
  let underWay = 0
  let closedUntil = Number.NEGATIVE_INFINITY
  let waiting: Waiter[] = []
  let callOff: (() => void) | undefined

  const serve = (): void => {
    callOff?.()
    callOff = undefined
    while (waiting.length > 0 && underWay < concurrency) {
      const now = clock.now()
      const turnAt = Math.max(closedUntil, backAt[next] ?? now)
      if (turnAt > now) {
        callOff = clock.after(turnAt - now, serve)
        return
      }
      if (tokens > 0) {
        backAt[next] = now + backAfterMs
        next = (next + 1) % tokens
      }
      underWay++
      waiting.shift()?.grant()
    }
  }
  const release = () => {
    underWay--
    serve()
  }
  const paused = (): Paused | undefined => {
    const ms = closedUntil - clock.now()
    return ms <= LONGEST_PAUSE_MS ? undefined : new Paused(new Date(Date.now() + ms))
  }
  return {
    async take(signal) {
      signal?.throwIfAborted()
      const closed = paused()
      if (closed) throw closed
      return new Promise((resolve, reject) => {
        const giveUp = () => {
          waiting = waiting.filter((each) => each !== waiter)
          reject(signal?.reason)
        }
        const waiter: Waiter = {
          grant() {
            signal?.removeEventListener('abort', giveUp)
            resolve(once(release))
          },
          refuse(error) {
            signal?.removeEventListener('abort', giveUp)
            reject(error)
          },
        }
        signal?.addEventListener('abort', giveUp, { once: true })
        waiting.push(waiter)
        serve()
      })
    },
    pause(ms) {
      closedUntil = Math.max(closedUntil, clock.now() + ms)
      const closed = paused()
      if (closed) for (const waiter of waiting.splice(0)) waiter.refuse(closed)
      serve()
    },
  }
}

function once(work: () => void): () => void {
  let done = false
  return () => {
    if (done) return
    done = true
    work()
  }
}
