import { components } from '../config-hub/graph/components.ts'
import { headline, type Job, type Summary } from './sync-job.ts'
import { clipped, counted, few, plain } from './sync-text.ts'

export type Change = {
  pointer: string
  change: string
  state: string
  before?: unknown
  after?: unknown
  secret?: true
}
export type Row = {
  seq: number
  type: string
  source_id: string
  target_id?: string
  title: string
  action: 'create' | 'patch' | 'delete' | 'none' | 'refused'
  matched_by?: string
  level: number
  references: number[]
  changes: Change[]
  warnings: string[]
  may_duplicate: boolean
  refusal?: { code: string; message: string; among?: string[] }
}
export type Plan = { digest: string; summary: Summary; results: Row[] }

/** Gives text the look of what is done: colour where there is any. */
export type Paint = (action: Row['action'], text: string) => string

type Shown = {
  /** Also what is unchanged, and values at full length. */
  whole?: boolean
  paint?: Paint
  /** How the plan is carried out. */
  apply?: string
}

const SIGNS = { create: '+', patch: '~', delete: '-', none: '=', refused: '!' } as const
const WORDS = [
  ['create', 'to create'],
  ['patch', 'to change'],
  ['delete', 'to delete'],
  ['none', 'unchanged'],
  ['refused', 'refused'],
] as const

/** Longer values and lists are cut in the tree, unless all of it is asked for. */
const VALUE = 72
const NAMES = 6

const nameOf = ({ type, source_id }: Row): string => `${type}/${source_id}`

/**
 * A plan as a tree: types, what is to happen to each configuration, which members change and how. Below it what the plan
 * amounts to, its digest, and how to apply it. `job` is the one that it is of, `plan.results` in the plan's order.
 */
export function planLines(job: Job, { digest, summary, results }: Plan, shown: Shown = {}): string[] {
  const bySeq = new Map(results.map((row) => [row.seq, row]))
  const rings = ringsOf(results)
  const listed = shown.whole ? results : results.filter(({ action }) => action !== 'none')
  const groups = Map.groupBy(listed, ({ type }) => type)
  return [
    headline(job),
    '',
    ...[...groups].flatMap(([type, rows]) => groupLines(type, rows, { ...shown, bySeq })),
    ...(groups.size > 0 ? [''] : []),
    ...rings.map((ring) => `circle: ${plain(few(ring.map(nameOf), shown.whole ? ring.length : NAMES))}`),
    totalsOf(summary),
    ...costsOf(summary),
    `digest: ${digest}`,
    ...(shown.apply === undefined ? [] : [shown.apply]),
  ]
}

type Within = Shown & { bySeq: ReadonlyMap<number, Row> }

function groupLines(type: string, rows: readonly Row[], within: Within): string[] {
  const counts = WORDS.map(([action, word]) => [rows.filter((row) => row.action === action).length, word])
  const told = counts.filter(([count]) => count !== 0).map(([count, word]) => `${count} ${word}`)
  return [
    `${plain(type)} (${told.join(', ')})`,
    ...rows.flatMap((row, index) => {
      const [first, below] = index === rows.length - 1 ? ['└─ ', '   '] : ['├─ ', '│  ']
      return [`${first}${rowLine(row, within)}`, ...detailsOf(row, within).map((line) => `${below}  ${line}`)]
    }),
  ]
}

function rowLine(row: Row, { paint = (_, text) => text }: Within): string {
  const { action, source_id, target_id, title, matched_by } = row
  const called = title === source_id ? '' : `  ${title}`
  const differently = target_id !== undefined && target_id !== source_id
  const as = differently ? [`there ${target_id}`] : []
  const found = matched_by === undefined || matched_by === 'lineage' ? [] : [`found by ${matched_by}`]
  const notes = [...as, ...found]
  const text = `${SIGNS[action]} ${source_id}${called}${notes.length > 0 ? ` (${notes.join(', ')})` : ''}`
  return paint(action, plain(text))
}

function detailsOf(row: Row, within: Within): string[] {
  const { refusal, changes, warnings, may_duplicate } = row
  return [
    ...(refusal ? [`refused (${refusal.code}): ${refusal.message}`] : []),
    ...changes.map((change) => (refusal ? conflictLine : changeLine)(change, within)),
    ...needsOf(row, within),
    ...warnings.map((warning) => `warning: ${warning}`),
    ...(may_duplicate ? ['warning: may be created twice when an answer is lost'] : []),
    ...(refusal ? [`do: ${remedyOf(row, refusal.code)}`] : []),
  ].map(plain)
}

