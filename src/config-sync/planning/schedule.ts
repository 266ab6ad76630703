/** One request to make. `after`: the tasks, by index, that must be done before it may start. */
export type Task = { after: readonly number[] }

/** Tasks that wait for each one. */
export function dependents(tasks: readonly Task[]): number[][] {
  const waiting: number[][] = tasks.map(() => [])
  tasks.forEach(({ after }, index) => {
    for (const before of after) (waiting[before] as number[]).push(index)
  })
  return waiting
}

/** Tasks in an order in which each follows what it waits for. Throws when they wait in a circle. */
export function topological(tasks: readonly Task[], waiting = dependents(tasks)): number[] {
  const left = tasks.map(({ after }) => after.length)
  const order = [...tasks.keys()].filter((index) => left[index] === 0)
  for (let at = 0; at < order.length; at++)
    for (const next of waiting[order[at] as number] as number[])
      if (--(left[next] as number) === 0) order.push(next)
  if (order.length < tasks.length) throw new Error('tasks wait for each other in a circle')
  return order
}

/**
 * How long everything takes that starts with a task: its own time and the longest chain of what waits for it (the
 * upward rank of list scheduling, Topcuoglu et al. 2002). Times in any one unit.
 */
export function upwardRanks(tasks: readonly Task[], times: ArrayLike<number>): Float64Array {
  const waiting = dependents(tasks)
  const ranks = new Float64Array(tasks.length)
  for (const index of topological(tasks, waiting).reverse()) {
    let longest = 0
    for (const next of waiting[index] as number[]) longest = Math.max(longest, ranks[next] as number)
    ranks[index] = (times[index] as number) + longest
  }
  return ranks
}

/**
 * No schedule ends earlier: the longest chain, all work over all slots, or all requests at the target's rate. Times in
 * milliseconds.
 */
export function lowerBound(
  tasks: readonly Task[],
  times: ArrayLike<number>,
  slots: number,
  requestsPerSecond = Number.POSITIVE_INFINITY,
): number {
  let work = 0
  for (let index = 0; index < tasks.length; index++) work += times[index] as number
  const chain = upwardRanks(tasks, times).reduce((most, rank) => Math.max(most, rank), 0)
  return Math.max(chain, work / slots, (tasks.length / requestsPerSecond) * 1000)
}

/** After how many ends to rank anew: each costs a walk over all tasks, and five hundred walks are spent on any job. */
export const rankEvery = (tasks: number): number => Math.ceil(tasks / 500)

export type Dispatcher = {
  /** The most urgent task that may start now, started by being answered; undefined when none may. */
  next(): number | undefined
  /** A task is done: what waited for it alone may start. */
  done(index: number): void
  /** A task failed: everything that waits for it, directly or not, is never started. Answers those, each once. */
  failed(index: number): number[]
  /** Orders what may start by newer ranks. */
  rank(ranks: ArrayLike<number>): void
  /** Tasks neither done, failed nor skipped. */
  readonly open: number
}

/** Hands out tasks by critical path: of those that may start, the one with the longest way still to go. */
export function dispatcher(tasks: readonly Task[], ranks: ArrayLike<number>): Dispatcher {
  const waiting = dependents(tasks)
  const left = tasks.map(({ after }) => after.length)
  const closed = new Uint8Array(tasks.length)
  let urgency = ranks
  let open = tasks.length
  const ready = heap((a, b) => (urgency[a] as number) > (urgency[b] as number))
  for (const [index, count] of left.entries()) if (count === 0) ready.push(index)
  const close = (index: number) => {
    if (closed[index]) throw new Error(`task ${index} has ended already`)
    closed[index] = 1
    open--
  }
  return {
    next: () => ready.pop(),
    done(index) {
      close(index)
      for (const next of waiting[index] as number[])
        if (--(left[next] as number) === 0 && !closed[next]) ready.push(next)
    },
    failed(index) {
      close(index)
      const skipped: number[] = []
      const from = [index]
      for (let at = from.pop(); at !== undefined; at = from.pop())
        for (const next of waiting[at] as number[]) {
          if (closed[next]) continue
          close(next)
          skipped.push(next)
          from.push(next)
        }
      return skipped
    },
    rank(newer) {
      urgency = newer
      ready.order()
    },
    get open() {
      return open
    },
  }
}

/** A binary heap of indexes; `before` says which of two comes first. */
function heap(before: (a: number, b: number) => boolean) {
  const items: number[] = []
  const swap = (a: number, b: number) => {
    const held = items[a] as number
    items[a] = items[b] as number
    items[b] = held
  }
  const first = (a: number, b: number) =>
    b < items.length && before(items[b] as number, items[a] as number) ? b : a
  const down = (from: number) => {
    for (let at = from; ; ) {
      const next = first(first(at, 2 * at + 1), 2 * at + 2)
      if (next === at) return
      swap(at, next)
      at = next
    }
  }
  return {
    push(item: number) {
      items.push(item)
      for (let at = items.length - 1; at > 0; ) {
        const parent = (at - 1) >> 1
        if (first(parent, at) === parent) return
        swap(parent, at)
        at = parent
      }
    },
    pop(): number | undefined {
      const top = items[0]
      const last = items.pop()
      if (items.length > 0) {
        items[0] = last as number
        down(0)
      }
      return top
    },
    order() {
      for (let at = (items.length >> 1) - 1; at >= 0; at--) down(at)
    },
  }
}
