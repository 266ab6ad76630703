import sql from 'sql-template-tag'
import { insertItem } from '../src/catalog/store.ts'
import { idOf } from '../src/demo/stripe/objects.ts'
import type { Deps } from '../src/deps.ts'
import { beginRun, findRun } from '../src/sync-jobs/engine/runs.ts'
import { runJob } from '../src/sync-jobs/engine/work.ts'
import { stripeCatalog } from '../src/sync-jobs/stripe-catalog/definition.ts'
import type { Found } from './stripe-catalog-peers.ts'
import { ORG } from './world.ts'

const JOB = stripeCatalog.id

/** Items that are mapped to the first of the active prices; every hundredth says another amount than Stripe. */
export async function fillCatalog(deps: Deps, items: number): Promise<void> {
  await deps.db.transaction(async (tx) => {
    for (let index = 0; index < items; index++) {
      const recurring = index % 3 === 0
      await insertItem(
        tx,
        ORG,
        {
          sourceKind: recurring ? 'membership-tier' : 'lesson-offering',
          key: `item-${index}`,
          title: `Item ${index}`,
          status: 'active',
          visible: true,
          amountCents: 500 + (index % 200) * 25 + (index % 100 === 0 ? 1 : 0),
          currency: 'usd',
          interval: recurring ? 'month' : null,
          stripePriceId: idOf('price', `seeded ${index}`),
          details: {},
        },
        new Date(),
      )
    }
  })
}

/** A full run from its request to its end, in this process; or what is left of one that broke off. */
export async function scanOnce(deps: Deps): Promise<void> {
  const request = { org: ORG, jobId: JOB, mode: 'full' as const, requestedBy: 'bench', now: deps.clock() }
  const { run } = await deps.db.transaction((tx) => beginRun(tx, request))
  const { signal } = new AbortController()
  for (;;) {
    await runJob.run(deps, { data: { org: ORG, id: run.id }, signal, last: false })
    const now = await findRun(deps.db, ORG, run.id)
    if (now?.status === 'completed') return
    if (now?.status !== 'paused') throw new Error(`The run is ${now?.status}: ${now?.errorCode}.`)
    const pause = (now.resumeAt?.getTime() ?? 0) - Date.now()
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, pause)))
  }
}

/** Prices that the job knows now, and findings that are open. */
export async function foundBy(deps: Deps): Promise<Found & { findings: number }> {
  const [prices] = await deps.db.query<Found>(sql`
    SELECT count(*) FILTER (WHERE content->>'active' = 'true') AS active,
           count(*) FILTER (WHERE content->>'active' = 'false') AS archived
      FROM sync_records WHERE org = ${ORG} AND job_id = ${JOB} AND source_kind = 'stripe-price'`)
  const [findings] = await deps.db.query<{ count: number }>(
    sql`SELECT count(*) AS count FROM sync_findings WHERE org = ${ORG} AND job_id = ${JOB} AND status = 'open'`,
  )
  return { ...(prices as Found), findings: findings?.count ?? 0 }
}

/** As on a new installation: rows that were only deleted would still be waded through. */
export async function forgetAll(deps: Deps): Promise<void> {
  await deps.db.pool.query('TRUNCATE sync_findings, sync_records, sync_runs, sync_jobs')
}
