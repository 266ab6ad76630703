import sql from 'sql-template-tag'
import type { Queryable } from '../../src/db/pool.ts'
import type { Deps } from '../../src/deps.ts'
import type {
  FindingDraft,
  Source,
  SourcePage,
  SourceRecord,
  SyncJobDefinition,
} from '../../src/sync-jobs/engine/definition.ts'
import { recordsOf } from '../../src/sync-jobs/engine/records-store.ts'
import { findRunRow, type RunRow } from '../../src/sync-jobs/engine/store.ts'
import { work } from '../../src/sync-jobs/engine/work.ts'

export const JOB = 'sync-job-things'

/** A thing of the test's source; it has drifted when its number is odd. */
export const thing = (n: number, more: Partial<SourceRecord> = {}): SourceRecord => ({
  sourceKind: 'thing',
  key: `thing-${String(n).padStart(5, '0')}`,
  updatedAt: new Date(Date.UTC(2026, 4, 16) + n * 1000),
  content: { n },
  ...more,
})

export type Feed = {
  records: SourceRecord[]
  pageSize: number
  /** Records of the page before that a page begins with. */
  overlap: number
  reads: (string | null)[]
  /** Called before each read; it may throw. */
  before(cursor: string | null): void | Promise<void>
}

export const feedOf = (records: SourceRecord[], more: Partial<Feed> = {}): Feed => ({
  records,
  pageSize: 10,
  overlap: 0,
  reads: [],
  before: () => {},
  ...more,
})

/** Pages of what the feed has now, by offset. */
export const sourceOf = (feed: Feed): Source => ({
  id: 'things',
  complete: true,
  sourceKinds: ['thing'],
  async read(cursor): Promise<SourcePage> {
    await feed.before(cursor)
    feed.reads.push(cursor)
    const from = Number(cursor ?? 0)
    const to = from + feed.pageSize
    return {
      records: feed.records.slice(Math.max(0, from - feed.overlap), to),
      next: to < feed.records.length ? String(to) : null,
      position: String(Math.min(to, feed.records.length)),
    }
  },
})

const drifted = ({
  sourceKind,
  key,
  content,
}: Pick<SourceRecord, 'sourceKind' | 'key' | 'content'>): FindingDraft[] =>
  Number(content.n) % 2 === 0
    ? []
    : [
        {
          ...{ sourceKind, key, class: 'odd', summary: `${key} is odd.`, evidence: { n: content.n ?? null } },
          ...{ evidenceHash: `hash-${String(content.n)}`, needsPerson: false },
        },
      ]

/** A job over one feed: whatever has an odd number is a finding. */
export const thingsJob = (feed: Feed, more: Partial<SyncJobDefinition> = {}): SyncJobDefinition => ({
  id: JOB,
  title: 'Things',
  classes: ['odd'],
  describe: {
    source: {
      ...{
        id: 'things',
        type: 'list',
        provider: 'test',
        credentials: 'none',
        modelVisibleIdentifiers: 'keys',
      },
      endpoint: { path: '/things', method: 'GET', auth: 'guest', description: 'Things' },
      records: ['things'],
    },
    target: {
      id: 'report',
      resourceUri: 'fanful://things',
      mode: 'report',
      writesEnabled: false,
      reviewBoundary: '',
    },
    keyFields: ['sourceKind', 'key', 'updatedAt'],
    duplicateBehavior: '',
    redactions: [],
  },
  sources: async () => ({ sources: [sourceOf(feed)], notes: [], coverage: 'both-sides' }),
  // from what is stored now, as a job that compares two sides has to
  async project(tx, { org, jobId }, changed) {
    const now = await recordsOf(tx, { org, jobId }, changed)
    return { judged: changed, findings: now.flatMap(drifted) }
  },
  ...more,
})

/** Works on a run in this process until it stands still. */
export async function runOut(deps: Deps, org: string, id: string): Promise<RunRow> {
  await work(deps, { data: { org, id }, signal: new AbortController().signal, last: false })
  return (await findRunRow(deps.db, org, id)) as RunRow
}

/** What the job has in its tables, recounted. */
export async function tables(deps: { db: Queryable }, org: string) {
  const [records, findings] = await Promise.all([
    deps.db.query<{ key: string; hash: string; n: number; deleted: boolean }>(sql`
      SELECT key, hash, (content->>'n')::integer AS n, deleted_at IS NOT NULL AS deleted FROM sync_records
       WHERE org = ${org} AND job_id = ${JOB} ORDER BY key`),
    deps.db.query<{ key: string; status: string }>(sql`
      SELECT key, status FROM sync_findings WHERE org = ${org} AND job_id = ${JOB} ORDER BY key`),
  ])
  return { records, findings }
}
