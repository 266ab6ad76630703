/** A wait for the next growth of a log: made before the log is read, so that nothing grows unseen in between. */
export type Wait = {
  /** Whether it was woken before `ms` passed or the client left. */
  within(ms: number, signal: AbortSignal | undefined): Promise<boolean>
}

export type Wakeable = { next(): Wait; end(): void }

/** Turns a listener of a log into waits, for streams that read, send, and wait for more. */
export function wakeable(follow: (listener: () => void) => () => void): Wakeable {
  let wake = () => {}
  const unfollow = follow(() => wake())
  return {
    next() {
      const woken = new Promise<void>((resolve) => {
        wake = resolve
      })
      return { within: (ms, signal) => within(woken, ms, signal) }
    },
    end: unfollow,
  }
}

async function within(woken: Promise<void>, ms: number, signal: AbortSignal | undefined): Promise<boolean> {
  // one that left while we read tells nobody any more
  if (signal?.aborted) return true
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => resolve(false), ms)
  const onAbort = () => resolve(true)
  signal?.addEventListener('abort', onAbort, { once: true })
  void woken.then(() => resolve(true))
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}
