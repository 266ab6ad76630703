import { derive } from '../src/config-hub/index/derive.ts'
import { eachString } from '../src/config-hub/references/extract.ts'
import { scanVariables } from '../src/config-hub/references/variables.ts'
import { isWholeName, scanWords } from '../src/config-hub/references/words.ts'
import { BUILT_IN_REGISTRY } from '../src/config-hub/types/registry.ts'
import { type Generated, generateOne } from '../test/harness/organisation/generate.ts'
import { classificationOf, idOf, layoutOf, TYPES, variableOf } from '../test/harness/organisation/layout.ts'
import { report } from './measure.ts'

const METHOD = `extraction: references found in the strings of generated documents against an organisation of 200,000 ids and aliases, on
one core, parsing of JSON left out. Ours scans for words and looks each up; besides an Aho-Corasick automaton of all names (tables of
numbers, plain, below), one regular expression for each name and one indexOf for each name. The last two run 100 names over a part of the text, and
are scaled to 200,000 names, as their time is the sum over the names. All four take turns; medians of the rounds, in processor time of the thread.`

const NAMES = 200_000
const SEED = 20_260_501
const ROUNDS = 7
/** Characters of all strings, and of those that the searches for single names run over. */
const CORPUS = 20_000_000
const PART = 2_000_000
const PER_NAME = 100
const GOAL = 50

type Search = (texts: readonly string[]) => number

/** Ids of an organisation of that size, slugs and variables, as far as prose can name them. */
function namesOf(layout: ReturnType<typeof layoutOf>): string[] {
  const ids = TYPES.flatMap((type) => Array.from({ length: layout[type] }, (_, n) => idOf(SEED, type, n)))
  const slugs = Array.from({ length: layout.taxonomy_classification }, (_, n) => classificationOf(n))
  const variables = Array.from({ length: layout.custom_variable }, (_, n) => variableOf(n))
  return [...new Set([...ids, ...slugs, ...variables])].filter(hasForm).slice(0, NAMES)
}

function hasForm(name: string): boolean {
  let found = false
  scanWords(name, (text, start, end) => {
    found ||= end - start === text.length
  })
  return found
}

/** Documents of all types in the shares that they have in the organisation, from anywhere in it. */
function documentsOf(layout: ReturnType<typeof layoutOf>): Generated[] {
  const found: Generated[] = []
  let characters = 0
  for (let round = 0; characters < CORPUS; round++)
    for (const type of TYPES) {
      const share = Math.max(1, Math.round((layout[type] * 1_000) / NAMES))
      for (let each = 0; each < share; each++) {
        const one = generateOne({ seed: SEED, layout }, type, (round * 7_919 + each * 104_729) % layout[type])
        eachString(one.document, (text) => {
          characters += text.length
        })
        found.push(one)
      }
    }
  return found
}

const byWords =
  (names: ReadonlySet<string>, variables: ReadonlySet<string>): Search =>
  (texts) => {
    let hits = 0
    const look = (text: string, start: number, end: number) => {
      if (names.has(text.slice(start, end))) hits++
    }
    const lookVariable = (text: string, start: number, end: number) => {
      if (variables.has(text.slice(start, end))) hits++
    }
    for (const text of texts) {
      scanWords(text, look)
      if (isWholeName(text) && names.has(text)) hits++
      scanVariables(text, lookVariable)
    }
    return hits
  }

const IS_WORD = /[\p{L}\p{M}\p{N}_-]/u

const byExpressions = (names: readonly string[]): Search => {
  const expressions = names.map(
    (name) => new RegExp(`(?<![A-Za-z0-9_-])${name.replaceAll('.', '\\.')}(?![A-Za-z0-9_-])`, 'g'),
  )
  return (texts) => {
    let hits = 0
    for (const expression of expressions)
      for (const text of texts) for (const _ of text.matchAll(expression)) hits++
    return hits
  }
}

const isBounded = (text: string, start: number, end: number): boolean =>
  !(start > 0 && IS_WORD.test(text.charAt(start - 1))) &&
  !(end < text.length && IS_WORD.test(text.charAt(end)))

const byIndexOf =
  (names: readonly string[]): Search =>
  (texts) => {
    let hits = 0
    for (const name of names)
      for (const text of texts)
        for (let at = text.indexOf(name); at !== -1; at = text.indexOf(name, at + 1))
          if (isBounded(text, at, at + name.length)) hits++
    return hits
  }

/**
 * Aho-Corasick over ASCII names: edges in one open-addressed table of node and character, failure and output links in
 * arrays. No package takes its place: with 200,000 UUIDs modern-ahocorasick 3.3.0 read 7 MB/s and @monyone/aho-corasick
 * 1.1.11 24 MB/s, after 4 and 19 s of building and in 0.9 and 2.8 GB of memory.
 */
