import fc from 'fast-check'
import sql from 'sql-template-tag'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { configsDependencies } from '../../src/config-hub/configs-dependencies.ts'
import { configsList } from '../../src/config-hub/configs-list.ts'
import { configsUsedBy } from '../../src/config-hub/configs-used-by.ts'
import { resolves } from '../../src/config-hub/index/read-store.ts'
import type { DocumentWrite } from '../../src/config-store/documents.ts'
import { asProblem } from '../../src/operation/errors.ts'
import { type TestApp, testApp } from '../harness/app.ts'
import { seedOf } from '../harness/seeded.ts'
import { addType } from '../harness/store.ts'
import { walk, write } from './hub.ts'
import { type Found, type Kept, keyOf, search, TYPES } from './naive.ts'

const SEED = seedOf(process.env)
let app: TestApp
let runs = 0

beforeAll(async () => {
  app = await testApp()
  console.info(`SEED=${SEED}`)
})
afterAll(() => app.close())

/** Of every form: one word, several joined, not ASCII, only as a whole text, and plain words that no prose names. */
const NAMES = [
  'key-1',
  'key-2',
  'key-1.key-2',
  'ns:key_3',
  'orderTotal',
  'größe-4',
  'a@b.de/x',
  'word',
  '12',
  'total',
]
const name = fc.constantFrom(...NAMES)
const text = fc.oneof(
  name,
  fc.tuple(name, name).map(([a, b]) => `See ${a}, (${b})`),
  fc.tuple(name, name).map(([a, b]) => `${a}.${b} <p id="${a}">x${b}</p>`),
  fc.tuple(name, name).map(([a, b]) => `{{ ${a} }} and {{{${b}.rows}}} or \${${a}}`),
)
const maybe = (of: fc.Arbitrary<unknown>) => fc.option(of, { nil: undefined, freq: 2 })
const parts = fc.array(fc.record({ ref: name }), { maxLength: 2 })
const thing = fc.record({
  slug: maybe(name),
  aliases: maybe(fc.uniqueArray(name, { maxLength: 2 })),
  parent: maybe(name),
  likes: maybe(name),
  any: maybe(name),
  parts: maybe(parts),
  texts: maybe(fc.array(text, { maxLength: 2 })),
})
const field = fc.record({
  key: maybe(name),
  slug: maybe(name),
  owner: maybe(name),
  input: maybe(name),
  text: maybe(text),
})

const ids = ['key-1', 'key-2', 'word', 'id_9']
const put = fc.oneof(
  fc.record({
    type: fc.constant('thing'),
    id: fc.constantFrom(...ids),
    op: fc.constant('put'),
    document: thing,
  }),
  fc.record({
    type: fc.constant('field'),
    id: fc.constantFrom(...ids),
    op: fc.constant('put'),
    document: field,
  }),
)
const rename = fc.record({
  type: fc.constantFrom('thing', 'field'),
  id: fc.constantFrom(...ids),
  op: fc.constant('patch'),
  document: fc.record({ slug: fc.oneof(name, fc.constant(null)), key: name }, { requiredKeys: [] }),
})
const remove = fc.record({
  type: fc.constantFrom('thing', 'field'),
  id: fc.constantFrom(...ids),
  op: fc.constant('delete'),
})
const one = fc.oneof(
  { weight: 4, arbitrary: put },
  { weight: 2, arbitrary: rename },
  { weight: 2, arbitrary: remove },
)
const batch = fc.record({
  org: fc.constantFrom(0, 1),
  writes: fc.uniqueArray<DocumentWrite, string>(one as fc.Arbitrary<any>, {
    minLength: 1,
    maxLength: 4,
    selector: keyOf,
  }),
})
/** Transactions of one round run at once, and may be about the same documents. */
const history = fc.array(fc.array(batch, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 6 })

/** JSON has no undefined members. */
const plain = (writes: readonly DocumentWrite[]): DocumentWrite[] => JSON.parse(JSON.stringify(writes))

async function attempt(org: string, writes: readonly DocumentWrite[]): Promise<void> {
  try {
    await write(app.deps, org, plain(writes))
  } catch (error) {
    // a patch or deletion of what is not there: the whole transaction is refused, and writes nothing
    expect(asProblem(error).code).toBe('not-found')
  }
}

