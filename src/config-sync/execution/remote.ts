import { setTimeout as sleep } from 'node:timers/promises'
import type { Connector } from '../../config-hub/connectors/connector.ts'
import { requireType } from '../../config-hub/types/registry.ts'
import { expected, type Latencies, learn, observed } from '../planning/latencies.ts'
import { dispatcher, lowerBound, rankEvery, upwardRanks } from '../planning/schedule.ts'
import type { Batch, Phase } from './job.ts'
import { keepLatencies, latenciesOf } from './latencies-store.ts'
import { type Notes, openNotes } from './notes.ts'
import { perform, performDerived, type Requests } from './request.ts'
import { slotsOf } from './slots.ts'
import { failTask, phaseOf, rowOf, type Task, underived, type Work } from './work.ts'

/** A process that stops gives what is under way this long to end; the rest is looked for by the next one. */
const GRACE_MS = 2_000

/**
 * Does all open tasks by requests, as many at once as the target bears: of those that may start, always the one with the
 * longest way still to go, by what is known of how long requests take. Answers the lower bound of the makespan in
 * milliseconds.
 */
export async function runRequests(work: Work, at?: Requests['at']): Promise<number> {
  const running = new Map<number, { from: number; done: Promise<void>; index: number }>()
  const notes = openNotes(work, () =>
    positionOf(
      work,
      [...running.values()].map(({ index }) => index),
    ),
  )
  await deriveLeft(work, notes, at)
  const places = placesOf(work)
  const known = await learned(work, places)
  const indexes = [...work.tasks.keys()].filter((index) => work.open[index])
  const place = new Map(indexes.map((index, position) => [index, position]))
  const tasks = indexes.map((index) => ({
    after: (work.tasks[index] as Task).after.flatMap((each) => place.get(each) ?? []),
  }))
  const kinds = indexes.map((index) => kindOf(work, index))
  const times = (by: Latencies) => kinds.map((kind) => expected(by, kind))
  const turns = dispatcher(tasks, upwardRanks(tasks, times(known)))
  const requests: Requests = {
    notes,
    took: (kind, ms) => learn(known, kind, ms),
    ...(at ? { at } : {}),
  }
  const most = places.reduce((sum, { limits }) => sum + limits.concurrency, 0)
  let broken: unknown
  let ends = 0

  const start = async (position: number): Promise<void> => {
    const index = indexes[position] as number
    const release = await slotFor(work, index)
    try {
      if (broken !== undefined) return
      work.signal.throwIfAborted()
      const result = await perform(work, requests, index)
      if (result.done) turns.done(position)
      else {
        await notes.conclude(failTask(work, index, result.failure))
        turns.failed(position)
      }
    } catch (error) {
      broken ??= error
    } finally {
      release()
      running.delete(position)
      if (++ends % rankEvery(indexes.length) === 0)
        turns.rank(upwardRanks(tasks, times(observed(known, underWay()))))
    }
  }
  const underWay = () =>
    [...running].map(([position, { from }]) => ({
      kind: kinds[position] as string,
      ms: performance.now() - from,
    }))

  const stopped = aborted(work.signal)
  try {
    while (broken === undefined && !work.signal.aborted) {
      while (running.size < most) {
        const position = turns.next()
        if (position === undefined) break
        running.set(position, {
          ...{ from: performance.now(), index: indexes[position] as number },
          done: start(position),
        })
      }
      if (running.size === 0) break
      await Promise.race([...[...running.values()].map(({ done }) => done), stopped])
    }
    const left = Promise.all([...running.values()].map(({ done }) => done))
    await (work.signal.aborted ? Promise.race([left, sleep(GRACE_MS)]) : left)
  } finally {
    await keepAll(work, places, known).catch((error) => work.deps.log.warn({ err: error }, 'latencies'))
  }
  if (broken !== undefined) throw broken
  work.signal.throwIfAborted()
  const rate = Math.min(...places.map(({ limits }) => limits.requestsPerSecond ?? Number.POSITIVE_INFINITY))
  return tasks.length === 0 ? 0 : lowerBound(tasks, times(known), most, rate)
}

/** What a process that died had created without coming to ask which ids the target made within: before all that waits for it. */
async function deriveLeft(work: Work, notes: Notes, at?: Requests['at']): Promise<void> {
  for (const seq of underived(work)) {
    const result = await performDerived(work, { notes, took: () => {}, ...(at ? { at } : {}) }, seq)
    if (result.done) continue
    const create = rowOf(work, seq).tasks.find(({ kind }) => kind === 'create')
    if (create) await notes.conclude(failTask(work, create.task, result.failure))
  }
}

const kindOf = (work: Work, index: number): string => {
  const { seq, kind } = work.tasks[index] as Task
  return `${rowOf(work, seq).type} ${kind}`
}

const connectorOf = (work: Work, index: number): Connector => {
  const { type } = rowOf(work, (work.tasks[index] as Task).seq)
  return work.target.connectorOf(requireType(work.target.registry, type))
}

function placesOf(work: Work): Connector[] {
  const open = [...work.tasks.keys()].filter((index) => work.open[index])
  return [...new Map(open.map((index) => connectorOf(work, index)).map((each) => [each.id, each])).values()]
}

const slotFor = (work: Work, index: number): Promise<() => void> => {
  const { id, limits } = connectorOf(work, index)
  return slotsOf(work.deps.db.pool, `${work.job.targetOrg}/${id}`, limits.concurrency).take()
}

async function learned(work: Work, places: readonly Connector[]): Promise<Latencies> {
  const all: Latencies = new Map()
  for (const { id } of places)
    for (const [kind, latency] of await latenciesOf(work.deps.db, work.job.org, id)) all.set(kind, latency)
  return all
}

async function keepAll(work: Work, places: readonly Connector[], known: Latencies): Promise<void> {
  for (const { id } of places) {
    const types = new Set(
      work.rows
        .filter(
          ({ type }) =>
            work.target.registry.has(type) &&
            work.target.connectorOf(requireType(work.target.registry, type)).id === id,
        )
        .map(({ type }) => type),
    )
    const own = new Map([...known].filter(([kind]) => types.has(kind.split(' ')[0] as string)))
    await keepLatencies(work.deps.db, work.job.org, id, own, work.deps.clock())
  }
}

/** Where the job stands: by the lowest level of what is under way, in the phase of what is open. */
function positionOf(work: Work, running: readonly number[]): { phase: Phase; batch: Batch | null } {
  const phase = phaseOf(work)
  const of = 1 + work.tasks.reduce((most, { level }) => Math.max(most, level), 0)
  const level = running.reduce((least, index) => Math.min(least, (work.tasks[index] as Task).level), of - 1)
  return { phase, batch: { index: level, of, level } }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
