import { availableParallelism, loadavg } from 'node:os'
import pg from 'pg'
import sql from 'sql-template-tag'
import { createKey } from '../src/access/keys.ts'
import { createOrganisation } from '../src/access/organisations.ts'
import type { NodeKey } from '../src/config-hub/index/entry.ts'
import { registryOf } from '../src/config-hub/types/registry.ts'
import { writeDocuments } from '../src/config-store/documents.ts'
import { type Hooks, runJob } from '../src/config-sync/execution/run.ts'
import { countRows, findSyncJob } from '../src/config-sync/execution/store.ts'
import { planJob } from '../src/config-sync/planning/plan-job.ts'
import { insertJob } from '../test/config-sync/jobs.ts'
import { generate } from '../test/harness/organisation/generate.ts'
import { report } from './measure.ts'
import { ORG, openWorld, type World } from './world.ts'

const DOCUMENTS = 20_000
const ROUNDS = 3
const GOAL = 0.4
const GOAL_RATE = 3_000
const GOAL_UNCHANGED = 10_000
const CHUNK = 500

const METHOD = `sync-throughput: a job that promotes ${DOCUMENTS.toLocaleString('en')} configurations with references and circles from one organisation's
built-in store into another's empty one, from its claim to its end: both sides are read, the plan is made and kept, and
documents, index, journal, lineage, rows, events and counts are written, against INSERTs of the same rows of documents, nodes,
names, edges, mentions, lineage and journal into tables of the same definition, ${CHUNK} configurations' worth at a time.
Alternating, each side after a CHECKPOINT; the median of ${ROUNDS} rounds, each with a new target. "executing": without making the plan,
which the bench sync-plan measures. "unchanged": the same again, when all of it is there.`

/** What a sync leaves in the target, by table. */
const TABLES = [
  'config_documents',
  'config_nodes',
  'config_names',
  'config_edges',
  'config_mentions',
  'config_lineage',
  'config_journal',
] as const

export async function syncThroughput(): Promise<void> {
  console.log(METHOD)
  const world = await openWorld()
  const client = new pg.Client(world.storage.connection)
  await client.connect()
  try {
    const resources = await fill(world)
    for (const table of TABLES) await client.query(`CREATE TABLE bare_${table} (LIKE ${table} INCLUDING ALL)`)
    const ours: Took[] = []
    const same: Took[] = []
    const bares: number[] = []
    for (let round = 1; round <= ROUNDS; round++) {
      const org = `target${round}`
      const authority = await openTarget(world, org)
      const sync = (id: string) => synced(world, client, { id, org, authority, resources })
      ours.push(await sync(`write-${round}`))
      bares.push(await bare(client, await rowsOf(client, org, `write-${round}`)))
      const before = await written(world, org)
      same.push(await sync(`same-${round}`))
      if ((await written(world, org)) !== before) throw new Error('a sync of nothing wrote something')
      const took = [ours, same].map((all) => JSON.stringify(all.at(-1)))
      console.log(
        `round ${round}: ${took.join(' ')} bare ${bares.at(-1)?.toFixed(2)} s, load ${loadavg()[0]?.toFixed(1)}`,
      )
    }
    const rate = (seconds: readonly number[]) => Math.round(median(seconds.map((each) => DOCUMENTS / each)))
    const against = (seconds: readonly number[]) =>
      round2(median(seconds.map((each, index) => (bares[index] as number) / each)))
    const whole = ours.map(({ seconds }) => seconds)
    const executing = ours.map(({ seconds, planning }) => seconds - planning)
    const [ratio, perSecond] = [against(whole), rate(whole)]
    report(
      {
        ...{ bench: 'sync-throughput', ratio, goal: GOAL, perSecond, goalPerSecond: GOAL_RATE },
        ...{ executing: rate(executing), executingRatio: against(executing), bare: rate(bares) },
        ...{ documents: DOCUMENTS, cores: availableParallelism() },
      },
      ratio >= GOAL && perSecond >= GOAL_RATE,
    )
    const again = rate(same.map(({ seconds }) => seconds))
    report({
      ...{ bench: 'sync-unchanged', ratio: again, goal: GOAL_UNCHANGED, unit: 'configurations/s' },
      executing: rate(same.map(({ seconds, planning }) => seconds - planning)),
    })
  } finally {
    await client.end()
    await world.end()
  }
}

