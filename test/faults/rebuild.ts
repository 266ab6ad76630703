import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import sql from 'sql-template-tag'
import { configsDependencies } from '../../src/config-hub/configs-dependencies.ts'
import { call, walk } from '../config-hub/hub.ts'
import { type Kept, keyOf, search, TYPES } from '../config-hub/naive.ts'
import { type Caller, SECRET, type TestApp } from '../harness/app.ts'
import { type OtherPlace, otherPlace } from '../harness/place.ts'
import { type Random, seeded } from '../harness/seeded.ts'
import { addType, documentsAs } from '../harness/store.ts'

/** A transaction of the process that rebuilds, and when in it the process dies. */
export type KillPoint = { transaction: number; moment: 'before' | 'uncommitted' | 'committed' }
export type Result = { rounds: number; kills: number; reads: number; writes: number }
type Options = { rounds: number; seed: number; onRound?(line: string): void }

const WORKER = fileURLToPath(new URL('./rebuild-worker.ts', import.meta.url))
const MOMENTS: KillPoint['moment'][] = ['before', 'uncommitted', 'committed']
/** Two pages of the store; and what the other place has is answered in one list. */
const THINGS = 260
const FIELDS = 30
/** Of these documents writers write; nobody touches the others. */
const WRITTEN = 12
/** Transactions of a rebuild here: one for each page, of 35 types, and some for the switch. */
const TRANSACTIONS = 45
const MOST_KILLS = 3
/** Configurations whose references are checked besides those that were written. */
const SAMPLED = 60
/** Later ones come early in what is left. */
const SOON = 6

type World = { app: TestApp; org: string; key: Caller; place: OtherPlace }
type Generation = { name: string; titles: 'title_a' | 'title_b' }

/**
 * Rebuilds the index of an organisation whose types have changed so that every entry differs, and kills the process that
 * does it up to three times on its way, while others read and write. Afterwards the index must be what a search of all
 * documents finds. The types live in the built-in store and in another place.
 */
export async function rebuildRounds(app: TestApp, { rounds, seed, onRound }: Options): Promise<Result> {
  const random = seeded(seed)
  const world = await openWorld(app, `storm${seed}`)
  const result: Result = { rounds: 0, kills: 0, reads: 0, writes: 0 }
  try {
    for (let round = 1; round <= rounds; round++) {
      const told = await oneRound(world, round, random)
      result.rounds = round
      result.kills += told.kills.length
      result.reads += told.reads
      result.writes += told.writes
      onRound?.(
        `round ${round}: killed at ${JSON.stringify(told.kills)}, ${told.reads} reads, ${told.writes} writes`,
      )
    }
    return result
  } finally {
    await world.place.close()
  }
}

async function openWorld(app: TestApp, org: string): Promise<World> {
  app.deps.config.allowPrivateConnectors = true
  await app.org(org)
  const key = await app.key({ org, role: 'automation' })
  const place = await otherPlace({ page: 15 })
  for (const type of TYPES) await addType(app, org, definitionOf(type, generationOf(0)))
  const mapping = place.mapping({ field: 'field' })
  const { status } = await key.call('PUT', '/v1/connectors/place', { kind: 'rest', mapping })
  assert.equal(status, 200)
  const things = Array.from({ length: THINGS }, (_, n) => ({
    type: 'thing',
    id: `thing-${n}`,
    document: thing(n),
  }))
  const lines = things.map((each) => JSON.stringify(each)).join('\n')
  const imported = await key.call('POST', '/v1/store:import', lines, {
    'content-type': 'application/x-ndjson',
  })
  assert.equal(imported.status, 200, JSON.stringify(imported.body))
  return { app, org, key, place }
}

const generationOf = (round: number): Generation => ({
  name: round % 2 === 0 ? 'A' : 'B',
  titles: round % 2 === 0 ? 'title_a' : 'title_b',
})

