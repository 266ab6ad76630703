import type { Secrets } from '../../config-store/secrets.ts'
import type { Deps } from '../../deps.ts'
import { liveOf } from './gather-live.ts'
import { keyText } from './input.ts'
import type { SyncPlan } from './plan.ts'
import { placesOf } from './plan-job.ts'
import { type DoneRow, type DoneWrite, planRollback } from './plan-rollback.ts'
import { beganAt, type WrittenRow, writesOf, writtenRows } from './read-journal.ts'
import { dependantsOf } from './read-store.ts'
import type { Side } from './reader.ts'

export type ReversalRequest = {
  /** Whose job it was. */
  org: string
  target: Side
  ofJob: string
  signal?: AbortSignal
}

/**
 * Plans to take back what a job did, by its journal and what there is now. Of a write that was never answered what is
 * there now says whether it happened, or its row is refused. Errors: what connectors throw.
 */
export async function planReversal(
  deps: Pick<Deps, 'db' | 'sealing'>,
  { org, target, ofJob, signal }: ReversalRequest,
): Promise<SyncPlan> {
  const [journal, rows] = await Promise.all([writesOf(deps.db, org, ofJob), writtenRows(deps.db, org, ofJob)])
  const writes = journal.map(({ image, sealed, ...row }): DoneWrite => {
    const secrets = sealed ? (JSON.parse(deps.sealing.unseal(sealed)) as Secrets) : {}
    return { ...row, before: image && { document: image, secrets } }
  })
  const keys = writes.flatMap(({ type, targetId }) => (targetId === null ? [] : [{ type, id: targetId }]))
  const once = [...new Map(keys.map((key) => [keyText(key), key])).values()]
  const live = await liveOf(deps, target, once, signal)
  const created = new Set(
    writes.filter(({ step }) => step === 'create').map(({ type, targetId }) => `${type}/${targetId}`),
  )
  const made = live.filter((each) => created.has(keyText(each)))
  // what referred to one of them before it was there does so again
  const since = (await beganAt(deps.db, org, ofJob)) ?? undefined
  const types = writes.map(({ type }) => ({ type, id: '' }))
  return planRollback({
    ...{ types: target.registry, places: placesOf(target, types), rows: doneRows(rows), writes, live },
    // of an organisation elsewhere nobody here knows who refers to what
    dependants: target.kind === 'local' ? await dependantsOf(deps.db, target.org, made, since) : [],
    hash: deps.sealing.hash,
  })
}

/** What a row refers to, and what its requests waited for. */
function doneRows(rows: readonly WrittenRow[]): DoneRow[] {
  const rowOfTask = new Map(rows.flatMap(({ seq, tasks }) => tasks.map(({ task }) => [task, seq])))
  return rows.map(({ seq, title, references, tasks }) => ({
    ...{ seq, title },
    waitedFor: [
      ...new Set([
        ...references.map(({ to }) => to),
        ...tasks.flatMap(({ after }) => after.flatMap((task) => rowOfTask.get(task) ?? [])),
      ]),
    ].filter((to) => to !== seq),
  }))
}