/** A generated organisation in the store of the source. */
async function fill({ deps }: World): Promise<NodeKey[]> {
  const registry = await registryOf(deps.db, ORG)
  const all = [...generate({ seed: 1, documents: DOCUMENTS })]
  for (let at = 0; at < all.length; at += CHUNK) {
    const some = all.slice(at, at + CHUNK)
    const writes = some.map(({ type, id, document }) => ({ type, id, document, op: 'put' as const }))
    await deps.db.transaction((db) =>
      writeDocuments({ db, deps, org: ORG, now: deps.clock(), author: 'bench' }, registry, writes),
    )
  }
  return all.map(({ type, id }) => ({ type, id }))
}

async function openTarget({ deps }: World, org: string): Promise<{ org: string; principal: string }> {
  await createOrganisation(deps.access, { slug: org })
  const key = await createKey(deps.access, { org, role: 'automation' })
  return { org, principal: `key:${key.id}` }
}

type Job = {
  id: string
  org: string
  authority: { org: string; principal: string }
  resources: readonly NodeKey[]
}
/** Seconds from the claim of a job to its end, and those of them in which its plan was made. */
type Took = { seconds: number; planning: number }

async function synced(
  { deps }: World,
  client: pg.Client,
  { id, org: targetOrg, authority, resources }: Job,
): Promise<Took> {
  await insertJob(deps, { id, org: ORG, targetOrg, authority })
  await client.query('CHECKPOINT')
  const signal = new AbortController().signal
  let planning = 0
  const plan: Hooks['plan'] = async (_, { org }, { source, target }) => {
    if (!source) throw new Error('a sync without a source')
    const from = performance.now()
    const request = { org, source, target, resources, includeDependencies: true, now: deps.clock() }
    const made = await planJob(deps, request)
    planning = (performance.now() - from) / 1000
    return made
  }
  const from = performance.now()
  await runJob(deps, { data: { org: ORG, id }, signal, last: true }, { plan, decide: async () => 'run' })
  const seconds = (performance.now() - from) / 1000
  const job = await findSyncJob(deps.db, ORG, id)
  const counts = await countRows(deps.db, { org: ORG, id })
  const { total = 0, failed = 0 } = counts
  // the planner refuses the few whose circle cannot be created
  if (job?.stage !== 'ended' || total < DOCUMENTS || failed > DOCUMENTS / 100)
    throw new Error(`the job is ${job?.status}: ${JSON.stringify(counts)}`)
  return { seconds: round2(seconds), planning: round2(planning) }
}

/** How many versions of documents there were so far. */
async function written({ deps }: World, org: string): Promise<number> {
  const [row] = await deps.db.query<{ versions: number }>(sql`
    SELECT sum(version)::integer AS versions FROM config_documents WHERE org = ${org}`)
  return row?.versions ?? 0
}

type Rows = { table: string; chunks: string[] }[]

async function rowsOf(client: pg.Client, org: string, job: string): Promise<Rows> {
  const all: Rows = []
  for (const table of TABLES) {
    const where = table === 'config_journal' ? ['job_id', job] : ['org', org]
    const { rows } = await client.query(
      `SELECT row_to_json(t)::text AS text FROM ${table} t WHERE ${where[0]} = $1`,
      [where[1]],
    )
    const texts = rows.map(({ text }) => text as string)
    if (texts.length < DOCUMENTS * 0.99) throw new Error(`${texts.length} rows in ${table}`)
    const size = Math.ceil((texts.length * CHUNK) / DOCUMENTS)
    const chunks: string[] = []
    for (let at = 0; at < texts.length; at += size) chunks.push(`[${texts.slice(at, at + size).join()}]`)
    all.push({ table, chunks })
  }
  return all
}

async function bare(client: pg.Client, rows: Rows): Promise<number> {
  for (const { table } of rows) await client.query(`TRUNCATE bare_${table}`)
  await client.query('CHECKPOINT')
  const from = performance.now()
  for (let chunk = 0; chunk < DOCUMENTS / CHUNK; chunk++) {
    await client.query('BEGIN')
    for (const { table, chunks } of rows)
      if (chunks[chunk] !== undefined)
        await client.query({
          name: table,
          text: `INSERT INTO bare_${table} SELECT * FROM json_populate_recordset(NULL::bare_${table}, $1::json)`,
          values: [chunks[chunk]],
        })
    await client.query('COMMIT')
  }
  return (performance.now() - from) / 1000
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number

const round2 = (value: number): number => Math.round(value * 100) / 100