function automaton(names: readonly string[]): { search: Search; nodes: number } {
  const most = names.reduce((sum, name) => sum + name.length, 1)
  const slots = 2 ** Math.ceil(Math.log2(most * 2))
  const keys = new Uint32Array(slots)
  const targets = new Int32Array(slots)
  const fail = new Int32Array(most)
  const depth = new Uint16Array(most)
  // the nearest node that ends a name, itself or along the failure links
  const output = new Int32Array(most)
  const ends = new Uint8Array(most)
  let nodes = 1
  const slotOf = (key: number): number => {
    let slot = (Math.imul(key, 2_654_435_761) >>> 0) & (slots - 1)
    while (keys[slot] !== 0 && keys[slot] !== key) slot = (slot + 1) & (slots - 1)
    return slot
  }
  const keyOf = (node: number, code: number): number => ((node << 7) | code) >>> 0
  const next = (node: number, code: number): number => targets[slotOf(keyOf(node, code))] as number
  const edges: number[] = []
  for (const name of names) {
    let node = 0
    for (let at = 0; at < name.length; at++) {
      const slot = slotOf(keyOf(node, name.charCodeAt(at)))
      if (keys[slot] === 0) {
        keys[slot] = keyOf(node, name.charCodeAt(at))
        targets[slot] = nodes
        depth[nodes] = at + 1
        edges.push(node, name.charCodeAt(at))
        nodes++
      }
      node = targets[slot] as number
    }
    ends[node] = 1
  }
  const order = Array.from({ length: nodes - 1 }, (_, node) => node + 1)
  order.sort((a, b) => (depth[a] as number) - (depth[b] as number))
  for (const node of order) {
    const [parent, code] = [edges[2 * node - 2] as number, edges[2 * node - 1] as number]
    let back = parent === 0 ? 0 : (fail[parent] as number)
    while (back !== 0 && next(back, code) === 0) back = fail[back] as number
    fail[node] = parent === 0 ? 0 : next(back, code)
    output[node] = ends[node] ? node : (output[fail[node] as number] as number)
  }
  const search: Search = (texts) => {
    let hits = 0
    for (const text of texts) {
      let node = 0
      for (let at = 0; at < text.length; at++) {
        const code = text.charCodeAt(at)
        if (code > 127) {
          node = 0
          continue
        }
        let to = next(node, code)
        while (to === 0 && node !== 0) {
          node = fail[node] as number
          to = next(node, code)
        }
        node = to
        for (let end = output[node] as number; end !== 0; end = output[fail[end] as number] as number)
          if (isBounded(text, at + 1 - (depth[end] as number), at + 1)) hits++
      }
    }
    return hits
  }
  return { search, nodes }
}

/** Seconds of processor time that a piece of work takes on this thread, whatever else the machine does. */
function seconds(work: () => unknown): number {
  const from = process.threadCpuUsage()
  work()
  const { user, system } = process.threadCpuUsage(from)
  return (user + system) / 1e6
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number

const megabytes = (texts: readonly string[]): number =>
  texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / 1e6

const round = (value: number): number =>
  value >= 1 ? Math.round(value * 10) / 10 : Number(value.toPrecision(2))

export async function extraction(): Promise<void> {
  console.log(METHOD)
  // 3 in 10,000 are plain words, which no way of searching should find
  const layout = layoutOf(NAMES + 1_000)
  const names = namesOf(layout)
  const documents = documentsOf(layout)
  const texts: string[] = []
  for (const { document } of documents) eachString(document, (text) => texts.push(text))
  let characters = 0
  const part = texts.filter((text) => {
    characters += text.length
    return characters <= PART
  })
  const some = names.filter((_, index) => index % (NAMES / PER_NAME) === 0)
  const built = { seconds: 0, nodes: 0 }
  let machine: Search = () => 0
  built.seconds = seconds(() => {
    const { search, nodes } = automaton(names)
    machine = search
    built.nodes = nodes
  })
  const variables = Array.from({ length: layout.custom_variable }, (_, n) => variableOf(n))
  const ours = byWords(new Set(names), new Set(variables))
  const [whole, little] = [megabytes(texts), megabytes(part)]
  const scale = names.length / some.length
  const sides = {
    words: () => whole / seconds(() => ours(texts)),
    ahoCorasick: () => whole / seconds(() => machine(texts)),
    regularExpressions: () => little / (seconds(() => byExpressions(some)(part)) * scale),
    indexOf: () => little / (seconds(() => byIndexOf(some)(part)) * scale),
  }
  const found = { words: ours(texts), ahoCorasick: machine(texts) }
  const rates = Object.fromEntries(Object.keys(sides).map((name) => [name, [] as number[]]))
  for (let turn = 0; turn < ROUNDS; turn++)
    for (const [name, side] of Object.entries(sides)) rates[name]?.push(side())
  const rate = Object.fromEntries(Object.entries(rates).map(([name, all]) => [name, median(all)]))
  const own = rate.words as number
  report(
    {
      bench: 'extraction',
      ratio: round(own / (rate.ahoCorasick as number)),
      goal: GOAL,
      unit: 'MB/s of document text on one core',
      names: names.length,
      megabytes: round(whole),
      rates: Object.fromEntries(Object.entries(rate).map(([name, value]) => [name, round(value)])),
      slower: Object.fromEntries(Object.entries(rate).map(([name, value]) => [name, round(own / value)])),
      // the automaton also counts names within longer chains (env.erp.api_1), ours variables a second time
      found,
      automaton: { nodes: built.nodes, seconds: round(built.seconds) },
      ...derivation(documents),
    },
    own >= GOAL,
  )
}

/** What everything that the index knows of a parsed document costs, its content hash included. */
function derivation(documents: readonly Generated[]): Record<string, unknown> {
  const origin = { connector: 'store', version: 1, updatedAt: new Date(0), updatedBy: null }
  const size = megabytes(documents.map(({ document }) => JSON.stringify(document)))
  const times = Array.from({ length: ROUNDS }, () =>
    seconds(() => {
      for (const { type, id, document } of documents) {
        const known = BUILT_IN_REGISTRY.get(type)
        if (known) derive(known, document, { ...origin, id })
      }
    }),
  )
  const time = median(times)
  return {
    derivation: {
      documents: documents.length,
      perSecond: Math.round(documents.length / time),
      megabytesOfJsonPerSecond: round(size / time),
    },
  }
}
