import sql from 'sql-template-tag'
import { symbolOf } from '../../src/config-hub/compare/normalise.ts'
import type { Document } from '../../src/config-hub/index/entry.ts'
import type { Counts } from '../../src/config-sync/execution/job.ts'
import { type Hooks, runJob } from '../../src/config-sync/execution/run.ts'
import { countRows, findSyncJob } from '../../src/config-sync/execution/store.ts'
import { order } from '../../src/config-sync/planning/order.ts'
import type { PlanRow, SyncPlan } from '../../src/config-sync/planning/plan.ts'
import type { Deps } from '../../src/deps.ts'
import { canonical, sha256 } from '../../src/operation/plan.ts'

/** A row of a plan that a test writes by hand. */
export type Wanted = Partial<PlanRow> & Pick<PlanRow, 'type' | 'sourceId' | 'action'>

/** A plan of rows that a test says; requests are ordered as planning orders them. */
export function planOf(wanted: readonly Wanted[]): SyncPlan {
  const rows = wanted.map(
    (row): PlanRow => ({
      title: row.sourceId,
      targetId: row.sourceId,
      matchedBy: null,
      revision: null,
      references: [],
      changes: [],
      desired: null,
      secrets: {},
      base: row.desired ?? null,
      mayDuplicate: false,
      warnings: [],
      ...row,
    }),
  )
  const acting = rows.map(({ sourceId, action, references }) => ({
    key: sourceId,
    action: action === 'create' || action === 'patch' ? action : ('none' as const),
    references,
  }))
  const ordered = order(acting)
  const tasks: SyncPlan['tasks'] = ordered.tasks.map(({ step, kind, after, omits }, index) => ({
    ...{ row: step, kind, after, omits },
    level: ordered.levels[index] as number,
  }))
  const deletes = rows.flatMap(({ action }, row) =>
    action === 'delete' ? [{ row, kind: 'delete' as const, after: [], omits: [], level: 0 }] : [],
  )
  return {
    rows,
    tasks: [...tasks, ...deletes],
    cycles: ordered.cycles,
    digest: sha256(canonical(rows)),
  }
}

export type NewJob = {
  id: string
  org: string
  targetOrg: string
  sourceOrg?: string | null
  kind?: string
  dryRun?: boolean
  authority?: { org: string; principal: string }
  holder?: string
  ofJob?: string
}

/** A job as creating one leaves it. */
export async function insertJob(deps: Deps, job: NewJob): Promise<void> {
  const { id, org, targetOrg, sourceOrg = org, kind = 'sync', dryRun = false, authority, holder, ofJob } = job
  const request = JSON.stringify(authority ? { authority } : {})
  await deps.db.query(sql`
    INSERT INTO config_jobs (org, id, kind, status, stage, direction, source_org, target_org, dry_run, request,
      requested_by, of_job, needs_token, holder, counts, created_at)
    VALUES (${org}, ${id}, ${kind}, 'pending', 'planning', ${kind === 'sync' ? 'push' : null}, ${sourceOrg}, ${targetOrg},
      ${dryRun}, ${request}::jsonb, '{"displayName": "Tester"}', ${ofJob ?? null}, ${holder !== undefined}, ${holder ?? null}, '{}', now())`)
}

export const hooksOf = (plan: SyncPlan, more: Partial<Hooks> = {}): Hooks => ({
  plan: async () => plan,
  decide: async () => 'run',
  ...more,
})

/** One attempt at a job in this process. */
export const attempt = (
  deps: Deps,
  org: string,
  id: string,
  hooks: Hooks,
  signal = new AbortController().signal,
) => runJob(deps, { data: { org, id }, signal, last: false }, hooks)

export type RowState = {
  seq: number
  sourceId: string
  targetId: string | null
  status: string
  code: string | null
  error: string | null
}

export const rowStates = (deps: Deps, org: string, id: string): Promise<RowState[]> =>
  deps.db.query<RowState>(sql`
    SELECT seq, source_id AS "sourceId", target_id AS "targetId", status, code, error FROM config_job_rows
     WHERE org = ${org} AND job_id = ${id} ORDER BY seq`)

/** The job, and whether its counts are what its rows say. */
export async function stateOf(deps: Deps, org: string, id: string) {
  const job = await findSyncJob(deps.db, org, id)
  if (!job) throw new Error(`no job ${id}`)
  return { job, counts: positive(job.counts), rows: positive(await countRows(deps.db, { org, id })) }
}

const positive = (counts: Counts): Counts =>
  Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0))

/** `count` configurations of the type, each referring to some before it, and now and then one in a circle with the next. */
export function chained(type: string, count: number, by: 'symbol' | 'id'): Wanted[] {
  const name = (n: number) => (by === 'symbol' ? symbolOf(type, `s-${n}`) : `s-${n}`)
  return Array.from({ length: count }, (_, n): Wanted => {
    const to = [...new Set([n >> 1, n - 7].filter((each) => each >= 0 && each !== n))]
    // every twentieth knows its successor too, which refers back to it
    if (n % 20 === 10 && n + 1 < count) to.push(n + 1)
    if (n % 20 === 11) to.push(n - 1)
    const desired: Document = { name: `Thing ${n}`, key: `key-${n}`, parents: [...new Set(to)].map(name) }
    return {
      ...{ type, sourceId: `s-${n}`, action: 'create', desired },
      targetId: by === 'symbol' ? null : `s-${n}`,
      references: [...new Set(to)].map((each) => ({ to: each, required: false })),
    }
  })
}
