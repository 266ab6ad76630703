import assert from 'node:assert/strict'
import sql from 'sql-template-tag'
import { indexEntries, tombstone } from '../../src/config-hub/index/write.ts'
import { registryOf } from '../../src/config-hub/types/registry.ts'
import { pageDocuments, writeDocuments } from '../../src/config-store/documents.ts'
import type { Hooks } from '../../src/config-sync/execution/run.ts'
import { jobHooks, syncOf } from '../../src/config-sync/jobs/hooks.ts'
import type { SyncPlan } from '../../src/config-sync/planning/plan.ts'
import { gather, planJob } from '../../src/config-sync/planning/plan-job.ts'
import { planOf } from '../../src/config-sync/planning/plan-sync.ts'
import { fetched } from '../../src/config-sync/planning/reader.ts'
import type { Deps } from '../../src/deps.ts'
import { attempt, insertJob } from '../config-sync/jobs.ts'
import type { TestApp } from '../harness/app.ts'
import type { Random } from '../harness/seeded.ts'
import { addType } from '../harness/store.ts'
import { type Doc, KINDS, type Kind, type Side, type Sync } from './sync-model.ts'
import { FAULTS, type Fault, type OwnPlace, openPlace, type Place } from './sync-model-place.ts'

/** Where organisation b has its documents: in the store, or at a place that takes ids or makes them. */
export type Setting = 'store' | 'chosen ids' | 'made ids'
export type Documents = Record<Kind, Map<string, Doc>>

/** A server that runs, or what it runs on. */
export type Ground = Pick<TestApp, 'deps' | 'org' | 'key'>

export type World = {
  deps: Deps
  setting: Setting
  orgs: Record<Side, string>
  keys: Record<Side, Awaited<ReturnType<Ground['key']>>>
  /** What was wrong with requests to the place. */
  wrong(): Promise<readonly string[]>
  read(side: Side): Promise<Documents>
  /** As people edit, without the sync. */
  put(side: Side, kind: Kind, id: string, doc: Doc): Promise<void>
  remove(side: Side, kind: Kind, id: string): Promise<void>
  /** How often anything was written on a side. */
  writes(side: Side): Promise<number>
  insert(what: Sync | Ran): Promise<JobRef>
  /** Rows that were planned without their documents so far. */
  settled(): number
  /** Does a sync, or takes one back; `planned` is called once that is planned and before anything is written. */
  run(what: Sync | Ran, trouble?: Trouble, planned?: () => Promise<void>): Promise<Ran>
  close(): Promise<void>
}

export type RanRow = {
  seq: number
  type: Kind
  sourceId: string
  targetId: string | null
  action: string
  status: string
  code: string | null
  error: string | null
  changes: unknown
  /** Of rollbacks. */
  verified: string | null
}
export type JobRef = { org: string; id: string; to: Side }
export type Ran = JobRef & { status: string; error: string | null; rows: RanRow[]; crashes: number }

/** What befalls a job: so many crashes, and of so many requests one that goes wrong. */
export type Trouble = { random: Random; crashes: number; oneIn: number }

export class Crash extends Error {}

let worlds = 0