/** `before → after`. A secret is only said to be set, changed or removed. */
function changeLine({ pointer, change, state, before, after, secret }: Change, { whole }: Shown): string {
  const place = pointer || '/'
  const decided = state === 'conflict' ? ' (both sides changed it)' : ''
  if (secret) return `* ${place} secret ${change === 'added' ? 'set' : change}${decided}`
  if (change === 'moved') return `↕ ${place} moved to place ${shownValue(after, whole)}${decided}`
  if (change === 'added') return `+ ${place} ${shownValue(after, whole)}${decided}`
  if (change === 'removed') return `- ${place} ${shownValue(before, whole)}${decided}`
  return `~ ${place} ${shownValue(before, whole)} → ${shownValue(after, whole)}${decided}`
}

/** What either side has where nobody has decided yet. */
const conflictLine = ({ pointer, before, after, secret }: Change, { whole }: Shown): string =>
  secret
    ? `≠ ${pointer || '/'} secret of both sides`
    : `≠ ${pointer || '/'} target ${shownValue(before, whole)}, source ${shownValue(after, whole)}`

const shownValue = (value: unknown, whole = false): string =>
  clipped(JSON.stringify(value) ?? 'nothing', whole ? Number.POSITIVE_INFINITY : VALUE)

/** What it refers to within the plan; what stays as it is may be left out of it. */
function needsOf({ references }: Row, { bySeq, whole }: Within): string[] {
  if (references.length === 0) return []
  const known = references.flatMap((seq) => bySeq.get(seq) ?? [])
  const others = references.length - known.length
  const names = known.map(nameOf)
  const rest = others === 0 ? [] : [`${others} unchanged`]
  return [`→ ${few([...names, ...rest], whole ? Number.POSITIVE_INFINITY : NAMES)}`]
}

/** What people can do about a row that is refused. */
function remedyOf({ type, source_id, changes }: Row, code: string): string {
  const place = changes[0]?.pointer ?? ''
  switch (code) {
    case 'conflict':
      return `choose a side with --choose '${type}/${source_id}#${place}=source' (or =target), or for all with --conflicts`
    case 'ambiguous-match':
      return 'say which one it is with the operation config-hub.lineage.confirm, then plan again'
    case 'source-missing':
      return 'select what the source has, or leave this out'
    case 'required-missing':
      return 'take along what it needs, or make that at the target first'
    case 'required-circle':
      return 'make one of the references of the circle optional, or create one of them at the target by hand'
    case 'not-writable':
      return 'leave it out, or define the type at the target so that it can be written'
    case 'protected':
      return 'nothing: it stays as it is'
    case 'still-needed':
      return 'take what still needs it into the selection, or change that first'
    case 'changed-since':
      return 'look at what it became since; if it is to go, change it by hand'
    default:
      return 'plan again once the cause is gone'
  }
}

const totalsOf = (summary: Summary): string =>
  WORDS.map(([action, word]) => `${summary[action === 'none' ? 'unchanged' : action]} ${word}`).join(', ')

function costsOf({ requests, completed, at_least, exact, may_duplicate, warned, refused }: Summary) {
  const circles =
    completed === 0
      ? ''
      : `, ${completed} of them to close circles of references (${exact ? 'the fewest possible' : `at least ${at_least} are needed`})`
  return [
    `${counted(requests, 'write')}${circles}`,
    ...(may_duplicate > 0
      ? [`${counted(may_duplicate, 'creation')} may happen twice when an answer is lost`]
      : []),
    ...(warned > 0 ? [`${counted(warned, 'configuration has', 'configurations have')} warnings`] : []),
    ...(refused > 0 ? ['what is refused stays as it is at the target'] : []),
  ]
}

/** Configurations that refer to each other in circles. */
function ringsOf(rows: readonly Row[]): Row[][] {
  const place = new Map(rows.map(({ seq }, index) => [seq, index]))
  const out = rows.map(({ references }) => references.flatMap((seq) => place.get(seq) ?? []))
  return components(out)
    .filter((members) => members.length > 1)
    .map((members) => members.toSorted((a, b) => a - b).map((member) => rows[member] as Row))
}
