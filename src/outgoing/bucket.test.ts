import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bucket, LONGEST_PAUSE_MS, Paused } from './bucket.ts'

/** A clock that moves from one alarm to the next. */
function fakeClock() {
  let time = 0
  let alarms: { at: number; run: () => void }[] = []
  return {
    now: () => time,
    after(ms: number, run: () => void) {
      const alarm = { at: time + ms, run }
      alarms.push(alarm)
      return () => {
        alarms = alarms.filter((each) => each !== alarm)
      }
    },
    /** Runs whatever is due until then. */
    async until(end: number) {
      for (;;) {
        const [first] = alarms.filter(({ at }) => at <= end).sort((left, right) => left.at - right.at)
        if (!first) break
        alarms = alarms.filter((each) => each !== first)
        time = Math.max(time, first.at)
        first.run()
        await settled()
      }
      time = Math.max(time, end)
    },
  }
}

/** Whatever was resolved has run on. */
const settled = async () => {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve()
}

const FOR_EVER = 1e9

test('[CN-1] no second has more turns than the limit allows, and nobody waits longer than for that', async () => {
  const rates = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.double({ min: 0.1, max: 20, noNaN: true }))
  const pauses = fc.array(fc.oneof(fc.constant(0), fc.nat(1_500)), { minLength: 1, maxLength: 80 })
  await fc.assert(
    fc.asyncProperty(rates, pauses, async (perSecond, between) => {
      const clock = fakeClock()
      const limited = bucket({ perSecond, concurrency: 1_000 }, clock)
      const asked: number[] = []
      const turns: number[] = []
      for (const ms of between) {
        await clock.until(clock.now() + ms)
        asked.push(clock.now())
        void limited.take().then(() => turns.push(clock.now()))
        await settled()
      }
      await clock.until(FOR_EVER)
      const window = perSecond < 1 ? 1000 / perSecond : 1000
      const most = Math.max(1, Math.floor(perSecond))
      for (const [index, start] of turns.entries())
        expect(turns.slice(index).filter((at) => at < start + window).length).toBeLessThanOrEqual(most)
      // each comes as soon as that allows, in the order of asking
      const soonest: number[] = []
      for (const [index, at] of asked.entries())
        soonest.push(Math.max(at, soonest.at(-1) ?? 0, (soonest[index - most] ?? -window) + window))
      expect(turns).toEqual(soonest)
    }),
  )
})

test('[CN-1] no more are under way at once than the place bears', async () => {
  const clock = fakeClock()
  const limited = bucket({ concurrency: 2 }, clock)
  const releases: (() => void)[] = []
  for (let index = 0; index < 5; index++) void limited.take().then((release) => releases.push(release))
  await settled()
  expect(releases).toHaveLength(2)
  releases[0]?.()
  // a slot is given back once
  releases[0]?.()
  await settled()
  expect(releases).toHaveLength(3)
})

test('[CN-1] who gives up leaves at once and lets the next through', async () => {
  const clock = fakeClock()
  const limited = bucket({ perSecond: 1, concurrency: 10 }, clock)
  const order: number[] = []
  const stop = new AbortController()
  const taken = [0, 1, 2].map((index) =>
    limited.take(index === 1 ? stop.signal : undefined).then(() => order.push(index)),
  )
  stop.abort(new Error('gave up'))
  await expect(taken[1]).rejects.toThrow('gave up')
  await clock.until(1_000)
  expect(order).toEqual([0, 2])
  await expect(limited.take(AbortSignal.abort(new Error('before')))).rejects.toThrow('before')
})

test('[CN-1] a pause holds everybody until it is over, without a known limit too', async () => {
  for (const perSecond of [5, undefined]) {
    const clock = fakeClock()
    const limited = bucket({ perSecond, concurrency: 10 }, clock)
    limited.pause(5_000)
    limited.pause(1_000)
    let at = 0
    void limited.take().then(() => {
      at = clock.now()
    })
    await clock.until(FOR_EVER)
    expect(at).toBe(5_000)
  }
})

test('[CN-4] nobody waits through a pause of hours: whoever waits is told when it ends', async () => {
  const clock = fakeClock()
  const limited = bucket({ perSecond: 1, concurrency: 10 }, clock)
  await limited.take()
  const waiting = limited.take().catch((error) => error)
  limited.pause(LONGEST_PAUSE_MS + 3_600_000)
  for (const told of [await waiting, await limited.take().catch((error) => error)]) {
    expect(told).toBeInstanceOf(Paused)
    expect(Number((told as Paused).retryAt)).toBeGreaterThan(Date.now() + 3_500_000)
  }
})