/** What the store holds; of what was deleted, its last version. */
async function stored(org: string): Promise<Kept[]> {
  return app.deps.db.query<Kept>(sql`
    SELECT d.type, d.id, d.document IS NULL AS deleted, coalesce(d.document, (
             SELECT v.document FROM config_versions v WHERE v.org = d.org AND v.type = d.type AND v.id = d.id
              ORDER BY v.version DESC LIMIT 1)) AS document
      FROM config_documents d WHERE d.org = ${org} AND d.version > 0 ORDER BY d.type, d.id`)
}

/** What the index answers: by its operations, and for what dangles by its tables. */
async function answered(org: string, all: readonly Kept[]): Promise<Found & { used: Map<string, string[]> }> {
  const dependencies = new Map()
  const used = new Map<string, string[]>()
  for (const { type, id } of all.filter(({ deleted }) => !deleted)) {
    const of = { type, id, include: 'custom', size: 2 }
    const edges = await rows(org, configsDependencies, of)
    dependencies.set(keyOf({ type, id }), new Map(edges.map((each) => [keyOf(each), each.reference])))
    used.set(keyOf({ type, id }), (await rows(org, configsUsedBy, of)).map(keyOf))
  }
  const dangling = await app.deps.db.query<{ text: string }>(sql`
    SELECT DISTINCT e.from_type || '/' || e.from_id || ' '
           || CASE WHEN e.kind IN ('text', 'template') THEN e.kind ELSE e.kind || '>' || e.to_type END || ' ' || e.name AS text
      FROM config_edges e
     CROSS JOIN LATERAL (SELECT count(*) AS named, count(*) FILTER (WHERE c.deleted_at IS NULL) AS alive
                           FROM config_names n JOIN config_nodes c ON c.org = n.org AND c.type = n.type AND c.id = n.id
                          WHERE ${resolves}) x
     WHERE e.org = ${org} AND x.alive = 0 AND (e.kind NOT IN ('text', 'template') OR x.named > 0)`)
  return { dependencies, used, dangling: dangling.map((each) => each.text).sort() }
}

/** All rows, page by page; the total must say how many. */
async function rows(org: string, operation: unknown, input: Record<string, unknown>): Promise<any[]> {
  const pages = await walk(app.deps, org, operation, input)
  const all = pages.flatMap(({ results }) => results)
  for (const { total } of pages) expect(total).toBe(all.length)
  return all
}

async function check(org: string): Promise<void> {
  const all = await stored(org)
  const expected = search(all)
  const live = all.filter(({ deleted }) => !deleted)
  for (const type of ['thing', 'field']) {
    const listed = await rows(org, configsList, { type, include: 'custom', size: 3 })
    expect(listed.map(keyOf).sort()).toEqual(live.map(keyOf).filter((key) => key.startsWith(`${type}/`)))
  }
  const found = await answered(org, all)
  const plainly = (of: Found['dependencies']) =>
    Object.fromEntries([...of].map(([from, edges]) => [from, [...edges.keys()].sort()]))
  expect(plainly(found.dependencies)).toEqual(plainly(expected.dependencies))
  for (const [from, edges] of expected.dependencies)
    for (const [to, { kinds, required }] of edges)
      expect([from, to, found.dependencies.get(from)?.get(to)]).toEqual([
        from,
        to,
        { kind: [...kinds].sort()[0], required },
      ])
  const users = (of: string) =>
    [...expected.dependencies].filter(([, edges]) => edges.has(of)).map(([from]) => from)
  for (const key of live.map(keyOf)) expect([key, found.used.get(key)]).toEqual([key, users(key).sort()])
  expect(found.dangling).toEqual(expected.dangling)
}

test('[CI-1] [CI-2] [CI-9] whatever is written, by however many at once, the index is what a search of all documents finds', async () => {
  await fc.assert(
    fc.asyncProperty(history, async (rounds) => {
      const orgs = [`run${++runs}a`, `run${runs}b`] as const
      for (const org of orgs) {
        await app.org(org)
        for (const type of TYPES) await addType(app, org, type)
      }
      for (const round of rounds) {
        await Promise.all(
          round.map(({ org, writes }) => attempt(orgs[org] as string, writes as DocumentWrite[])),
        )
        for (const org of orgs) await check(org)
      }
    }),
    { seed: SEED, numRuns: 150 },
  )
}, 240_000)
