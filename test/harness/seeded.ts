/** Numbers from 0 up to 1 that follow from a seed (mulberry32), so that a failing round can be run again. */
export type Random = { next(): number; below(n: number): number; shuffled<T>(items: readonly T[]): T[] }

export function seeded(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (n: number): number => Math.floor(next() * n)
  const shuffled = <T>(items: readonly T[]): T[] =>
    items
      .map((item) => ({ item, at: next() }))
      .sort((a, b) => a.at - b.at)
      .map(({ item }) => item)
  return { next, below, shuffled }
}

/** SEED of the environment, else a new one. Tests print it. */
export const seedOf = (env: NodeJS.ProcessEnv): number => Number(env.SEED ?? Date.now() % 1_000_000_007)
