import { schedulesList } from '../../src/config-sync/schedules-list.ts'
import { schedulesPut } from '../../src/config-sync/schedules-put.ts'
import { schedulesRemove } from '../../src/config-sync/schedules-remove.ts'
import { snapshotItemsList } from '../../src/config-sync/snapshot-items-list.ts'
import { takeSnapshot } from '../../src/config-sync/snapshots/take.ts'
import { snapshotsCreate } from '../../src/config-sync/snapshots-create.ts'
import { snapshotsDiff } from '../../src/config-sync/snapshots-diff.ts'
import { snapshotsList } from '../../src/config-sync/snapshots-list.ts'
import { snapshotsRead } from '../../src/config-sync/snapshots-read.ts'
import { snapshotsRemove } from '../../src/config-sync/snapshots-remove.ts'
import { OPERATIONS } from '../../src/operations.ts'
import { type Caller, type TestApp, testApp } from '../harness/app.ts'
import { addType, documentsAs } from '../harness/store.ts'

const OWN = [
  snapshotsList,
  snapshotsCreate,
  snapshotsRead,
  snapshotItemsList,
  snapshotsDiff,
  snapshotsRemove,
  schedulesList,
  schedulesPut,
  schedulesRemove,
]

/** Two organisations; the first has the types `thing` (with a secret and a volatile member) and `other_thing`. */
export async function snapshotApp(): Promise<TestApp> {
  const operations = [...OPERATIONS, ...OWN.filter((each) => !OPERATIONS.some(({ id }) => id === each.id))]
  const app = await testApp({ operations: operations as typeof OPERATIONS })
  for (const org of ['laurel', 'other']) await app.org(org)
  const paths = { secret_paths: ['/token'], volatile_paths: ['/seen'] }
  await addType(app, 'laurel', { type: 'thing', ...paths })
  await addType(app, 'laurel', { type: 'other_thing' })
  return app
}

/** What a caller does with snapshots. */
export const snapshotsAs = (app: TestApp, caller: Caller, org = 'laurel') => ({
  things: documentsAs(caller, 'thing'),
  others: documentsAs(caller, 'other_thing'),
  call: caller.call,
  /** Asks for a snapshot and takes it, as the job would. */
  async take(body: Record<string, unknown> = {}): Promise<any> {
    const made = await caller.call('POST', '/v1/configs/snapshots', { name: 'Before', ...body })
    if (made.status !== 201) throw new Error(JSON.stringify(made.body))
    await run(app, org, made.body.id)
    return (await caller.call('GET', `/v1/configs/snapshots/${made.body.id}`)).body
  },
  /** All pages of a list below a snapshot. */
  async all(path: string, query: Record<string, unknown> = {}): Promise<any[]> {
    const found: any[] = []
    for (let cursor: string | undefined; ; ) {
      const asked = new URLSearchParams({ ...query, ...(cursor ? { cursor } : {}) } as Record<string, string>)
      const { status, body } = await caller.call('GET', `/v1/configs/snapshots${path}?${asked}`)
      if (status !== 200) throw new Error(JSON.stringify(body))
      found.push(...body.results)
      cursor = body.next_cursor
      if (cursor === undefined) return found
    }
  },
})

export const run = (app: TestApp, org: string, id: string, last = true): Promise<void> =>
  takeSnapshot(app.deps, { data: { org, id }, signal: new AbortController().signal, last })
