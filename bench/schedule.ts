import { PGraph } from 'p-graph'
import { expected, type Latencies, learn, observed } from '../src/config-sync/planning/latencies.ts'
import {
  dispatcher,
  lowerBound,
  rankEvery,
  type Task,
  topological,
  upwardRanks,
} from '../src/config-sync/planning/schedule.ts'
import { report } from './measure.ts'

/**
 * Makespan over the lower bound, in virtual time: a task takes as long as it is said to, and nothing else takes any, so
 * the figures are the schedules' own and the same on every machine.
 */
type Workload = { tasks: Task[]; times: Float64Array; kinds: string[] }

const SIZES = [200, 500, 5_000]
const SLOTS = [10, 20]
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]

/** mulberry32 (public domain): small, and the same everywhere. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * Configuration as it hangs together: few things that many refer to, chains of some length, 33 types of which those
 * that make up 8 % of the requests are ten times as slow (files, journeys). A request takes within 50 % of its type's
 * mean.
 */
function workload(seed: number, size: number): Workload {
  const next = random(seed)
  const means = Array.from({ length: 33 }, () => 80 + next() * 240)
  const kinds: string[] = []
  const times = new Float64Array(size)
  const tasks = Array.from({ length: size }, (_, index): Task => {
    const slow = next() < 0.08
    const type = slow ? 30 + Math.floor(next() * 3) : Math.floor(next() * 30)
    kinds.push(`type-${type} create`)
    times[index] = (means[type] as number) * (slow ? 10 : 1) * (0.5 + next())
    const after = new Set<number>()
    const references = index === 0 ? 0 : Math.floor(next() * 4)
    // Zipf-like fan-in for some, what was made shortly before for others: hubs and chains
    for (let reference = 0; reference < references; reference++)
      after.add(
        next() < 0.7 ? Math.floor(index * next() ** 3) : Math.max(0, index - 1 - Math.floor(next() * 40)),
      )
    return { after: [...after] }
  })
  return { tasks, times, kinds }
}

type Start = (index: number) => Promise<void>

/** Runs `schedule` on a clock that jumps to the next end as soon as nothing else can happen. */
async function virtual(
  times: Float64Array,
  schedule: (start: Start, clock: () => number) => Promise<void>,
): Promise<number> {
  let now = 0
  let running: { end: number; finish(): void }[] = []
  const start: Start = (index) =>
    new Promise((finish) => running.push({ end: now + (times[index] as number), finish }))
  let over = false
  const finished = schedule(start, () => now).then(() => {
    over = true
  })
  while (!over) {
    // lets everything run that waits only for what has happened
    await new Promise((resolve) => setImmediate(resolve))
    const end = running.reduce((first, each) => Math.min(first, each.end), Number.POSITIVE_INFINITY)
    if (end === Number.POSITIVE_INFINITY) continue
    now = end
    const ending = running.filter((each) => each.end === end)
    running = running.filter((each) => each.end !== end)
    for (const each of ending) each.finish()
  }
  await finished
  return now
}

/** Takes tasks from `next` with so many slots until all are done. */
async function pool(
  size: number,
  slots: number,
  next: () => number | undefined,
  run: (index: number) => Promise<void>,
) {
  let open = size
  let wake: () => void = () => {}
  await new Promise<void>((resolve) => {
    let free = slots
    wake = () => {
      while (free > 0) {
        const index = next()
        if (index === undefined) return
        free--
        void run(index).then(() => {
          free++
          open--
          if (open === 0) resolve()
          else wake()
        })
      }
    }
    wake()
  })
}

