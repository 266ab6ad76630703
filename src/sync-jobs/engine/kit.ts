import { isDeepStrictEqual } from 'node:util'
import type { Transaction } from '../../db/pool.ts'
import type { Deps } from '../../deps.ts'
import type {
  ChangedRecord,
  RunContext,
  Source,
  SourcePage,
  SourceRecord,
  SyncJobDefinition,
} from './definition.ts'
import { subjectText } from './page.ts'
import { replayPages } from './replay.ts'

/** What a job is tried with: the organisation that it scans, and two sizes of page. */
export type Trial = { deps: Deps; org: string; sizes?: readonly [number, number] }

/** No source that a trial reads has more pages. */
const MOST_PAGES = 10_000

/**
 * What the engine relies on and a declaration can get wrong, tried on the sources as they are now: a cursor read twice
 * gives the same page; every size of page gives the same digest; records are of the kinds that their source names, have
 * plain JSON and valid times; `project` answers the same twice, and nothing of it is kept. Answers what does not hold, one
 * sentence each; an empty list is a sound job. For tests of jobs.
 */
export async function checkDefinition(definition: SyncJobDefinition, trial: Trial): Promise<string[]> {
  const { deps, org, sizes = [100, 7] } = trial
  const wrong: string[] = []
  const { sources } = await definition.sources(deps, org, 'full', null)
  if (new Set(sources.map(({ id }) => id)).size < sources.length) wrong.push('Two sources have one id.')
  for (const source of sources) {
    const all = await pagesOf(source, sizes[0])
    const mistakes = new Set(all.records.flatMap((record) => mistakesOf(source, record)))
    wrong.push(
      ...mistakes,
      ...all.repeats.map((at) => `${source.id}: cursor ${at} gives another page each time.`),
    )
    // what is no record has no hash
    if (mistakes.size > 0) continue
    if (digestOf(all.records) !== digestOf((await pagesOf(source, sizes[1])).records))
      wrong.push(`${source.id}: pages of ${sizes[0]} and of ${sizes[1]} come to different digests.`)
  }
  return [...wrong, ...(await mistakesOfProject(definition, trial, sources))]
}

type Read = { records: SourceRecord[]; repeats: string[] }

async function pagesOf(source: Source, limit: number): Promise<Read> {
  const read: Read = { records: [], repeats: [] }
  const { signal } = new AbortController()
  let cursor: string | null = null
  for (let page = 0; page < MOST_PAGES; page++) {
    const first: SourcePage = await source.read(cursor, limit, signal)
    const second: SourcePage = await source.read(cursor, limit, signal)
    if (!isDeepStrictEqual(first, second)) read.repeats.push(String(cursor))
    read.records.push(...first.records)
    if (first.next === null) return read
    cursor = first.next
  }
  throw new Error(`${source.id} has no end: ${MOST_PAGES} pages were read.`)
}

const digestOf = (records: readonly SourceRecord[]): string | undefined =>
  replayPages([{ records, position: '' }], () => []).checkpoints.at(-1)?.digest

function mistakesOf({ id, sourceKinds }: Source, { sourceKind, updatedAt, content }: SourceRecord): string[] {
  const kept: unknown = JSON.parse(JSON.stringify(content))
  return [
    ...(sourceKinds.includes(sourceKind)
      ? []
      : [`${id}: it has records of ${sourceKind}, which it does not name.`]),
    ...(Number.isNaN(updatedAt.getTime()) ? [`${id}: ${sourceKind} has a time that is none.`] : []),
    ...(isDeepStrictEqual(kept, content) ? [] : [`${id}: the content of ${sourceKind} is no plain JSON.`]),
  ]
}

class Undone extends Error {}

/** Judges everything twice, in transactions that are rolled back. */
async function mistakesOfProject(
  definition: SyncJobDefinition,
  { deps, org, sizes = [100, 7] }: Trial,
  sources: readonly Source[],
): Promise<string[]> {
  const latest = new Map<string, ChangedRecord>()
  for (const source of sources)
    for (const record of (await pagesOf(source, sizes[0])).records)
      latest.set(subjectText(record), { ...record, before: null })
  const run = { deps, org, jobId: definition.id, runId: 'trial', mode: 'full', now: deps.clock() } as const
  const judge = () =>
    undone(deps, (tx) => definition.project(tx, run satisfies RunContext, [...latest.values()]))
  const [first, second] = [await judge(), await judge()]
  const known = new Set(definition.classes)
  return [
    ...(isDeepStrictEqual(first, second) ? [] : ['project answers something else the second time.']),
    ...first.findings
      .filter((each) => !known.has(each.class))
      .map((each) => `project found ${each.class}, which is none of the job's classes.`),
    ...first.findings
      .filter((each) => !first.judged.some((subject) => subjectText(subject) === subjectText(each)))
      .map(({ key }) => `project found something of ${key}, which it does not say it judged.`),
  ]
}

async function undone<T>(deps: Deps, work: (tx: Transaction) => Promise<T>): Promise<T> {
  let result: { value: T } | undefined
  await deps.db
    .transaction(async (tx) => {
      result = { value: await work(tx) }
      throw new Undone()
    })
    .catch((error: unknown) => {
      if (!(error instanceof Undone)) throw error
    })
  return (result as { value: T }).value
}
