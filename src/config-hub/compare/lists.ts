import { same } from '../../config-store/rules.ts'
import { canonical } from '../../operation/plan.ts'

/** Which elements of two lists are each other, by index. What is in no pair was removed or added. */
export type Alignment = {
  /** Ascending by the index in the first list. */
  pairs: [number, number][]
  /** Those of the pairs that left their order. */
  moved: [number, number][]
  removed: number[]
  added: number[]
}

/** What elements of lists are known by. */
const IDENTITIES = ['id', '_id', 'key', 'name', 'slug'] as const

export type Identity = (element: unknown) => string

/**
 * What tells the elements of these lists apart in all of them, and so lets one be followed wherever it moves: the
 * elements themselves where they are plain values, else one of the identifying members, if every element has it and
 * none has the value of another in its list. Of several that by which most are in all lists: ids that were made anew
 * say less than names that were kept.
 */
export function identityIn(...lists: readonly (readonly unknown[])[]): Identity | undefined {
  const found = [plainValue, ...IDENTITIES.map(memberValue)].flatMap((identity) => {
    const keys = lists.map((list) => list.map(identity))
    return keys.every(isUnique) ? [{ identity: identity as Identity, shared: countShared(keys) }] : []
  })
  return found.sort((a, b) => b.shared - a.shared)[0]?.identity
}

function countShared([first = [], ...others]: readonly (readonly (string | undefined)[])[]): number {
  const sets = others.map((keys) => new Set(keys))
  return first.filter((key) => sets.every((set) => set.has(key))).length
}

const isPlain = (value: unknown): boolean => typeof value === 'string' || typeof value === 'number'

const plainValue = (element: unknown): string | undefined =>
  isPlain(element) ? JSON.stringify(element) : undefined

const memberValue = (name: string) => (element: unknown) =>
  typeof element === 'object' && element !== null && Object.hasOwn(element, name)
    ? plainValue((element as Record<string, unknown>)[name])
    : undefined

const isUnique = (keys: readonly (string | undefined)[]): boolean =>
  !keys.includes(undefined) && new Set(keys).size === keys.length

/**
 * Aligns two lists so that little differs: elements with an identity by that, wherever they are; others by what is equal
 * in the longest common order, and between two such by their place.
 */
export function align(
  one: readonly unknown[],
  other: readonly unknown[],
  identity = identityIn(one, other),
): Alignment {
  const pairs = identity ? pairsByKey(one.map(identity), other.map(identity)) : pairsInOrder(one, other)
  const [lefts, rights] = [new Set(pairs.map(([i]) => i)), new Set(pairs.map(([, j]) => j))]
  const kept = new Set(longestAscending(pairs.map(([, j]) => j)))
  return {
    pairs,
    moved: pairs.filter(([, j]) => !kept.has(j)),
    removed: [...one.keys()].filter((i) => !lefts.has(i)),
    added: [...other.keys()].filter((j) => !rights.has(j)),
  }
}

function pairsByKey(one: readonly string[], other: readonly string[]): [number, number][] {
  const places = new Map(other.map((key, j) => [key, j]))
  return one.flatMap((key, i) => {
    const j = places.get(key)
    return j === undefined ? [] : [[i, j] as [number, number]]
  })
}

/** Cells of the table of common subsequences; beyond it elements are paired by their place alone. */
const MOST_CELLS = 1_000_000

function pairsInOrder(one: readonly unknown[], other: readonly unknown[]): [number, number][] {
  const shorter = Math.min(one.length, other.length)
  let start = 0
  while (start < shorter && same(one[start], other[start])) start++
  let end = 0
  while (end < shorter - start && same(one[one.length - 1 - end], other[other.length - 1 - end])) end++
  const middle = [one.slice(start, one.length - end), other.slice(start, other.length - end)] as const
  const equal = commonOrder(middle[0].map(canonical), middle[1].map(canonical))
  const anchors: [number, number][] = [
    ...Array.from({ length: start }, (_, i): [number, number] => [i, i]),
    ...equal.map(([i, j]): [number, number] => [i + start, j + start]),
    ...Array.from({ length: end }, (_, k): [number, number] => [
      one.length - end + k,
      other.length - end + k,
    ]),
  ]
  return withGaps(anchors, one.length, other.length)
}

/** What lies between two equal elements is paired by its place there. */
function withGaps(anchors: readonly [number, number][], length: number, otherLength: number) {
  const pairs: [number, number][] = []
  let [i, j] = [0, 0]
  for (const [nextI, nextJ] of [...anchors, [length, otherLength] as const]) {
    for (; i < nextI && j < nextJ; i++, j++) pairs.push([i, j])
    if (nextI < length && nextJ < otherLength) pairs.push([nextI, nextJ])
    i = nextI + 1
    j = nextJ + 1
  }
  return pairs
}

/** The longest common subsequence of two texts of words, by dynamic programming. */
function commonOrder(one: readonly string[], other: readonly string[]): [number, number][] {
  const width = other.length + 1
  if ((one.length + 1) * width > MOST_CELLS) return []
  // from the end, so that reading the table goes forward
  const lengths = new Uint32Array((one.length + 1) * width)
  const at = (i: number, j: number): number => lengths[i * width + j] as number
  for (let i = one.length - 1; i >= 0; i--)
    for (let j = other.length - 1; j >= 0; j--)
      lengths[i * width + j] =
        one[i] === other[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
  const pairs: [number, number][] = []
  for (let [i, j] = [0, 0]; i < one.length && j < other.length; ) {
    if (one[i] === other[j]) pairs.push([i++, j++])
    else if (at(i + 1, j) >= at(i, j + 1)) i++
    else j++
  }
  return pairs
}

/** The longest ascending subsequence of distinct numbers: what stays, so that as little as possible moved. */
function longestAscending(numbers: readonly number[]): number[] {
  // tails[n] is the place of the least number that ends an ascending sequence of n + 1
  const tails: number[] = []
  const before = new Int32Array(numbers.length)
  for (const [place, number] of numbers.entries()) {
    let [low, high] = [0, tails.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((numbers[tails[middle] as number] as number) < number) low = middle + 1
      else high = middle
    }
    before[place] = low === 0 ? -1 : (tails[low - 1] as number)
    tails[low] = place
  }
  const found: number[] = []
  for (let place = tails.at(-1) ?? -1; place >= 0; place = before[place] as number)
    found.push(numbers[place] as number)
  return found.reverse()
}