/** Ours: by critical path, with what is known of latencies, learning on the way. */
const ours =
  ({ tasks, times, kinds }: Workload, slots: number, latencies: Latencies) =>
  async (start: Start, clock: () => number) => {
    const since = new Map<number, number>()
    const ranked = () => {
      const running = [...since].map(([index, at]) => ({ kind: kinds[index] as string, ms: clock() - at }))
      const known = observed(latencies, running)
      return upwardRanks(
        tasks,
        kinds.map((kind) => expected(known, kind)),
      )
    }
    const hands = dispatcher(tasks, ranked())
    const every = rankEvery(tasks.length)
    let ended = 0
    await pool(tasks.length, slots, hands.next, async (index) => {
      since.set(index, clock())
      await start(index)
      since.delete(index)
      hands.done(index)
      learn(latencies, kinds[index] as string, times[index] as number)
      if (++ended % every === 0) hands.rank(ranked())
    })
  }

const fifo =
  ({ tasks }: Workload, slots: number) =>
  async (start: Start) => {
    const left = tasks.map(({ after }) => after.length)
    const ready = [...tasks.keys()].filter((index) => left[index] === 0)
    await pool(
      tasks.length,
      slots,
      () => ready.shift(),
      async (index) => {
        await start(index)
        tasks.forEach(({ after }, other) => {
          if (after.includes(index) && --(left[other] as number) === 0) ready.push(other)
        })
      },
    )
  }

/** One level after the other, as promotion in batches does it. */
const levels =
  ({ tasks }: Workload, slots: number) =>
  async (start: Start) => {
    const level = new Map<number, number>()
    for (const index of topological(tasks))
      level.set(
        index,
        1 + Math.max(-1, ...(tasks[index] as Task).after.map((before) => level.get(before) as number)),
      )
    for (const batch of Map.groupBy(tasks.keys(), (index) => level.get(index) as number).values()) {
      const waiting = [...batch]
      await pool(waiting.length, slots, () => waiting.shift(), start)
    }
  }

const pGraph =
  ({ tasks }: Workload, slots: number) =>
  async (start: Start) => {
    const nodes = new Map(tasks.map((_, index) => [String(index), { run: () => start(index) }]))
    const edges = tasks.flatMap(({ after }, index) =>
      after.map((before): [string, string] => [String(before), String(index)]),
    )
    await new PGraph(nodes, edges).run({ concurrency: slots })
  }

const average = (ratios: readonly number[]): number =>
  ratios.reduce((sum, each) => sum + each, 0) / ratios.length
const round3 = (value: number): number => Math.round(value * 1000) / 1000

/** Ours, warm and cold, next to the others on the same graphs; the worst and the mean of ten seeds. */
export async function schedule(): Promise<void> {
  console.log('schedule: makespan over its lower bound, virtual time, 10 seeded graphs each')
  const mean = { warm: 0, cold: 0 }
  for (const size of SIZES)
    for (const slots of SLOTS) {
      const all: Record<string, number[]> = {}
      for (const seed of SEEDS) {
        const work = workload(seed, size)
        const bound = lowerBound(work.tasks, work.times, slots)
        const measure = async (name: string, run: Parameters<typeof virtual>[1]) => {
          all[name] ??= []
          all[name].push((await virtual(work.times, run)) / bound)
        }
        const latencies: Latencies = new Map()
        await measure('cold', ours(work, slots, latencies))
        await measure('warm', ours(work, slots, latencies))
        await measure('levels', levels(work, slots))
        await measure('fifo', fifo(work, slots))
        await measure('p-graph', pGraph(work, slots))
      }
      const line = Object.entries(all).map(([name, ratios]) => [
        name,
        { mean: round3(average(ratios)), worst: round3(Math.max(...ratios)) },
      ])
      console.log(JSON.stringify({ size, slots, ...Object.fromEntries(line) }))
      mean.warm = Math.max(mean.warm, average(all.warm as number[]))
      mean.cold = Math.max(mean.cold, average(all.cold as number[]))
    }
  report({ bench: 'schedule-warm', ratio: round3(mean.warm), goal: 1.02 }, mean.warm <= 1.02)
  report({ bench: 'schedule-cold', ratio: round3(mean.cold), goal: 1.1 }, mean.cold <= 1.1)
}
