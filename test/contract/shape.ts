import { readFileSync } from 'node:fs'

/**
 * Fixtures are the contracts without their prose: `<text>` stands for any sentence, `<texts>` and `<numbers>` for any
 * list of such, and addresses have no host.
 */
export const contract = (name: string): any =>
  JSON.parse(readFileSync(new URL(`./${name}.json`, import.meta.url), 'utf8'))

const MARKS: Record<string, (value: unknown) => boolean> = {
  '<text>': (value) => typeof value === 'string' && value.length > 0,
  '<texts>': (value) => Array.isArray(value) && value.every((each) => typeof each === 'string'),
  '<numbers>': (value) => Array.isArray(value) && value.every((each) => typeof each === 'number'),
}

const kindOf = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value

const idOf = (value: unknown): unknown => (value as { id?: unknown } | null)?.id

/**
 * Where `ours` lacks something that `theirs` has, or has it as another type: one line per difference. Null in the
 * contract says only that the member is there. Lists of things with ids are matched by id, where ours names the id.
 */
export function differences(theirs: unknown, ours: unknown, at = ''): string[] {
  if (typeof theirs === 'string' && theirs in MARKS)
    return MARKS[theirs]!(ours) ? [] : [`${at}: ${JSON.stringify(ours)} is not ${theirs}`]
  if (theirs === null) return ours === undefined ? [`${at}: missing`] : []
  if (kindOf(theirs) !== kindOf(ours))
    return [
      `${at}: ${kindOf(ours) === 'undefined' ? 'missing' : `${kindOf(ours)} instead of ${kindOf(theirs)}`}`,
    ]
  if (Array.isArray(theirs)) return listDifferences(theirs, ours as unknown[], at)
  if (typeof theirs !== 'object') return []
  return Object.entries(theirs as object).flatMap(([key, value]) =>
    differences(value, (ours as Record<string, unknown>)[key], `${at}/${key}`),
  )
}

function listDifferences(theirs: readonly unknown[], ours: readonly unknown[], at: string): string[] {
  const byId = new Map(ours.map((each) => [idOf(each), each]))
  return ours.length === 0 || typeof theirs[0] !== 'object'
    ? []
    : theirs.flatMap((each, index) => {
        const id = idOf(each)
        const match = byId.has(id) && id !== undefined ? byId.get(id) : (ours[index] ?? ours[0])
        return differences(each, match, `${at}/${id ?? index}`)
      })
}

/** The address without its host. */
export const pathOf = (href: string): string => href.replace(/^https?:\/\/[^/]+/, '')