/** Two organisations of their own; without a `place` that is given, one in this process where the setting has one. */
export async function openWorld(ground: Ground, setting: Setting, given?: Place): Promise<World> {
  const { deps } = ground
  const name = `world-${process.pid}-${++worlds}`
  const orgs: World['orgs'] = { a: `${name}-a`, b: `${name}-b` }
  const choosesIds = setting === 'chosen ids'
  const own = setting === 'store' || given ? undefined : await openPlace({ choosesIds })
  const place: Place | undefined = given ?? own
  deps.config.allowPrivateConnectors = true
  const open = async (side: Side) => {
    await ground.org(orgs[side])
    const key = await ground.key({ org: orgs[side], role: 'automation' })
    const elsewhere = side === 'b' && place !== undefined
    await defineTypes(deps, orgs[side], elsewhere ? 'place' : 'store')
    if (!elsewhere) return key
    const body = { kind: 'rest', mapping: place.mapping() }
    const reply = await key.call('PUT', '/v1/connectors/place', body)
    assert.equal(reply.status, 200, JSON.stringify(reply.body))
    return key
  }
  const keys: World['keys'] = { a: await open('a'), b: await open('b') }
  const isStore = (side: Side) => side === 'a' || !place

  async function write(side: Side, kind: Kind, id: string, doc: Doc | undefined): Promise<void> {
    const org = orgs[side]
    if (!isStore(side)) {
      assert.ok(own, 'people write to a place in this process only')
      return writeElsewhere(deps, org, own, kind, id, doc)
    }
    const registry = await registryOf(deps.db, org)
    const of = { type: kind, id }
    await deps.db.transaction((db) =>
      writeDocuments({ db, deps, org, now: deps.clock(), author: 'people' }, registry, [
        doc ? { ...of, op: 'put', document: doc } : { ...of, op: 'delete' },
      ]),
    )
  }

  async function read(side: Side): Promise<Documents> {
    if (!isStore(side)) return (await (place as Place).state()).documents
    const found = KINDS.map(async (kind) => {
      const documents = await pageDocuments(deps.db, orgs[side], kind, { after: null, size: 10_000 })
      return new Map(documents.map(({ id, document }) => [id, document]))
    })
    const [node, leaf] = (await Promise.all(found)) as [Map<string, Doc>, Map<string, Doc>]
    return { node, leaf }
  }

  let jobs = 0
  const authorityOf = (side: Side) => ({ org: orgs[side], principal: `key:${keys[side].id}` })
  /** As creating one leaves it, pushed by the source's organisation. */
  async function insert(what: Sync | Ran): Promise<JobRef> {
    const id = `job-${++jobs}`
    const authority = authorityOf(what.to)
    if ('rows' in what) {
      const { org, to } = what
      await insertJob(deps, { id, org, targetOrg: orgs[to], kind: 'rollback', ofJob: what.id, authority })
      return { org, id, to }
    }
    const { from, to, resources, dependencies, choice } = what
    const org = orgs[from]
    await insertJob(deps, { id, org, targetOrg: orgs[to], authority })
    const conflicts = { default: choice, places: [] }
    const request = { authority, resources, conflicts, includeDependencies: dependencies }
    await deps.db.query(
      sql`UPDATE config_jobs SET request = ${JSON.stringify(request)}::jsonb WHERE org = ${org} AND id = ${id}`,
    )
    return { org, id, to }
  }

  let settled = 0
  /** Plans as jobs do, and once more with every document read: both have to say the same. */
  const planTwice: Hooks['plan'] = async (deps, job, sides, signal) => {
    if (job.kind !== 'sync') return jobHooks.plan(deps, job, sides, signal)
    const request = syncOf(deps, job, sides, signal)
    const outline = await gather(deps, request)
    settled += outline.settled.size
    const plan = planOf(outline)
    const whole = await planJob(deps, { ...request, thorough: true })
    const told = ({ rows, ...rest }: SyncPlan) => ({ ...rest, rows: rows.map(withoutSettled) })
    assert.deepEqual(told(plan), told(whole), 'a plan with all documents read')
    return plan
  }

  async function run(what: Sync | Ran, trouble?: Trouble, planned?: () => Promise<void>): Promise<Ran> {
    const job = await insert(what)
    const boundary = trouble ? crashesOf(trouble) : () => {}
    if (own && trouble) own.fault = faultsOf(trouble)
    const decide = async () => {
      await planned?.()
      return 'run' as const
    }
    const hooks: Hooks = { plan: planTwice, decide, at: boundary }
    const crashes = await untilEnded(deps, job, hooks, boundary)
    if (own) own.fault = () => 'none'
    return { ...job, ...(await outcomeOf(deps, job)), crashes }
  }

  return {
    ...{ deps, setting, orgs, keys, read, insert, run },
    settled: () => settled,
    put: write,
    remove: (side, kind, id) => write(side, kind, id, undefined),
    wrong: async () => (place ? (await place.state()).wrong : []),
    async writes(side) {
      if (!isStore(side)) return (await (place as Place).state()).writes
      const [row] = await deps.db.query<{ count: number }>(
        sql`SELECT coalesce(sum(version), 0)::integer AS count FROM config_documents WHERE org = ${orgs[side]}`,
      )
      return row?.count ?? 0
    },
    async close() {
      await own?.close()
    },
  }
}

