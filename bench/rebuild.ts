import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout } from 'node:timers/promises'
import pg from 'pg'
import copy from 'pg-copy-streams'
import { findIndex } from '../src/config-hub/index/status-store.ts'
import { indexRebuild } from '../src/config-hub/index-rebuild.ts'
import { run } from '../src/operation/run.ts'
import { line, ROOT } from '../test/harness/command.ts'
import { generate } from '../test/harness/organisation/generate.ts'
import { report } from './measure.ts'
import { ORG, openWorld, type World } from './world.ts'

/** A round of the larger takes minutes. */
const SIZES = [
  { documents: 20_000, rounds: 5 },
  { documents: 200_000, rounds: 2 },
]
const GOAL = 0.5
const GOAL_MB = 300
const PAGE = 500

const METHOD = `rebuild: POST /v1/configs/index:rebuild of an organisation in the built-in store, done by a process of its own ("countersign
work" with the flags of "npm start"), from the request to its end, against reading and parsing the same documents in pages of
${PAGE} and COPYing the same rows of nodes and edges into tables of the same definition. Alternating, each side after a
CHECKPOINT. "right": the index is right before, as writers keep it; "lost": its tables are empty before. Memory
is the highest resident one of the process over all of that.`

/** What the bare side writes, as COPY gave it out. */
type Rows = { nodes: Buffer; edges: Buffer }

export async function rebuild(): Promise<void> {
  console.log(METHOD)
  for (const { documents, rounds } of SIZES) {
    const world = await openWorld()
    const client = new pg.Client(world.storage.connection)
    await client.connect()
    try {
      await fill(client, documents)
      await measure(world, client, documents, rounds)
    } finally {
      await client.end()
      await world.end()
    }
  }
}

async function fill(client: pg.Client, documents: number): Promise<void> {
  const escaped = (text: string) =>
    text.replaceAll('\\', '\\\\').replaceAll('\t', '\\t').replaceAll('\n', '\\n').replaceAll('\r', '\\r')
  function* lines(): Generator<string> {
    for (const { type, id, document } of generate({ seed: 1, documents }))
      yield `${[ORG, type, escaped(id), 1, escaped(JSON.stringify(document)), '2026-01-01Z', '2026-01-01Z', 'bench'].join('\t')}\n`
  }
  const columns = 'org, type, id, version, document, created_at, updated_at, updated_by'
  const target = client.query(copy.from(`COPY config_documents (${columns}) FROM STDIN`))
  await pipeline(Readable.from(lines()), target)
  await client.query('VACUUM (ANALYZE) config_documents')
}

async function measure(world: World, client: pg.Client, documents: number, rounds: number): Promise<void> {
  const worker = await startWorker(world)
  const times = { right: [] as number[], lost: [] as number[], bare: [] as number[] }
  try {
    await rebuilt(world, client)
    await client.query('VACUUM (ANALYZE)')
    const rows = await rowsOf(client)
    for (const table of ['config_nodes', 'config_edges'])
      await client.query(`CREATE TABLE bare_${table} (LIKE ${table} INCLUDING ALL)`)
    for (let round = 0; round < rounds; round++) {
      times.right.push(await rebuilt(world, client))
      times.bare.push(await bare(client, rows, documents))
      await client.query('TRUNCATE config_nodes, config_names, config_edges, config_mentions')
      times.lost.push(await rebuilt(world, client))
      await requireSame(client, rows)
      // as a table is some time after it was filled
      await client.query('VACUUM (ANALYZE) config_nodes, config_names, config_edges, config_mentions')
    }
    const memory = highestMb(worker.pid as number)
    const ratiosOf = (side: number[]) => side.map((ours, round) => (times.bare[round] as number) / ours)
    for (const side of ['right', 'lost'] as const) {
      const ratio = round2(median(ratiosOf(times[side])))
      report(
        {
          bench: `rebuild-${side}`,
          ratio,
          goal: GOAL,
          documents,
          seconds: { ours: round2(median(times[side])), bare: round2(median(times.bare)) },
          rounds: ratiosOf(times[side]).map(round2),
          memoryMb: memory,
          goalMb: GOAL_MB,
        },
        ratio >= GOAL && memory <= GOAL_MB,
      )
    }
  } finally {
    const gone = new Promise((resolve) => worker.once('exit', resolve))
    worker.kill('SIGTERM')
    await gone
  }
}

