import { type Random, seeded } from '../seeded.ts'
import { uuid } from './layout.ts'

const WORDS =
  'der die das und mit für wir Sie Ihr Angebot Vertrag Kunde Auftrag Strom Gas Wärme Solar Speicher Wallbox Zähler the and of your order customer please receive within days confirm offer price appointment installation roof heating tariff monthly delivery invoice payment question service team thank you'.split(
    ' ',
  )

/** Prose without a word that could name something. Slices of it are what makes documents long. */
const PROSE = (() => {
  const random = seeded(20_260_501)
  const words: string[] = []
  for (let index = 0; index < 60_000; index++) words.push(WORDS[random.below(WORDS.length)] as string)
  return words.join(' ')
})()

/** That many characters of prose, from anywhere. */
export function prose(random: Random, characters: number): string {
  const length = Math.max(0, Math.min(Math.round(characters), PROSE.length))
  const start = random.below(PROSE.length - length + 1)
  return PROSE.slice(start, start + length)
}

/** About every 600th character of a layout begins a block with an id of its own, which nothing outside refers to. */
const PER_BLOCK = 600

/** Blocks as journeys, portals and schemas have them, together about that many characters of JSON. */
export function blocks(random: Random, characters: number): { id: string; label: string; text: string }[] {
  const count = Math.max(1, Math.round(characters / PER_BLOCK))
  const text = Math.max(10, characters / count - 90)
  return Array.from({ length: count }, (_, index) => ({
    id: uuid(random.below(2 ** 31), 999, index),
    label: prose(random, 16).trim(),
    text: prose(random, text),
  }))
}

const NOUNS = [
  'Strom',
  'Gas',
  'Solar',
  'Wallbox',
  'Wärmepumpe',
  'Speicher',
  'Smart Home',
  'Beratung',
  'Wartung',
]
const KINDS = ['Basis', 'Plus', 'Premium', 'Komfort', 'Online', 'Regional', 'Öko', 'Flex', 'Business']

/** What people call things: mostly of their own, now and then the name of many. */
export function titleOf(random: Random, label: string, n: number): string {
  if (random.next() < 0.03) return `Standard ${label}`
  const [noun, kind] = [NOUNS[random.below(NOUNS.length)], KINDS[random.below(KINDS.length)]]
  return `${noun} ${kind} ${label} ${n}`
}

/** Log-normal: half below the median, the tail as heavy as `spread` says; between `least` and `most`. */
export function sizeOf(random: Random, median: number, spread: number, most: number): number {
  const u = Math.max(random.next(), 1e-12)
  const normal = Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * random.next())
  return Math.min(most, median * Math.exp(spread * normal))
}

/** One of n, the k-th about 1/k as often as the first (Zipf with exponent 1). */
export const zipf = (random: Random, n: number): number =>
  Math.min(n - 1, Math.floor(Math.exp(random.next() * Math.log(n + 1))) - 1)

/** Up to `most` times what `make` gives, each number of times as likely as the others. */
export const some = <T>(random: Random, least: number, most: number, make: (index: number) => T): T[] =>
  Array.from({ length: least + random.below(most - least + 1) }, (_, index) => make(index))