const withoutSettled = ({ settledAs: _, ...row }: SyncPlan['rows'][number]) => row

async function defineTypes(deps: Deps, org: string, connector: string): Promise<void> {
  const type = { connector, volatile_paths: ['/revision'], natural_key: ['/mark'] }
  const references = [
    { path: '/main', type: 'node' },
    { path: '/leaf', type: 'leaf' },
    { path: '/peers/*', type: 'node' },
  ]
  await addType({ deps }, org, { ...type, type: 'node', references })
  const needs = [{ path: '/node', type: 'node', required: true }]
  await addType({ deps }, org, { ...type, type: 'leaf', references: needs })
}

/** What people do to a place elsewhere, and what a rebuild of the index then makes of it. */
async function writeElsewhere(
  deps: Deps,
  org: string,
  place: OwnPlace,
  kind: Kind,
  id: string,
  doc: Doc | undefined,
): Promise<void> {
  const all = place.documents[kind]
  const revision = (all.get(id)?.revision ?? 0) + 1
  if (doc) all.set(id, { ...doc, id, revision })
  else all.delete(id)
  const type = (await registryOf(deps.db, org)).get(kind)
  assert.ok(type)
  const now = deps.clock()
  await deps.db.transaction(async (tx) => {
    if (!doc) return tombstone(tx, org, [{ type: kind, id }], now)
    const item = {
      id,
      document: doc,
      revision: String(revision),
      version: 0,
      updatedAt: now,
      updatedBy: null,
    }
    return indexEntries(tx, org, [fetched(type, { id: 'place' }, item).entry])
  })
}

/** Starts a job again and again until it has ended; answers how often it crashed. */
export async function untilEnded(
  deps: Deps,
  { org, id }: JobRef,
  hooks: Hooks,
  boundary: (at: string) => void,
): Promise<number> {
  for (let crashes = 0; ; crashes++)
    try {
      // a process that starts knows nothing of the one before it
      await attempt(crashing(deps, boundary), org, id, hooks)
      return crashes
    } catch (error) {
      if (!(error instanceof Crash)) throw error
    }
}

/** Called at each boundary; throws at some of them. */
function crashesOf({ random, crashes }: Trouble): (boundary: string) => void {
  let left = crashes
  let next = 1 + random.below(12)
  return (boundary) => {
    if (left === 0 || --next > 0) return
    left--
    next = 1 + random.below(12)
    throw new Crash(boundary)
  }
}

/** The same, of which transactions fail before they begin, or are done without an answer. */
function crashing(deps: Deps, boundary: (at: string) => void): Deps {
  const transaction: Deps['db']['transaction'] = async (work) => {
    boundary('before a transaction')
    const result = await deps.db.transaction(work)
    boundary('after a transaction')
    return result
  }
  return { ...deps, db: { ...deps.db, transaction } }
}

const faultsOf =
  ({ random, oneIn }: Trouble) =>
  (): Fault =>
    random.below(oneIn) === 0 ? (FAULTS[random.below(FAULTS.length)] as Fault) : 'none'

/** What became of a job, as its rows say. */
export async function outcomeOf(
  deps: Pick<Deps, 'db'>,
  { org, id }: Pick<JobRef, 'org' | 'id'>,
): Promise<Pick<Ran, 'status' | 'error' | 'rows'>> {
  const rows = await deps.db.query<RanRow>(sql`
    SELECT seq, type, source_id AS "sourceId", target_id AS "targetId", action, status, code, error,
           plan->'changes' AS changes, plan->>'verified' AS verified
      FROM config_job_rows WHERE org = ${org} AND job_id = ${id} ORDER BY seq`)
  const [job] = await deps.db.query<{ status: string; error: string | null }>(
    sql`SELECT status, error FROM config_jobs WHERE org = ${org} AND id = ${id}`,
  )
  return { status: job?.status ?? 'gone', error: job?.error ?? null, rows }
}
