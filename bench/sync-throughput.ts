import pg from 'pg'
import sql from 'sql-template-tag'
import { createKey } from '../src/access/keys.ts'
import { createOrganisation } from '../src/access/organisations.ts'
import { extract } from '../src/config-hub/references/extract.ts'
import { BUILT_IN_REGISTRY } from '../src/config-hub/types/registry.ts'
import { runJob } from '../src/config-sync/execution/run.ts'
import { countRows, findSyncJob } from '../src/config-sync/execution/store.ts'
import type { SyncPlan } from '../src/config-sync/planning/plan.ts'
import { hooksOf, insertJob, planOf, type Wanted } from '../test/config-sync/jobs.ts'
import { generate } from '../test/harness/organisation/generate.ts'
import { report } from './measure.ts'
import { ORG, openWorld, type World } from './world.ts'

const DOCUMENTS = 20_000
const ROUNDS = 3
const GOAL = 0.4
const GOAL_RATE = 3_000
const GOAL_UNCHANGED = 10_000
const CHUNK = 500

const METHOD = `sync-throughput: a job that writes ${DOCUMENTS.toLocaleString('en')} configurations with references and circles into another organisation's
built-in store, from its claim to its end: the plan is kept, and documents, index, journal with what was there before, lineage,
rows, events and counts are written, against INSERTs of the same rows of documents, nodes, names, edges, mentions, lineage and
journal into tables of the same definition, ${CHUNK} configurations' worth at a time. Alternating, each side after a CHECKPOINT. "unchanged": the same job
where all of it is there already and nothing is to be written. The making of the plan is not in it.`

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
    const wanted = wantedOf()
    const plan = planOf(wanted)
    const unchanged = planOf(wanted.map((row) => ({ ...row, action: 'none', matchedBy: 'lineage' })))
    for (const table of TABLES) await client.query(`CREATE TABLE bare_${table} (LIKE ${table} INCLUDING ALL)`)
    const rates = { ours: [] as number[], bare: [] as number[], unchanged: [] as number[] }
    for (let round = 1; round <= ROUNDS; round++) {
      const org = `target${round}`
      const authority = await openTarget(world, org)
      rates.ours.push(DOCUMENTS / (await synced(world, client, `write-${round}`, org, authority, plan)))
      const rows = await rowsOf(client, org, `write-${round}`)
      rates.bare.push(DOCUMENTS / (await bare(client, rows)))
      const before = await written(world, org)
      rates.unchanged.push(
        DOCUMENTS / (await synced(world, client, `same-${round}`, org, authority, unchanged)),
      )
      if ((await written(world, org)) !== before) throw new Error('a sync of nothing wrote something')
    }
    const ratio = median(rates.ours.map((rate, index) => rate / (rates.bare[index] as number)))
    const perSecond = Math.round(median(rates.ours))
    const common = { documents: DOCUMENTS, tasks: plan.tasks.length, completed: plan.cycles.completed }
    report(
      {
        bench: 'sync-throughput',
        ratio: round2(ratio),
        goal: GOAL,
        perSecond,
        goalPerSecond: GOAL_RATE,
        ...common,
        bare: Math.round(median(rates.bare)),
      },
      ratio >= GOAL && perSecond >= GOAL_RATE,
    )
    const again = Math.round(median(rates.unchanged))
    report({ bench: 'sync-unchanged', ratio: again, goal: GOAL_UNCHANGED, unit: 'configurations/s' })
  } finally {
    await client.end()
    await world.end()
  }
}

/** A generated organisation as the rows of a plan that creates all of it. */
function wantedOf(): Wanted[] {
  const all = [...generate({ seed: 1, documents: DOCUMENTS })]
  const place = new Map(all.map(({ type, id }, index) => [`${type}/${id}`, index]))
  return all.map(({ type, id, document }, own): Wanted => {
    const of = BUILT_IN_REGISTRY.get(type)
    if (!of) throw new Error(`no type ${type}`)
    const found = extract(of, document).declared.flatMap(
      ({ name, toType }) => place.get(`${toType}/${name}`) ?? [],
    )
    const references = [...new Set(found)].filter((to) => to !== own).map((to) => ({ to, required: false }))
    return { type, sourceId: id, action: 'create', desired: document, references }
  })
}

async function openTarget({ deps }: World, org: string): Promise<{ org: string; principal: string }> {
  await createOrganisation(deps.access, { slug: org })
  const key = await createKey(deps.access, { org, role: 'automation' })
  return { org, principal: `key:${key.id}` }
}

/** Seconds of the job. */
async function synced(
  { deps }: World,
  client: pg.Client,
  id: string,
  targetOrg: string,
  authority: { org: string; principal: string },
  plan: SyncPlan,
): Promise<number> {
  await insertJob(deps, { id, org: ORG, targetOrg, authority })
  await client.query('CHECKPOINT')
  const from = performance.now()
  const signal = new AbortController().signal
  await runJob(deps, { data: { org: ORG, id }, signal, last: true }, hooksOf(plan))
  const seconds = (performance.now() - from) / 1000
  const job = await findSyncJob(deps.db, ORG, id)
  if (job?.status !== 'succeeded') throw new Error(`the job ended ${job?.status}`)
  const counts = await countRows(deps.db, { org: ORG, id })
  if (counts.total !== DOCUMENTS) throw new Error(JSON.stringify(counts))
  return seconds
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
    if (texts.length < (table === 'config_edges' ? 1 : DOCUMENTS))
      throw new Error(`${texts.length} rows in ${table}`)
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
