import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bucket, openBucket } from './bucket.ts'

/** A clock that moves only where somebody waits. */
function fakeClock() {
  let time = 0
  return {
    now: () => time,
    wait: async (ms: number, signal: AbortSignal | undefined) => {
      signal?.throwIfAborted()
      time += ms
    },
    advance: (ms: number) => {
      time += ms
    },
  }
}

test('[CN-1] in no second more turns than a second has and one that was saved', async () => {
  const asks = fc.array(fc.nat(3_000), { minLength: 1, maxLength: 80 })
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 20 }), asks, async (perSecond, pauses) => {
      const clock = fakeClock()
      const turns: number[] = []
      const limited = bucket(perSecond, clock)
      for (const pause of pauses) {
        if (pause % 3 === 0) clock.advance(pause)
        await limited.take()
        turns.push(clock.now())
      }
      for (const [index, start] of turns.entries()) {
        const within = turns.slice(index).filter((at) => at < start + 1_000).length
        expect(within).toBeLessThanOrEqual(2 * perSecond)
      }
      // over the whole run it is the rate, and what was saved up before
      const [first = 0, last = 0] = [turns[0], turns.at(-1)]
      expect(turns.length).toBeLessThanOrEqual(perSecond + ((last - first) / 1000) * perSecond + 1.001)
    }),
  )
})

test('[CN-1] turns come in the order in which they were asked for, and who gives up lets the next through', async () => {
  const clock = fakeClock()
  const limited = bucket(1, clock)
  const order: number[] = []
  const gone = new AbortController()
  gone.abort(new Error('gave up'))
  const taken = [0, 1, 2, 3].map((index) =>
    limited.take(index === 1 ? gone.signal : undefined).then(() => order.push(index)),
  )
  await expect(taken[1]).rejects.toThrow('gave up')
  await Promise.all([taken[0], taken[2], taken[3]])
  expect(order).toEqual([0, 2, 3])
})

test('[CN-1] a pause holds everybody until it is over, without a known limit too', async () => {
  for (const make of [(clock: ReturnType<typeof fakeClock>) => bucket(5, clock), openBucket]) {
    const clock = fakeClock()
    const limited = make(clock)
    await limited.take()
    limited.pause(5_000)
    limited.pause(1_000)
    const before = clock.now()
    await limited.take()
    expect(clock.now() - before).toBeGreaterThanOrEqual(5_000)
  }
})
