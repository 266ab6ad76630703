import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestApp, testApp } from '../../test/harness/app.ts'
import { addType, documentsAs } from '../../test/harness/store.ts'
import { mergePatch } from './rules.ts'

let app: TestApp
let things: ReturnType<typeof documentsAs>

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  await addType(app, 'laurel', { type: 'thing' })
  things = documentsAs(await app.person('laurel', 'owner'), 'thing')
})
afterAll(() => app.close())

/** Few names and values, so that writes often meet and sometimes change nothing. */
const value = fc.oneof(
  fc.constantFrom(0, 1, 'a', true, null),
  fc.array(fc.constantFrom(1, null), { maxLength: 2 }),
  fc.dictionary(fc.constantFrom('x', 'y'), fc.constantFrom(0, 1, null), { maxKeys: 2 }),
)
const document = fc.dictionary(fc.constantFrom('a', 'b', 'c'), value, { maxKeys: 3 })
const step = fc.oneof(
  fc.record({ op: fc.constant('put' as const), document, only: fc.boolean() }),
  fc.record({
    op: fc.constant('patch' as const),
    document,
    guard: fc.constantFrom('none', 'right', 'wrong'),
  }),
  fc.record({ op: fc.constant('delete' as const), guard: fc.constantFrom('none', 'right', 'wrong') }),
)

type State = { versions: (object | null)[] }

/** What the store is to answer and to become, by a model of a list of versions. */
function expected(
  { versions }: State,
  one: any,
): { status: number; next: (object | null)[]; unchanged?: boolean } {
  const now = versions.at(-1) ?? null
  if (one.only && now) return { status: 412, next: versions }
  if (one.op !== 'put' && !now) return { status: 404, next: versions }
  if (one.guard === 'wrong') return { status: 412, next: versions }
  if (one.op === 'delete') return { status: 200, next: [...versions, null] }
  const after = one.op === 'put' ? one.document : mergePatch(now, one.document)
  const same = now !== null && JSON.stringify(sorted(now)) === JSON.stringify(sorted(after))
  return same
    ? { status: 200, next: versions, unchanged: true }
    : { status: 200, next: [...versions, after], unchanged: false }
}

const sorted = (of: any): any =>
  typeof of !== 'object' || of === null || Array.isArray(of)
    ? of
    : Object.fromEntries(
        Object.entries(of)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, each]) => [name, sorted(each)]),
      )

let runs = 0

test('[CS-22] whatever is put, patched and deleted, the store is what a list of versions would be', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), async (steps) => {
      const id = `run-${++runs}`
      const state: State = { versions: [] }
      for (const one of steps as any[]) {
        const { status, next, unchanged } = expected(state, one)
        const guard: Record<string, string> =
          one.guard === undefined || one.guard === 'none'
            ? {}
            : { 'if-match': `"${Math.max(state.versions.length + (one.guard === 'wrong' ? 1 : 0), 1)}"` }
        const reply =
          one.op === 'put'
            ? await things.put(id, one.document, one.only ? { 'if-none-match': '*' } : {})
            : one.op === 'patch'
              ? await things.patch(id, one.document, guard)
              : await things.remove(id, guard)
        expect([reply.status, reply.body.unchanged]).toEqual([status, unchanged])
        state.versions = next
        if (status === 200) expect(reply.body.version).toBe(next.length)
        const now = next.at(-1) ?? null
        const got = await things.get(id)
        expect(got.status).toBe(now ? 200 : 404)
        if (now) expect(got.body).toEqual(now)
      }
      if (state.versions.length === 0) return
      const { results } = (await things.history(id, '?size=100')).body
      expect(results.map(({ version, deleted }: any) => [version, deleted ?? false])).toEqual(
        state.versions.map((each, index) => [index + 1, each === null]).reverse(),
      )
      for (const [index, each] of state.versions.entries())
        if (each) expect((await things.version(id, index + 1)).body).toEqual(each)
    }),
    { numRuns: 60 },
  )
})
