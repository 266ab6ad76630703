import fc from 'fast-check'
import sql from 'sql-template-tag'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TestApp } from '../../../test/harness/app.ts'
import type { Document } from '../index/entry.ts'
import { graphApp, graphAs, index, remove, things } from './testing.ts'

/** One configuration of a random organisation; deleted ones were there before. */
type Thing = { id: string; needs: string[]; likes: string[]; text: string[]; slug: string; deleted: boolean }
type Reference = { from: string; to: string; kind: string; required: boolean; sole: boolean }

const IDS = ['n-01', 'n-02', 'n-03', 'n-04', 'n-05', 'n-06', 'n-07']
const SLUGS = ['s-01', 's-02']
const some = (names: readonly string[], most: number) =>
  fc.array(fc.constantFrom(...names), { maxLength: most })
const organisation = fc
  .tuple(
    ...IDS.map((id) =>
      fc.record({
        id: fc.constant(id),
        needs: some([...IDS, 'x-01', 's-01'], 2),
        likes: some([...IDS, ...SLUGS, 'x-01'], 2),
        text: some([...IDS, ...SLUGS, 'x-01'], 1),
        slug: fc.constantFrom('', '', ...SLUGS),
        deleted: fc.boolean().map((rarely) => rarely && id > 'n-04'),
      }),
    ),
  )
  .map((all): Thing[] => all)

const documentOf = ({ needs, likes, text, slug }: Thing): Document => ({
  needs,
  likes,
  text: text.map((name) => `see ${name}.`).join(' '),
  ...(slug ? { slug } : {}),
})

/** Everything by its definition, over the documents themselves. */
function model(all: readonly Thing[]) {
  const live = all.filter(({ deleted }) => !deleted)
  const named = (name: string, among: readonly Thing[], slugs: boolean) =>
    among.flatMap(({ id, slug }) => [
      ...(id === name ? [{ to: id, kind: 'id' }] : []),
      ...(slugs && slug === name ? [{ to: id, kind: 'slug' }] : []),
    ])
  const references = live.flatMap(({ id: from, slug, ...says }): Reference[] => {
    const own = new Set([from, slug])
    const texts = [...says.text, ...says.needs, ...says.likes].filter((name) => !own.has(name))
    const to = (name: string, slugs: boolean, required: boolean) => {
      const found = named(name, live, slugs)
      const sole = (target: string) => required && found.every((each) => each.to === target)
      return found.map((each) => ({ from, ...each, required, sole: sole(each.to) }))
    }
    return [
      ...says.needs.flatMap((name) => to(name, false, true)),
      ...[...says.likes, ...texts].flatMap((name) => to(name, true, false)),
    ]
  })
  const edges = references.filter(({ from, to }) => from !== to)
  const around = (root: string, reversed: boolean) => {
    const distances = new Map([[root, 0]])
    for (let steps = 1; steps <= IDS.length; steps++)
      for (const { from, to } of edges) {
        const [near, far] = reversed ? [to, from] : [from, to]
        if (distances.get(near) === steps - 1 && !distances.has(far)) distances.set(far, steps)
      }
    return distances
  }
  const broken = (root: string) => {
    const found = new Set([root])
    for (const _ of IDS) for (const { from, to, sole } of edges) if (sole && found.has(to)) found.add(from)
    found.delete(root)
    return found
  }
  const reach = (from: string) => new Set([...around(from, false).keys()])
  const components = () => {
    const together = live.map(({ id }) =>
      live.map((each) => each.id).filter((other) => reach(id).has(other) && reach(other).has(id)),
    )
    const circles = together.filter(
      (members) =>
        members.length > 1 || references.some(({ from, to }) => from === to && from === members[0]),
    )
    return [...new Set(circles.map((members) => members.join(' ')))]
  }
  const dangling = live.flatMap(({ id, slug, ...says }) => {
    const own = new Set([id, slug])
    const declared = [...says.needs.map((name) => ['id', name]), ...says.likes.map((name) => ['any', name])]
    const texts = says.text.filter((name) => !own.has(name) && !declared.some((each) => each[1] === name))
    const leads = (name: string, slugs: boolean, among: readonly Thing[] = live) =>
      named(name, among, slugs).length > 0
    return [
      ...declared.filter(([kind, name]) => !leads(name!, kind === 'any')),
      ...texts.filter((name) => !leads(name, true) && leads(name, true, all)).map((name) => ['text', name]),
    ].map(([kind, name]) => `${id} ${kind} ${name}`)
  })
  const lonely = (unreferenced: boolean) =>
    live
      .map(({ id }) => id)
      .filter((id) => !edges.some(({ from, to }) => to === id || (!unreferenced && from === id)))
  return { live, references, edges, around, broken, components, dangling, lonely }
}

