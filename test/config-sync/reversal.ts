import sql from 'sql-template-tag'
import { everyItem } from '../../src/config-hub/connectors/pages.ts'
import { derive } from '../../src/config-hub/index/derive.ts'
import type { Document } from '../../src/config-hub/index/entry.ts'
import type { ConfigType } from '../../src/config-hub/types/definition.ts'
import { split } from '../../src/config-store/secrets.ts'
import type { SyncJob } from '../../src/config-sync/execution/job.ts'
import { openSides } from '../../src/config-sync/execution/sides.ts'
import { findSyncJob } from '../../src/config-sync/execution/store.ts'
import { contentHash } from '../../src/config-sync/execution/work.ts'
import type { SyncPlan } from '../../src/config-sync/planning/plan.ts'
import { type Dependant, planDelete } from '../../src/config-sync/planning/plan-delete.ts'
import { placesOf, type Side } from '../../src/config-sync/planning/plan-job.ts'
import { type DoneWrite, type LiveNow, planRollback } from '../../src/config-sync/planning/plan-rollback.ts'
import type { Deps } from '../../src/deps.ts'

/** Everything of a type as it is at a place, as planning sees it. */
async function liveOf(deps: Deps, side: Side, type: ConfigType): Promise<LiveNow[]> {
  const found: LiveNow[] = []
  for await (const { id, document, revision } of everyItem(side.connectorOf(type), type)) {
    const { visible, given } = split(type, document)
    const origin = { id, connector: 'x', version: 0, updatedAt: new Date(0), updatedBy: null }
    const { title } = derive(type, visible, origin)
    const secretHashes = Object.fromEntries(
      Object.entries(given).map(([pointer, value]) => [pointer, deps.sealing.hash(JSON.stringify(value))]),
    )
    found.push({
      type: type.type,
      id,
      title,
      revision,
      document: visible,
      secretHashes,
      contentHash: contentHash(deps, document),
    })
  }
  return found
}

async function sideOf(deps: Deps, job: SyncJob): Promise<{ side: Side; type: ConfigType }> {
  const { target: side } = await openSides(deps, job)
  const type = side.registry.get('thing')
  if (!type) throw new Error('no things')
  return { side, type }
}

type Written = Omit<DoneWrite, 'before'> & { image: Document | null; sealed: Buffer | null }

/** What takes back what a job did to things. */
export async function rollbackOf(deps: Deps, org: string, id: string): Promise<SyncPlan> {
  const job = (await findSyncJob(deps.db, org, id)) as SyncJob
  const { side, type } = await sideOf(deps, job)
  const writes = await deps.db.query<Written>(sql`
    SELECT row_seq AS seq, step, true AS done, pre_revision AS "preRevision", done_order AS "doneOrder", type, target_id AS "targetId", pre_image AS image,
           pre_sealed AS sealed, post_revision AS "postRevision", post_hash AS "postHash"
      FROM config_journal WHERE org = ${org} AND job_id = ${id} AND outcome = 'done'`)
  const rows = await deps.db.query<{ seq: number; title: string; waitedFor: number[] }>(sql`
    WITH t AS (
      SELECT r.seq, r.title, r.plan->'references' AS refs, (x->>'task')::integer AS task, x->'after' AS after, place
        FROM config_job_rows r, jsonb_array_elements(r.plan->'tasks') WITH ORDINALITY AS x(x, place)
       WHERE r.org = ${org} AND r.job_id = ${id})
    SELECT seq, title, ARRAY(
      SELECT o.seq FROM t o
       WHERE t.after @> to_jsonb(o.task) OR t.refs @> jsonb_build_array(jsonb_build_object('to', o.seq))) AS "waitedFor" FROM t WHERE place = 1`)
  return planRollback({
    ...{ types: side.registry, places: placesOf(side, [{ type: 'thing', id: '' }]), rows },
    writes: writes.map(({ image, sealed, ...rest }) => ({
      ...rest,
      before: image && { document: image, secrets: sealed ? JSON.parse(deps.sealing.unseal(sealed)) : {} },
    })),
    live: await liveOf(deps, side, type),
    hash: deps.sealing.hash,
  })
}

/** What deletes some things of the organisation that the job is about. */
export async function deletionOf(
  deps: Deps,
  org: string,
  id: string,
  ids: readonly string[],
): Promise<SyncPlan> {
  const job = (await findSyncJob(deps.db, org, id)) as SyncJob
  const { side, type } = await sideOf(deps, job)
  const live = await liveOf(deps, side, type)
  const key = (of: string) => ({ type: 'thing', id: of })
  const dependants = live.flatMap(({ id: by, title, document }) =>
    ((document.parents as string[] | undefined) ?? []).map(
      (of): Dependant => ({ of: key(of), by: { ...key(by), title } }),
    ),
  )
  return planDelete({
    ...{ types: side.registry, places: placesOf(side, [key('')]), resources: ids.map(key) },
    ...{ live, dependants, checkDependencies: false, hash: deps.sealing.hash },
  })
}

/** The things of an organisation's store, to the letter, with their secrets. */
export async function stored(deps: Deps, org: string): Promise<Record<string, string>> {
  const rows = await deps.db.query<{ id: string; text: string; sealed: Buffer | null }>(sql`
    SELECT id, document::text AS text, sealed_secrets AS sealed FROM config_documents
     WHERE org = ${org} AND type = 'thing' AND document IS NOT NULL ORDER BY id`)
  return Object.fromEntries(
    rows.map(({ id, text, sealed }) => [id, `${text} ${sealed ? deps.sealing.unseal(sealed) : ''}`]),
  )
}

/** The pairs of an organisation's things as text. */
export const pairs = async (deps: Deps, org: string): Promise<string[]> =>
  (
    await deps.db.query<{ text: string }>(sql`
      SELECT concat_ws(' ', source_org, source_id, target_id, last_sync_job_id, last_synced_at, base) AS text
        FROM config_lineage WHERE org = ${org} AND type = 'thing' ORDER BY source_org, source_id`)
  ).map(({ text }) => text)