async function startWorker({ deps: { config } }: World): Promise<ChildProcess> {
  const { start } = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8')).scripts
  const flags = (start as string).split(' ').filter((word) => word.startsWith('--'))
  const child = spawn(process.execPath, [...flags, 'src/main.ts', '--json', 'work'], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      COUNTERSIGN_DATA_DIR: config.dataDir,
      COUNTERSIGN_SECRET: config.secret,
      LOG_LEVEL: 'warn',
    },
  })
  await line(child, 'ok')
  return child
}

/** Seconds from the request to the end of a rebuild. */
async function rebuilt(world: World, client: pg.Client): Promise<number> {
  await client.query('CHECKPOINT')
  const from = performance.now()
  await run(world.deps, indexRebuild, {}, world.call())
  for (;;) {
    const index = await findIndex(world.deps.db, ORG)
    if (index?.status === 'ready') return (performance.now() - from) / 1000
    if (index?.status === 'failed') throw new Error('the rebuild failed')
    await setTimeout(20)
  }
}

async function rowsOf(client: pg.Client): Promise<Rows> {
  const all = async (table: string) => {
    const chunks: Buffer[] = []
    for await (const chunk of client.query(copy.to(`COPY ${table} TO STDOUT`))) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks)
  }
  return { nodes: await all('config_nodes'), edges: await all('config_edges') }
}

async function bare(client: pg.Client, { nodes, edges }: Rows, documents: number): Promise<number> {
  await client.query('TRUNCATE bare_config_nodes, bare_config_edges')
  await client.query('CHECKPOINT')
  const from = performance.now()
  let count = 0
  const { rows: types } = await client.query('SELECT DISTINCT type FROM config_documents')
  for (const { type } of types)
    for (let after = ''; ; ) {
      // the driver parses the documents, as it does for us
      const { rows } = await client.query({
        name: 'page',
        text: `SELECT type, id, version, document, updated_at, updated_by FROM config_documents
                WHERE org = $1 AND type = $2 AND id > $3 ORDER BY id LIMIT ${PAGE}`,
        values: [ORG, type, after],
      })
      count += rows.length
      if (rows.length < PAGE) break
      after = rows.at(-1).id
    }
  if (count !== documents) throw new Error(`read ${count} of ${documents} documents`)
  await load(client, 'bare_config_nodes', nodes)
  await load(client, 'bare_config_edges', edges)
  return (performance.now() - from) / 1000
}

async function load(client: pg.Client, table: string, rows: Buffer): Promise<void> {
  function* chunks(): Generator<Buffer> {
    for (let at = 0; at < rows.length; at += 65_536) yield rows.subarray(at, at + 65_536)
  }
  await pipeline(Readable.from(chunks()), client.query(copy.from(`COPY ${table} FROM STDIN`)))
}

/** A rebuild that wrote fewer rows than the bare side would be no measure of anything. */
async function requireSame(client: pg.Client, { nodes, edges }: Rows): Promise<void> {
  const lines = (buffer: Buffer) => buffer.reduce((count, byte) => (byte === 10 ? count + 1 : count), 0)
  const { rows } = await client.query(`
    SELECT (SELECT count(*)::integer FROM config_nodes) AS nodes, (SELECT count(*)::integer FROM config_edges) AS edges`)
  if (rows[0].nodes !== lines(nodes) || rows[0].edges !== lines(edges))
    throw new Error(`rebuilt ${JSON.stringify(rows[0])}, not ${lines(nodes)} nodes and ${lines(edges)} edges`)
}

const highestMb = (pid: number): number =>
  Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024)

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number

const round2 = (value: number): number => Math.round(value * 100) / 100
