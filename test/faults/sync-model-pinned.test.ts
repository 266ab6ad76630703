import sql from 'sql-template-tag'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestApp, testApp } from '../harness/app.ts'
import { type Choice, type Doc, type Kind, newModel, type Side } from './sync-model.ts'
import { compare, promote } from './sync-model-run.ts'
import { openWorld, type Setting } from './sync-model-world.ts'

let app: TestApp
beforeAll(async () => {
  app = await testApp()
})
afterAll(() => app.close())

/** Short histories, each of which went wrong once. Things are called by their marks. */
async function scene(setting: Setting, play: (scene: Scene) => Promise<void>): Promise<void> {
  const world = await openWorld(app, setting)
  const model = newModel()
  const thing = (mark: string) => model.things.get(mark) ?? { mark, kind: 'node' as const, on: {} }
  try {
    await play({
      world,
      at: (side, mark) => thing(mark).on[side],
      async put(side, mark, id, more = {}, kind = 'node') {
        const doc = { mark, title: `Title ${mark}`, ...more }
        model.things.set(mark, { ...thing(mark), kind, on: { ...thing(mark).on, [side]: { id, doc } } })
        await world.put(side, kind, id, doc)
      },
      async remove(side, mark) {
        const { kind, on } = thing(mark)
        await world.remove(side, kind, on[side]?.id as string)
        delete on[side]
      },
      async sync(from, marks, choice = 'fail') {
        const resources = marks.map((mark) => ({
          type: thing(mark).kind,
          id: thing(mark).on[from]?.id as string,
        }))
        const to = from === 'a' ? 'b' : 'a'
        const choosesIds = setting !== 'made ids' || to === 'a'
        const rows = await promote(world, model, {
          from,
          to,
          resources,
          choice,
          choosesIds,
          dependencies: false,
        })
        return rows.map(({ action, refusal }) => refusal ?? action)
      },
    })
    await compare(world, model)
  } finally {
    await world.close()
  }
}

type Scene = {
  world: Awaited<ReturnType<typeof openWorld>>
  at(side: Side, mark: string): { id: string; doc: Doc } | undefined
  put(side: Side, mark: string, id: string, more?: Doc, kind?: Kind): Promise<void>
  remove(side: Side, mark: string): Promise<void>
  /** Answers what is done, by the ids at the source. */
  sync(from: Side, marks: readonly string[], choice?: Choice): Promise<string[]>
}

describe('[SM-11] a reference follows what it names', () => {
  test('that was deleted at the source, to its counterpart', () =>
    scene('store', async ({ put, remove, sync, at }) => {
      await put('b', 'other', 'node-1')
      await put('a', 'named', 'node-1')
      await put('a', 'user', 'node-2', { main: 'node-1', note: 'see node-1' })
      expect(await sync('a', ['named', 'user'])).toEqual(['create', 'create'])
      const id = at('b', 'named')?.id
      expect(id).not.toBe('node-1')
      await remove('a', 'named')
      await put('a', 'user', 'node-2', { main: 'node-1', note: 'see node-1', size: 1 })
      expect(await sync('a', ['user'])).toEqual(['patch'])
      expect(at('b', 'user')?.doc).toMatchObject({ main: id, note: `see ${id}`, size: 1 })
    }))

  test('that was deleted at the target, once it is there again by another id', () =>
    scene('made ids', async ({ put, remove, sync, at }) => {
      await put('a', 'named', 'node-1')
      await put('a', 'user', 'node-2', { main: 'node-1', note: 'see node-1' })
      await sync('a', ['named', 'user'])
      const former = at('b', 'named')?.id
      await remove('b', 'named')
      expect(await sync('a', ['named', 'user'])).toEqual(['create', 'patch'])
      const id = at('b', 'named')?.id
      expect(id).not.toBe(former)
      expect(at('b', 'user')?.doc).toMatchObject({ main: id, note: `see ${id}` })
    }))
})