const definitionOf = (type: (typeof TYPES)[number], { titles }: Generation) => ({
  ...type,
  label: 'Things',
  icon: 'Box',
  title_paths: [`/${titles}`],
  ...(type.type === 'field' ? { connector: 'place' } : {}),
})

/** Each refers to two of its neighbours, and to a field by its variable. */
const thing = (n: number) => ({
  title_a: `A ${n}`,
  title_b: `B ${n}`,
  slug: `slug-${n}`,
  parent: `field-${n % FIELDS}`,
  texts: [`see slug-${(n + 1) % (THINGS - WRITTEN)} and {{ key_${(n + 7) % FIELDS} }}`],
})

const field = (n: number, round: number) => ({
  id: `field-${n}`,
  key: `key_${n}`,
  title_a: `A ${n}`,
  title_b: `B ${n}`,
  owner: `slug-${n}`,
  input: `key_${(n + round) % FIELDS}`,
  updated_at: new Date(Date.UTC(2026, 0, 1, 0, round)).toISOString(),
})

async function oneRound(world: World, round: number, random: Random) {
  const { app, org, key, place } = world
  const generation = generationOf(round)
  place.items.field = Array.from({ length: FIELDS }, (_, n) => field(n, round))
  for (const type of TYPES)
    await app.deps.db.query(sql`
      UPDATE config_types SET definition = definition || jsonb_build_object('title_paths', jsonb_build_array(${`/${generation.titles}`}::text)),
             version = version + 1 WHERE org = ${org} AND type = ${type.type}`)
  const { body } = await key.call('POST', '/v1/configs/index:rebuild', {})
  const storm = { over: false }
  const reading = read(world, storm, round)
  const writing = write(world, storm, random)
  const kills = await rebuildKilled(world, body.build_token, random).finally(() => {
    storm.over = true
  })
  const [reads, writes] = await Promise.all([reading, writing])
  await check(world, generation, random)
  return { kills, reads, writes }
}

/** Starts processes until one ends by itself; answers where the others were killed. */
async function rebuildKilled({ app, org }: World, token: string, random: Random): Promise<KillPoint[]> {
  const kills: KillPoint[] = []
  const wanted = 1 + random.below(MOST_KILLS)
  for (;;) {
    const last = kills.length >= wanted
    const killAt: KillPoint = {
      transaction: last ? 0 : 1 + random.below(kills.length === 0 ? TRANSACTIONS : SOON),
      moment: MOMENTS[random.below(MOMENTS.length)] as KillPoint['moment'],
    }
    const config = { ...app.deps.config, databaseUrl: app.database.url, secret: SECRET, logLevel: 'error' }
    const child = spawn(process.execPath, [WORKER], {
      env: { PATH: process.env.PATH, REBUILD: JSON.stringify({ config, data: { org, token }, killAt }) },
      stdio: 'inherit',
    })
    const [code, killedBy] = await once(child, 'exit')
    if (killedBy === 'SIGKILL') {
      kills.push(killAt)
      continue
    }
    assert.equal(code, 0, 'the process that rebuilds failed')
    return kills
  }
}

type Storm = { over: boolean }

/** What readers see meanwhile: of every configuration all that it was or all that it is, and of the other place one state. */
async function read(world: World, storm: Storm, round: number): Promise<number> {
  const { app, org } = world
  let reads = 0
  while (!storm.over) {
    const fields = await call(
      app.deps,
      org,
      world.app.deps.operations.find(({ id }) => id === 'config-hub.configs.list'),
      {
        type: 'field',
        include: 'custom',
        size: 100,
      },
    )
    const generations = new Set(fields.results.map(({ title }: { title: string }) => title.slice(0, 1)))
    assert.ok(round === 1 || fields.total === FIELDS, `${fields.total} fields`)
    assert.ok(generations.size <= 1, `half of the fields are ${[...generations]}`)
    const n = reads % (THINGS - WRITTEN)
    const edges = await call(app.deps, org, configsDependencies, {
      type: 'thing',
      id: `thing-${n}`,
      include: 'custom',
    })
    const expected = neighboursOf(n, fields.total > 0)
    const found = edges.results.map(keyOf).sort()
    if (round > 1) assert.deepEqual(found, expected, `what thing-${n} refers to`)
    reads += 1
  }
  return reads
}

