import assert from 'node:assert/strict'
import sql from 'sql-template-tag'
import type { Boundary } from '../../src/config-sync/execution/request.ts'
import type { Deps } from '../../src/deps.ts'
import { planOf, stateOf, type Wanted } from '../config-sync/jobs.ts'
import type { TestApp } from '../harness/app.ts'
import { addType } from '../harness/store.ts'
import type { SyncTarget } from './sync-target.ts'

export const BOUNDARIES: readonly Boundary[] = [
  'before-intent',
  'after-intent',
  'after-request',
  'after-outcome',
]

/** An organisation whose things live at the target. */
export async function openOrg(
  app: TestApp,
  org: string,
  target: SyncTarget,
  more: Record<string, unknown> = {},
): Promise<void> {
  app.deps.config.allowPrivateConnectors = true
  await app.org(org)
  await addType(app, org, {
    type: 'thing',
    connector: 'place',
    references: [{ path: '/parents/*', type: 'thing' }],
    natural_key: ['/key'],
    volatile_paths: ['/revision'],
    ...more,
  })
  const key = await app.key({ org, role: 'automation' })
  const { status, body } = await key.call('PUT', '/v1/connectors/place', {
    kind: 'rest',
    mapping: target.mapping(),
  })
  assert.equal(status, 200, JSON.stringify(body))
}

/** What must be true once such a job has ended: each wanted one is there once, refers to the right ones, and is accounted for. */
export async function checkDone(
  deps: Deps,
  org: string,
  id: string,
  target: SyncTarget,
  wanted: readonly Wanted[],
): Promise<void> {
  const { job, counts, rows } = await stateOf(deps, org, id)
  assert.equal(job.status, 'succeeded', job.id)
  assert.deepEqual(counts, { total: wanted.length, created: wanted.length })
  assert.deepEqual(rows, counts)
  assert.deepEqual(target.wrong, [])
  const things = [...target.things.values()]
  assert.deepEqual(
    things.map(({ key }) => key).sort(),
    wanted.map(({ desired }) => desired?.key).sort(),
    'each once',
  )
  const keyById = new Map(things.map(({ id, key }) => [id, key]))
  const byKey = new Map(things.map((thing) => [thing.key, thing]))
  for (const { desired, references = [] } of wanted) {
    const made = byKey.get(desired?.key)
    assert.ok(made)
    const parents = (made.parents as string[]).map((id) => keyById.get(id)).sort()
    assert.deepEqual(
      parents,
      references.map(({ to }) => wanted[to]?.desired?.key).sort(),
      String(desired?.key),
    )
  }
  // what was asked for is what the plan needs, whatever was lost on the way
  assert.equal(target.writes, planOf(wanted).tasks.length, 'writes')
  const open = await deps.db.query(sql`
    SELECT row_seq, step, outcome FROM config_journal WHERE org = ${org} AND job_id = ${id} AND outcome <> 'done'`)
  assert.deepEqual(open, [])
}