describe('[SM-12] what is gone keeps nothing from being paired', () => {
  test('made anew at the source by another id, it is matched with what its predecessor was paired with', () =>
    scene('store', async ({ put, remove, sync, world }) => {
      await put('a', 'one', 'node-1')
      await sync('a', ['one'])
      await remove('a', 'one')
      await put('a', 'one', 'node-7', { size: 2 })
      expect(await sync('a', ['one'])).toEqual(['patch'])
      expect([...(await world.read('b')).node.keys()]).toEqual(['node-1'])
      await put('a', 'one', 'node-7', { size: 3 })
      expect(await sync('a', ['one'])).toEqual(['patch'])
      expect(await sync('b', ['one'])).toEqual(['none'])
    }))

  test('made anew at the target, its pair with what is gone is no obstacle on the way back', () =>
    scene('made ids', async ({ put, remove, sync, world }) => {
      await put('a', 'one', 'node-1')
      await sync('a', ['one'])
      await put('a', 'one', 'node-1', { size: 1 })
      expect(await sync('b', ['one'], 'source')).toEqual(['none'])
      await put('b', 'two', 'node-2')
      await sync('b', ['two'])
      await remove('b', 'two')
      expect(await sync('a', ['two'])).toEqual(['create'])
      expect(await sync('b', ['two'])).toEqual(['none'])
      expect([...(await world.read('a')).node.keys()]).toEqual(['node-1', 'node-2'])
    }))
})

describe('[SM-13] what is settled is not asked again', () => {
  test('changed alike on both sides, it is what later changes are told from', () =>
    scene('store', async ({ put, sync, at }) => {
      await put('a', 'one', 'node-1', { size: 1 })
      await sync('a', ['one'])
      for (const side of ['a', 'b'] as const) await put(side, 'one', 'node-1', { size: 2 })
      expect(await sync('a', ['one'])).toEqual(['none'])
      await put('b', 'one', 'node-1', { size: 1 })
      expect(await sync('a', ['one'])).toEqual(['none'])
      expect(at('b', 'one')?.doc).toMatchObject({ size: 1 })
    }))

  test('decided for the target, it stays so', () =>
    scene('store', async ({ put, sync, at }) => {
      await put('a', 'one', 'node-1', { size: 1 })
      await sync('a', ['one'])
      await put('a', 'one', 'node-1', { size: 2 })
      await put('b', 'one', 'node-1', { size: 3 })
      expect(await sync('a', ['one'])).toEqual(['conflict'])
      expect(await sync('a', ['one'], 'target')).toEqual(['none'])
      expect(await sync('a', ['one'])).toEqual(['none'])
      expect(at('b', 'one')?.doc).toMatchObject({ size: 3 })
    }))
})

test.each(['chosen ids', 'made ids'] as const)(
  '[SM-14] the index knows what was written to a place elsewhere, without a rebuild: %s',
  (setting) =>
    scene(setting, async ({ put, sync, at, world }) => {
      await put('a', 'one', 'node-1')
      await put('a', 'two', 'node-2', { main: 'node-1' })
      await sync('a', ['one', 'two'])
      const known = await app.deps.db.query(sql`
        SELECT e.from_id AS "from", e.name AS "to" FROM config_edges e
          JOIN config_nodes n ON n.org = e.org AND n.type = e.to_type AND n.id = e.name AND n.deleted_at IS NULL
         WHERE e.org = ${world.orgs.b}`)
      expect(known).toEqual([{ from: at('b', 'two')?.id, to: at('b', 'one')?.id }])
      const writes = await world.writes('b')
      expect(await sync('a', ['one', 'two'])).toEqual(['none', 'none'])
      expect(await world.writes('b')).toBe(writes)
    }),
)

test('[SM-13] what the source does not name any more is no change of the target, which still does', () =>
  scene('store', async ({ put, sync, at }) => {
    await put('b', 'other', 'node-1')
    await put('a', 'named', 'node-1')
    await put('a', 'user', 'node-2', { main: 'node-1' })
    await sync('a', ['named', 'user'])
    expect(at('b', 'user')?.doc.main).not.toBe('node-1')
    await put('a', 'user', 'node-2', { main: 'node-2' })
    expect(await sync('a', ['user'])).toEqual(['patch'])
    expect(at('b', 'user')?.doc.main).toBe('node-2')
  }))
