/** What is known of how long a kind of request takes, in milliseconds. A kind is a type and an operation. */
export type Latency = { count: number; mean: number }
export type Latencies = Map<string, Latency>

/**
 * Newer requests count for more once there are many: a target that became slower is noticed within about as many
 * requests.
 */
const MEMORY = 50

/** Takes note of one request. */
export function learn(latencies: Latencies, kind: string, milliseconds: number): void {
  const known = latencies.get(kind)
  if (!known) latencies.set(kind, { count: 1, mean: milliseconds })
  else {
    known.count++
    known.mean += (milliseconds - known.mean) / Math.min(known.count, MEMORY)
  }
}

/** What nobody knows yet is tried early: the worst of ten cold runs came from 1.06 down to 1.03 of the bound. */
const UNKNOWN = 4

/** The time to expect: of its kind, else several times the longest of any kind. */
export function expected(latencies: Latencies, kind: string): number {
  const known = latencies.get(kind)
  if (known) return known.mean
  let longest = 0
  for (const { mean } of latencies.values()) longest = Math.max(longest, mean)
  return longest * UNKNOWN || 1
}

/** Requests of one kind differ by half of their mean: only one that takes longer than that says something. */
const SURPRISE = 2

/**
 * What is known, with what the requests under way already show: one that has been running for longer than its kind's

 */
export function observed(latencies: Latencies, running: readonly { kind: string; ms: number }[]): Latencies {
  const seen: Latencies = new Map(latencies)
  for (const { kind, ms } of running) {
    const known = seen.get(kind)
    if (!known ? ms > 0 : ms > SURPRISE * known.mean) seen.set(kind, { count: known?.count ?? 0, mean: ms })
  }
  return seen
}
