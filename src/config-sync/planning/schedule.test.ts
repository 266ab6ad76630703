import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { expected, type Latencies, learn, observed } from './latencies.ts'
import { dispatcher, lowerBound, type Task, topological, upwardRanks } from './schedule.ts'

const graphs = fc
  .array(fc.tuple(fc.array(fc.nat(), { maxLength: 4 }), fc.integer({ min: 1, max: 50 })), {
    minLength: 1,
    maxLength: 40,
  })
  .map((rows) => ({
    tasks: rows.map(
      ([after], index): Task => ({
        after: index === 0 ? [] : [...new Set(after.map((each) => each % index))],
      }),
    ),
    times: rows.map(([, time]) => time),
  }))

type Run = { started: number[]; ended: Map<number, number>; makespan: number; skipped: number[] }

/** Runs tasks on so many slots in virtual time; those of `failing` fail when they end. */
function simulate(tasks: readonly Task[], times: number[], slots: number, failing = new Set<number>()): Run {
  const hands = dispatcher(tasks, upwardRanks(tasks, times))
  const running: { index: number; end: number }[] = []
  const run: Run = { started: [], ended: new Map(), makespan: 0, skipped: [] }
  for (let now = 0; hands.open > 0; ) {
    while (running.length < slots) {
      const index = hands.next()
      if (index === undefined) break
      run.started.push(index)
      for (const before of tasks[index]!.after) expect(run.ended.get(before)).toBeLessThanOrEqual(now)
      running.push({ index, end: now + times[index]! })
    }
    running.sort((a, b) => b.end - a.end)
    const { index, end } = running.pop()!
    now = end
    run.makespan = end
    if (failing.has(index)) run.skipped.push(...hands.failed(index))
    else {
      run.ended.set(index, end)
      hands.done(index)
    }
  }
  return run
}

describe('the schedule', () => {
  test('[SP-3] starts each task once, after all that it waits for, and never beats the bound', () => {
    fc.assert(
      fc.property(graphs, fc.integer({ min: 1, max: 6 }), ({ tasks, times }, slots) => {
        const run = simulate(tasks, times, slots)
        expect([...run.started].sort((a, b) => a - b)).toEqual([...tasks.keys()])
        expect(run.makespan).toBeGreaterThanOrEqual(lowerBound(tasks, times, slots))
        // Graham 1969: no list schedule takes longer than this
        const chain = Math.max(...upwardRanks(tasks, times))
        const work = times.reduce((sum, time) => sum + time, 0)
        expect(run.makespan).toBeLessThanOrEqual(work / slots + chain)
      }),
    )
  })

  test('[SP-4] what waits for a failed task is skipped, once, and everything else is done', () => {
    fc.assert(
      fc.property(graphs, fc.infiniteStream(fc.boolean()), ({ tasks, times }, coins) => {
        const failing = new Set([...tasks.keys()].filter((index) => index % 3 === 0 && coins.next().value))
        const { ended, started, skipped } = simulate(tasks, times, 3, failing)
        const reached = new Set<number>()
        tasks.forEach(({ after }, index) => {
          if (after.some((before) => failing.has(before) || reached.has(before))) reached.add(index)
        })
        expect([...skipped].sort((a, b) => a - b)).toEqual([...reached].sort((a, b) => a - b))
        expect(started.some((index) => reached.has(index))).toBe(false)
        const done = [...tasks.keys()].filter((index) => !reached.has(index) && !failing.has(index))
        expect([...ended.keys()].sort((a, b) => a - b)).toEqual(done)
      }),
    )
  })

  test('[SP-3] of what may start, the longest way to go comes first, also by newer ranks', () => {
    const tasks: Task[] = [{ after: [] }, { after: [] }, { after: [] }, { after: [2] }]
    const hands = dispatcher(tasks, upwardRanks(tasks, [5, 1, 1, 9]))
    expect(hands.next()).toBe(2)
    hands.rank([1, 7, 0, 0])
    expect([hands.next(), hands.next(), hands.next()]).toEqual([1, 0, undefined])
    expect(() => {
      hands.done(1)
      hands.done(1)
    }).toThrow('has ended already')
  })

  test('[SP-3] the bound is the longest chain, the work over the slots, or the rate', () => {
    const tasks: Task[] = [{ after: [] }, { after: [0] }, { after: [] }]
    expect(lowerBound(tasks, [10, 20, 5], 3)).toBe(30)
    expect(lowerBound(tasks, [10, 20, 5], 1)).toBe(35)
    expect(lowerBound(tasks, [10, 20, 5], 3, 10)).toBe(300)
  })

  test('[SP-3] tasks that wait in a circle are refused', () => {
    expect(() => topological([{ after: [1] }, { after: [0] }])).toThrow('circle')
  })
})

describe('latencies', () => {
  test('[SP-5] are learned by kind, of which newer requests count more, and what nobody knows counts as long', () => {
    const latencies: Latencies = new Map()
    expect(expected(latencies, 'tax create')).toBe(1)
    learn(latencies, 'tax create', 100)
    learn(latencies, 'tax create', 200)
    learn(latencies, 'file create', 450)
    expect(expected(latencies, 'tax create')).toBe(150)
    expect(expected(latencies, 'price patch')).toBe(1800)
    for (let request = 0; request < 300; request++) learn(latencies, 'tax create', 1000)
    expect(expected(latencies, 'tax create')).toBeGreaterThan(990)
  })

  test('[SP-5] a request that runs on has shown that its kind takes longer, before it ends', () => {
    const latencies: Latencies = new Map([['tax create', { count: 9, mean: 100 }]])
    const seen = observed(latencies, [
      { kind: 'tax create', ms: 150 },
      { kind: 'file create', ms: 700 },
    ])
    expect([expected(seen, 'tax create'), expected(seen, 'file create')]).toEqual([100, 700])
    expect(expected(observed(latencies, [{ kind: 'tax create', ms: 900 }]), 'tax create')).toBe(900)
    expect(expected(latencies, 'tax create')).toBe(100)
  })
})
