import sql from 'sql-template-tag'
import { createOrganisation } from '../src/access/organisations.ts'
import { automationPrincipal } from '../src/access/principal.ts'
import { configsDependencies } from '../src/config-hub/configs-dependencies.ts'
import { configsList } from '../src/config-hub/configs-list.ts'
import { configsUsedBy } from '../src/config-hub/configs-used-by.ts'
import type { Document, NodeKey } from '../src/config-hub/index/entry.ts'
import type { Operation } from '../src/operation/define.ts'
import { run } from '../src/operation/run.ts'
import { generate, generateOne } from '../test/harness/organisation/generate.ts'
import { layoutOf } from '../test/harness/organisation/layout.ts'
import { seeded } from '../test/harness/seeded.ts'
import { loadIndex } from './config-world.ts'
import { report } from './measure.ts'
import { openWorld, type World } from './world.ts'

const METHOD = `config-index: pages of 25 through the executor (authorised, parsed, presented; no HTTP), against bare SQL through the same
pool. used_by and dependencies: an organisation of 200,000 configurations and a million edges, configurations drawn by how many refer
to them and evenly in turns; the bare side reads the page, its rows and the total from a table of resolved edges with an index for
each direction, which the hub would have to rewrite with every renaming. list: q over 200,000 titles of one type, against the same
page and count without names. Both sides take turns, call by call; 99th percentiles.`

const DOCUMENTS = 200_000
const SEED = 20_260_501
const CALLS = 3_000
const LISTS = 150
const WARM = 100
const GOAL = 1.5
const GOAL_MS = 10
const PAGE = 25
const MOST_COUNTED = 1_000
const GRAPH = 'graph'
const TITLES = 'titles'

export async function configIndex(): Promise<void> {
  console.log(METHOD)
  const world = await openWorld()
  try {
    for (const slug of [GRAPH, TITLES]) await createOrganisation(world.deps.access, { slug })
    const { edges, keys } = await loadIndex(
      world.storage.connection,
      GRAPH,
      generate({ seed: SEED, documents: DOCUMENTS }),
    )
    await resolveEdges(world)
    const popular = await targetsByUse(world)
    const random = seeded(SEED)
    const drawn = (n: number) => {
      const from = n % 2 === 0 ? popular : keys
      return from[random.below(from.length)] as NodeKey
    }
    await neighbours(world, 'used-by', edges, drawn)
    await neighbours(world, 'dependencies', edges, drawn)
    await loadIndex(world.storage.connection, TITLES, files())
    await lists(world)
  } finally {
    await world.end()
  }
}

/** Files of the organisation, the titles of which repeat no more than they do there. */
function* files(): Generator<NodeKey & { document: Document }> {
  const frame = { seed: SEED, layout: { ...layoutOf(DOCUMENTS), file: DOCUMENTS } }
  for (let n = 0; n < DOCUMENTS; n++) yield generateOne(frame, 'file', n)
}

/** What the bare side reads. */
async function resolveEdges({ deps }: World): Promise<void> {
  const client = await deps.db.pool.connect()
  try {
    await client.query(`SET statement_timeout = 0`)
    await client.query(`
      CREATE TABLE bare_edges AS SELECT DISTINCT e.from_type, e.from_id, n.type AS to_type, n.id AS to_id
        FROM config_edges e
        JOIN config_names n ON n.org = e.org AND n.name = e.name AND (e.to_type = '' OR n.type = e.to_type)
         AND (e.kind = 'any' OR e.kind = n.kind OR (e.kind = 'text' AND n.kind <> 'variable')
              OR (e.kind = 'template' AND n.kind = 'variable'))
       WHERE e.org = '${GRAPH}' AND NOT (n.type = e.from_type AND n.id = e.from_id);
      CREATE UNIQUE INDEX ON bare_edges (from_type, from_id, to_type, to_id);
      CREATE UNIQUE INDEX ON bare_edges (to_type, to_id, from_type, from_id);`)
    await client.query('VACUUM (ANALYZE) bare_edges')
    await client.query('RESET statement_timeout')
  } finally {
    client.release()
  }
}

const targetsByUse = ({ deps }: World): Promise<NodeKey[]> =>
  deps.db.query<NodeKey>(sql`
    SELECT to_type AS type, to_id AS id FROM bare_edges
     ORDER BY hashtext(from_id || to_id) LIMIT ${CALLS}`)

type Direction = 'used-by' | 'dependencies'

async function neighbours(
  world: World,
  direction: Direction,
  edges: number,
  drawn: (n: number) => NodeKey,
): Promise<void> {
  const ours = direction === 'used-by' ? configsUsedBy : configsDependencies
  const results = await alternate(CALLS, drawn, {
    ours: (key) => call(world, GRAPH, ours, { ...key, size: PAGE }),
    bare: (key) => bareNeighbours(world, direction, key),
  })
  const { p99 } = results
  report(
    {
      bench: `config-index-${direction}`,
      ratio: round(p99.ours / p99.bare),
      goal: GOAL,
      unit: 'p99 of a page : p99 of bare SQL over resolved edges',
      edges,
      ms: results,
      goalMs: GOAL_MS,
    },
    p99.ours / p99.bare <= GOAL && p99.ours <= GOAL_MS,
  )
}