let app: TestApp
let callers: Record<'laurel' | 'other', ReturnType<typeof graphAs>>

beforeAll(async () => {
  app = await graphApp()
  callers = {
    laurel: graphAs(await app.key({ org: 'laurel', role: 'automation' })),
    other: graphAs(await app.key({ org: 'other', role: 'automation' })),
  }
})
afterAll(() => app.close())

async function become(org: 'laurel' | 'other', all: readonly Thing[]): Promise<void> {
  const { db } = app.deps
  await db.query(sql`DELETE FROM config_nodes WHERE org = ${org}`)
  await db.query(sql`DELETE FROM config_names WHERE org = ${org}`)
  await db.query(sql`DELETE FROM config_edges WHERE org = ${org}`)
  await db.query(sql`DELETE FROM config_mentions WHERE org = ${org}`)
  await index(db, org, things(Object.fromEntries(all.map((thing) => [thing.id, documentOf(thing)]))))
  const gone = all.filter(({ deleted }) => deleted).map(({ id }) => ({ type: 'thing', id }))
  await remove(db, org, gone)
}

const text = ({ from, to, kind }: { from: string; to: string; kind: string }) => `${from} ${kind} ${to}`

async function compare(org: 'laurel' | 'other', all: readonly Thing[]): Promise<void> {
  const expected = model(all)
  const graph = callers[org]
  for (const { id } of all) {
    const key = { type: 'thing', id }
    if (!expected.live.some((each) => each.id === id)) {
      expect((await graph.closure(key)).status).toBe(404)
      continue
    }
    for (const direction of ['dependencies', 'used_by']) {
      const { body } = await graph.closure(key, { direction })
      const distances = expected.around(id, direction === 'used_by')
      expect(
        new Map(body.nodes.map((node: any) => [node.id, node.distance])),
        `${direction} of ${id}`,
      ).toEqual(distances)
      const between = expected.edges.filter(({ from, to }) => distances.has(from) && distances.has(to))
      const found = body.edges.map((edge: any) => ({ ...edge, from: edge.from.id, to: edge.to.id }))
      expect(new Set(found.map(text)), `edges of ${id}`).toEqual(new Set(between.map(text)))
      for (const edge of found)
        expect(edge.required).toBe(between.some((each) => text(each) === text(edge) && each.required))
    }
    await compareImpact(org, id, expected)
  }
  const cycles = await graph.all('cycles', { size: 1 })
  expect(new Set(cycles.map(({ members }) => members.map((member: any) => member.id).join(' ')))).toEqual(
    new Set(expected.components()),
  )
  for (const { cycle } of cycles)
    for (const [at, { id: from, kind }] of cycle.entries()) {
      const to = cycle[(at + 1) % cycle.length].id
      expect(expected.references.map(text)).toContain(text({ from, to, kind }))
    }
  for (const unreferenced of [false, true])
    expect((await graph.all('orphans', { size: 2, unreferenced })).map(({ id }) => id)).toEqual(
      expected.lonely(unreferenced),
    )
  const dangling = await graph.all('dangling', { size: 2 })
  expect(dangling.map(({ from, kind, name }) => `${from.id} ${kind} ${name}`).sort()).toEqual(
    [...new Set(expected.dangling)].sort(),
  )
}

async function compareImpact(org: 'laurel' | 'other', id: string, expected: ReturnType<typeof model>) {
  const { body } = await callers[org].impact({ type: 'thing', id })
  const broken = expected.broken(id)
  const others = [...expected.around(id, true).keys()].filter((each) => each !== id && !broken.has(each))
  expect(new Set(body.breaks.map((each: any) => each.id)), `breaks by ${id}`).toEqual(broken)
  expect(new Set(body.affected.map((each: any) => each.id)), `affected by ${id}`).toEqual(new Set(others))
  for (const { id: from, path } of [...body.breaks, ...body.affected]) {
    const hops = path.map((hop: any, at: number) => ({
      ...hop,
      from: at === 0 ? from : path[at - 1].id,
      to: hop.id,
    }))
    for (const hop of hops) expect(expected.edges.map(text)).toContain(text(hop))
    expect(path.at(-1).id).toBe(id)
    expect(hops.every((hop: any) => hop.required) || !broken.has(from)).toBe(true)
  }
}

test('[CG-13] answers are those of a plain model of the documents, and of one’s own organisation only', async () => {
  await fc.assert(
    fc.asyncProperty(organisation, organisation, async (own, foreign) => {
      await become('laurel', own)
      await become('other', foreign)
      await compare('laurel', own)
      await compare('other', foreign)
    }),
    { numRuns: 25 },
  )
}, 120_000)
