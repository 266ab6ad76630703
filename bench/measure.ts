export const CONCURRENCY = 16

/** Rounds that alternate between the two sides, so that whatever the machine does hits both. */
const ROUNDS = 7
const ROUND_MS = 1_500

export type Side = (worker: number) => Promise<void>

/** Operations per second of `side` with 16 workers for about 1.5 s. */
async function rate(side: Side): Promise<number> {
  let done = 0
  const from = performance.now()
  const until = from + ROUND_MS
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async (_, worker) => {
      while (performance.now() < until) {
        await side(worker)
        done += 1
      }
    }),
  )
  return (done * 1000) / (performance.now() - from)
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number

export type Comparison = { ratio: number; ours: number; bare: number; rounds: number[] }

/** Ours against the bare thing: median of the per-round ratios, and the median rates. One round of each warms up. */
export async function compare(ours: Side, bare: Side): Promise<Comparison> {
  await rate(ours)
  await rate(bare)
  const rounds: [number, number][] = []
  for (let round = 0; round < ROUNDS; round++) {
    const first = round % 2 === 0
    const a = await rate(first ? ours : bare)
    const b = await rate(first ? bare : ours)
    rounds.push(first ? [a, b] : [b, a])
  }
  const ratios = rounds.map(([own, other]) => own / other)
  return {
    ratio: round2(median(ratios)),
    ours: Math.round(median(rounds.map(([own]) => own))),
    bare: Math.round(median(rounds.map(([, other]) => other))),
    rounds: ratios.map(round2),
  }
}

const round2 = (value: number): number => Math.round(value * 100) / 100

/** Prints the one JSON line of a bench; a missed goal makes the process fail. */
export function report(
  line: { bench: string; ratio: number; goal: number; unit?: string } & Record<string, unknown>,
  met = line.ratio >= line.goal,
): void {
  console.log(JSON.stringify({ ...line, met }))
  if (!met) process.exitCode = 1
}