const neighboursOf = (n: number, fields: boolean): string[] =>
  [
    `thing/thing-${(n + 1) % (THINGS - WRITTEN)}`,
    ...(fields ? new Set([`field/field-${n % FIELDS}`, `field/field-${(n + 7) % FIELDS}`]) : []),
  ].sort()

/** Writes, renames and deletes some documents over and over. */
async function write({ key }: World, storm: Storm, random: Random): Promise<number> {
  const things = documentsAs(key, 'thing')
  let writes = 0
  const changing = seeded(random.below(1_000_000))
  while (!storm.over) {
    const n = THINGS - 1 - changing.below(WRITTEN)
    const id = `thing-${n}`
    const slug = `slug-${THINGS + changing.below(20)}`
    const other = `slug-${THINGS + changing.below(20)}`
    const reply =
      changing.below(4) === 0
        ? await things.remove(id)
        : await things.put(id, {
            ...thing(n),
            slug,
            texts: [`see ${other} and thing-${changing.below(THINGS)}`],
          })
    assert.ok([200, 201, 204, 404].includes(reply.status), JSON.stringify(reply.body))
    writes += 1
  }
  return writes
}

/** The index against a search of all documents, and the titles against the definition of now. */
async function check({ app, org, place }: World, { titles }: Generation, random: Random): Promise<void> {
  const stored = await app.deps.db.query<Kept>(sql`
    SELECT d.type, d.id, d.document IS NULL AS deleted, coalesce(d.document, (
             SELECT v.document FROM config_versions v WHERE v.org = d.org AND v.type = d.type AND v.id = d.id
              ORDER BY v.version DESC LIMIT 1)) AS document
      FROM config_documents d WHERE d.org = ${org} ORDER BY d.type, d.id`)
  const fields = (place.items.field ?? []).map(
    (document): Kept => ({ type: 'field', id: document.id as string, document, deleted: false }),
  )
  const all = [...stored, ...fields]
  const { dependencies } = search(all)
  const live = all.filter(({ deleted }) => !deleted)
  const nodes = await app.deps.db.query<{ key: string; title: string }>(sql`
    SELECT type || '/' || id AS key, title FROM config_nodes WHERE org = ${org} AND deleted_at IS NULL`)
  assert.deepEqual(
    Object.fromEntries(nodes.map(({ key, title }) => [key, title])),
    Object.fromEntries(live.map((each) => [keyOf(each), each.document[titles]])),
  )
  // all that was written or is elsewhere, and some of the rest: each is asked for through the operation
  const written = live.filter(({ type, id }) => type === 'field' || Number(id.slice(6)) >= THINGS - WRITTEN)
  const rest = random.shuffled(live.filter((each) => !written.includes(each)))
  for (const each of [...written, ...rest.slice(0, SAMPLED)]) {
    const pages = await walk(app.deps, org, configsDependencies, {
      type: each.type,
      id: each.id,
      include: 'custom',
      size: 100,
    })
    const found = pages.flatMap(({ results }) => results.map(keyOf)).sort()
    assert.deepEqual(found, [...(dependencies.get(keyOf(each))?.keys() ?? [])].sort(), keyOf(each))
  }
  const [left] = await app.deps.db.query<{ status: string; staged: number }>(sql`
    SELECT i.status, (SELECT count(*)::integer FROM config_staged s WHERE s.org = i.org) AS staged
      FROM config_indexes i WHERE i.org = ${org}`)
  assert.deepEqual(left, { status: 'ready', staged: 0 })
}
