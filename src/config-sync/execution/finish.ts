import { startRebuild } from '../../config-hub/index/rebuild.ts'
import { recordPairs } from '../../config-hub/lineage/lineage.ts'
import { requireType } from '../../config-hub/types/registry.ts'
import { same } from '../../config-store/rules.ts'
import { stableOf } from '../planning/content.ts'
import { auditEnd } from './audit.ts'
import { documentOf } from './document.ts'
import { endJob } from './end.ts'
import type { JobStatus, Row, Stats } from './job.ts'
import { baseAt, contentsOf, holdJob, Superseded, writeEvents, writeVerdicts } from './store.ts'
import { lineageOrg, namingOf, pairOf, rowOf, type Work } from './work.ts'

const BATCH = 500
/** Documents that are read back at once. */
const READS = 8

/** The last phase: pairs that were found equal are recorded, rollbacks are read back, the job ends by its rows. */
export async function finish(work: Work, stats: Omit<Stats, 'verified'>): Promise<void> {
  await recordEqual(work)
  const verified =
    work.job.kind === 'rollback' || work.job.kind === 'restore' ? await verify(work) : undefined
  const { deps, job, counts } = work
  const status = statusOf(work.rows, (verified?.different ?? 0) > 0)
  const bad = work.rows.filter(isBad).length
  await deps.db.transaction(async (tx) => {
    const now = deps.clock()
    const after = await holdJob(tx, job, { phase: 'finalize', batch: null, counts }, 1, 'running')
    const message = `ended ${status}`
    await writeEvents(
      tx,
      job,
      [{ phase: 'finalize', status: bad > 0 ? 'failed' : 'skipped', message }],
      after,
      now,
    )
    // what lived elsewhere is in the index until that is read anew
    const rebuildTriggered = job.kind === 'delete' && work.rows.some(({ status: is }) => is === 'deleted')
    if (rebuildTriggered) await startRebuild(tx, job.targetOrg, now)
    const error = bad > 0 ? `${bad} of ${work.rows.length} could not be done.` : null
    const ended = await endJob(tx, job, {
      status,
      error,
      stats: {
        ...stats,
        ...(verified ? { verified } : {}),
        ...(rebuildTriggered ? { rebuildTriggered } : {}),
      },
      now,
    })
    if (!ended) throw new Superseded('The job has ended.')
    await auditEnd(tx, job, status, counts, now)
  })
}

/** What was not done; a protected configuration is left alone on purpose. */
const isBad = ({ status, code }: Row): boolean =>
  status === 'failed' || (status === 'skipped' && code !== null && code !== 'protected')

export function statusOf(rows: readonly Row[], different: boolean): JobStatus {
  const bad = rows.filter(isBad).length
  if (bad === 0) return different ? 'partial' : 'succeeded'
  return bad === rows.length ? 'failed' : 'partial'
}

/** Pairs of which nothing was written and that have something new to remember: matched anew, or changed alike on both sides. */
async function recordEqual(work: Work): Promise<void> {
  const { deps, job } = work
  const equal = work.rows.filter(
    ({ action, status, hasBase, targetId }) =>
      job.kind === 'sync' &&
      targetId !== null &&
      status === 'skipped' &&
      hasBase &&
      (action === 'none' || action === 'patch'),
  )
  for (let at = 0; at < equal.length; at += BATCH) {
    const some = equal.slice(at, at + BATCH)
    await deps.db.transaction(async (tx) => {
      const now = deps.clock()
      await holdJob(tx, job, { phase: 'finalize', batch: null, counts: work.counts }, 0, 'running')
      const pairs = some.flatMap((row) => pairOf(work, row, row.targetId as string, now))
      await recordPairs(tx, lineageOrg(work), pairs, baseAt(job))
    })
  }
}

type Verdict = { seq: number; verified: 'bytes' | 'content' | 'different' }

/** Reads back what was written, and says of each row whether it is what it was to be. */
async function verify(work: Work): Promise<Stats['verified']> {
  const { deps, job, signal } = work
  const written = work.rows.filter(({ status }) => ['created', 'patched', 'deleted'].includes(status))
  const total = { equal: 0, different: 0 }
  for (let at = 0; at < written.length; at += BATCH) {
    const seqs = written.slice(at, at + BATCH).map(({ seq }) => seq)
    const contents = await contentsOf(deps.db, job, seqs, deps.sealing)
    const verdicts: Verdict[] = []
    const left = [...seqs]
    const reader = async () => {
      for (let seq = left.pop(); seq !== undefined; seq = left.pop()) {
        signal.throwIfAborted()
        verdicts.push({ seq, verified: await verdictOf(work, seq, contents) })
      }
    }
    await Promise.all(Array.from({ length: READS }, reader))
    await deps.db.transaction(async (tx) => {
      await holdJob(tx, job, { phase: 'finalize', batch: null, counts: work.counts }, 0, 'running')
      await writeVerdicts(tx, job, verdicts)
    })
    const different = verdicts.filter(({ verified }) => verified === 'different').length
    total.different += different
    total.equal += verdicts.length - different
  }
  return total
}

async function verdictOf(
  work: Work,
  seq: number,
  contents: Awaited<ReturnType<typeof contentsOf>>,
): Promise<Verdict['verified']> {
  const row = rowOf(work, seq)
  const type = requireType(work.target.registry, row.type)
  const found = await work.target.connectorOf(type).get(type, row.targetId as string, work.signal)
  const content = contents.get(seq)
  if (row.action === 'delete' || !content?.desired) return found ? 'different' : 'bytes'
  if (!found) return 'different'
  const wanted = documentOf(
    content,
    namingOf(work, [], () => true),
  )
  if (JSON.stringify(found.document) === JSON.stringify(wanted)) return 'bytes'
  return same(stableOf(type, found.document), stableOf(type, wanted)) ? 'content' : 'different'
}