async function bareNeighbours({ deps }: World, direction: Direction, { type, id }: NodeKey): Promise<number> {
  const statement =
    direction === 'used-by'
      ? sql`
        SELECT (SELECT count(*) FROM (SELECT FROM bare_edges WHERE to_type = ${type} AND to_id = ${id}
                                       LIMIT ${MOST_COUNTED + 1}) x) AS total, c.*
          FROM (SELECT from_type AS type, from_id AS id FROM bare_edges WHERE to_type = ${type} AND to_id = ${id}
                 ORDER BY from_type, from_id LIMIT ${PAGE + 1}) k
          JOIN config_nodes c ON c.org = ${GRAPH} AND c.type = k.type AND c.id = k.id AND c.deleted_at IS NULL
         ORDER BY c.type, c.id`
      : sql`
        SELECT (SELECT count(*) FROM (SELECT FROM bare_edges WHERE from_type = ${type} AND from_id = ${id}
                                       LIMIT ${MOST_COUNTED + 1}) x) AS total, c.*
          FROM (SELECT to_type AS type, to_id AS id FROM bare_edges WHERE from_type = ${type} AND from_id = ${id}
                 ORDER BY to_type, to_id LIMIT ${PAGE + 1}) k
          JOIN config_nodes c ON c.org = ${GRAPH} AND c.type = k.type AND c.id = k.id AND c.deleted_at IS NULL
         ORDER BY c.type, c.id`
  return Math.min(PAGE, (await deps.db.query(statement)).length)
}

/** Words that titles have: of three letters, of a whole word, and what no title has. */
const QUERIES = ['str', 'gas', 'regional', 'strom', '2024', 'xyzzy']

async function lists(world: World): Promise<void> {
  const results = await alternate(LISTS, (n) => QUERIES[n % QUERIES.length] as string, {
    ours: (q) => call(world, TITLES, configsList, { type: 'file', q, size: PAGE }),
    bare: (q) => bareList(world, q),
  })
  const { p99 } = results
  report(
    {
      bench: 'config-index-list',
      ratio: round(p99.ours / p99.bare),
      goal: GOAL,
      unit: 'p99 of a page with q : p99 of its bare SQL',
      titles: DOCUMENTS,
      ms: results,
    },
    p99.ours / p99.bare <= GOAL,
  )
}

async function bareList({ deps }: World, q: string): Promise<number> {
  const [rows] = await Promise.all([
    deps.db.query(sql`
      SELECT * FROM config_nodes
       WHERE org = ${TITLES} AND type = 'file' AND deleted_at IS NULL AND title_key LIKE ${`%${q}%`}
       ORDER BY updated_at DESC, id DESC LIMIT ${PAGE + 1}`),
    deps.db.query(sql`
      SELECT count(*) FROM config_nodes
       WHERE org = ${TITLES} AND type = 'file' AND deleted_at IS NULL AND title_key LIKE ${`%${q}%`}`),
  ])
  return Math.min(PAGE, rows.length)
}

/** Runs an operation; answers how many rows are on the page. */
async function call(
  { deps, url }: World,
  org: string,
  operation: unknown,
  input: Record<string, unknown>,
): Promise<number> {
  const scopes = [`creator:${org}:config:read`]
  const principal = automationPrincipal({ id: 'key', org, name: 'Bench', scopes })
  const { status, body } = await run(deps, operation as Operation, input, {
    principal,
    requestId: 'bench',
    origin: url,
  })
  if (status !== 200) throw new Error(JSON.stringify(body))
  return (body as { results: unknown[] }).results.length
}

type Sides<T> = { ours: (input: T) => Promise<number>; bare: (input: T) => Promise<number> }
type Milliseconds = Record<'ours' | 'bare', number>

/** Both sides on the same inputs in turns, which goes first alternating too; they must answer the same rows. */
async function alternate<T>(
  calls: number,
  drawn: (n: number) => T,
  sides: Sides<T>,
): Promise<{ p50: Milliseconds; p99: Milliseconds }> {
  const times = { ours: [] as number[], bare: [] as number[] }
  const order = ['ours', 'bare'] as const
  for (let n = 0; n < calls + WARM; n++) {
    const input = drawn(n)
    const rows = new Set<number>()
    for (const side of n % 4 < 2 ? order : order.toReversed()) {
      const from = performance.now()
      rows.add(await sides[side](input))
      if (n >= WARM) times[side].push(performance.now() - from)
    }
    if (rows.size > 1) throw new Error(`The sides differ on ${JSON.stringify(input)}: ${[...rows]} rows`)
  }
  const at = (share: number) => ({
    ours: round(percentile(times.ours, share)),
    bare: round(percentile(times.bare, share)),
  })
  return { p50: at(0.5), p99: at(0.99) }
}

const percentile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * share)] as number

const round = (value: number): number => Math.round(value * 100) / 100
