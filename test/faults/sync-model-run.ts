import assert from 'node:assert/strict'
import fc from 'fast-check'
import { seeded } from '../harness/seeded.ts'
import {
  applied,
  type Choice,
  type Doc,
  type Expected,
  expectedOf,
  KINDS,
  type Kind,
  type Model,
  namedIn,
  newModel,
  type Side,
  type Sync,
  type Thing,
  text,
} from './sync-model.ts'
import type { Documents, Ran, RanRow, World } from './sync-model-world.ts'

/** One thing that happens. Numbers choose among what there is at that moment. */
export type Command =
  | { do: 'add'; side: Side; kind: Kind; numbers: number[] }
  | { do: 'twin'; side: Side; numbers: number[] }
  | { do: 'edit'; side: Side; numbers: number[] }
  | { do: 'remove'; side: Side; numbers: number[] }
  | {
      do: 'sync'
      from: Side
      numbers: number[]
      dependencies: boolean
      choice: Choice
      /** Seed of what goes wrong; 0: nothing. */
      trouble: number
      /** Whether somebody edits the target between plan and write. */
      meanwhile: boolean
      /** Whether it is taken back at once. */
      undo: boolean
    }

const oneIn = (n: number) => fc.nat(n - 1).map((at) => at === n - 1)
const numbers = fc.array(fc.nat(1000), { minLength: 6, maxLength: 6 })
const side = fc.constantFrom<Side>('a', 'b')
const kind = fc.constantFrom<Kind>('node', 'node', 'leaf')

export const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('add' as const), side, kind, numbers }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('twin' as const), side, numbers }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('edit' as const), side, numbers }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), side, numbers }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('sync' as const),
      from: side,
      numbers,
      dependencies: fc.boolean(),
      choice: fc.constantFrom<Choice>('source', 'target', 'fail'),
      trouble: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2 ** 30 })),
      meanwhile: oneIn(4),
      undo: oneIn(4),
    }),
  },
)

/** What a whole run came to, so that a test can say that it was not empty. */
export type Tally = Record<string, number>

/** Does all of it in a world, and after each sync looks whether both sides are what the model says. */
export async function runCommands(world: World, commands: readonly Command[], tally: Tally): Promise<void> {
  const model = newModel()
  const count = (name: string, by = 1) => {
    tally[name] = (tally[name] ?? 0) + by
  }
  for (const each of commands) {
    if (each.do !== 'sync') await edit(world, model, each)
    else await sync(world, model, each, count)
    count(each.do)
  }
}

const pick = <T>(items: readonly T[], n: number): T | undefined => items[n % Math.max(items.length, 1)]
const living = ({ things }: Model, side: Side): Thing[] => [...things.values()].filter(({ on }) => on[side])
const idsOf = (model: Model, side: Side, kind: Kind): string[] =>
  living(model, side).flatMap(({ kind: of, on }) => (of === kind && on[side] ? [on[side].id] : []))

export async function edit(
  world: World,
  model: Model,
  each: Exclude<Command, { do: 'sync' }>,
): Promise<void> {
  const { side, numbers } = each
  const [n = 0] = numbers
  if (each.do === 'add') {
    const mark = `e${model.things.size}`
    const doc = newDoc(model, side, each.kind, mark, numbers)
    if (doc) await place(world, model, side, { mark, kind: each.kind, on: {} }, doc, numbers)
  } else if (each.do === 'twin') {
    const single = [...model.things.values()].filter(({ on }) => !on[side] && (on.a || on.b))
    const thing = pick(single, n)
    const doc = thing && newDoc(model, side, thing.kind, thing.mark, numbers)
    if (thing && doc) await place(world, model, side, thing, doc, numbers)
  } else if (each.do === 'remove') {
    const thing = pick(living(model, side), n)
    const there = thing?.on[side]
    if (!thing || !there) return
    await world.remove(side, thing.kind, there.id)
    delete thing.on[side]
  } else {
    const thing = pick(living(model, side), n)
    const there = thing?.on[side]
    if (!thing || !there) return
    there.doc = edited(model, side, thing.kind, there.doc, numbers)
    await world.put(side, thing.kind, there.id, there.doc)
  }
}

/** Where it was, or at an id that was never taken there and may well be something else's on the other side. */
async function place(
  world: World,
  model: Model,
  side: Side,
  thing: Thing,
  doc: Doc,
  [, , , , again = 0, n = 0]: number[],
): Promise<void> {
  let number = n % 12
  while (model.used[side].has(`${thing.kind}-${number}`)) number++
  const former = again % 2 === 0 ? thing.pair?.[side] : undefined
  const id = former ?? `${thing.kind}-${number}`
  model.used[side].set(id, thing.mark)
  model.things.set(thing.mark, thing)
  thing.on[side] = { id, doc }
  await world.put(side, thing.kind, id, doc)
}

/** Undefined: it needs something that there is none of. */
function newDoc(model: Model, side: Side, kind: Kind, mark: string, numbers: number[]): Doc | undefined {
  const doc: Doc = { mark, title: `Title ${mark}`, size: (numbers[1] as number) % 4 }
  if (kind === 'node') return edited(model, side, kind, doc, numbers)
  const node = pick(idsOf(model, side, 'node'), numbers[2] as number)
  return node === undefined ? undefined : { ...doc, node }
}

function edited(
  model: Model,
  side: Side,
  kind: Kind,
  doc: Doc,
  [, what = 0, which = 0, value = 0]: number[],
): Doc {
  const next = structuredClone(doc)
  const nodes = idsOf(model, side, 'node')
  const all = [...nodes, ...idsOf(model, side, 'leaf')]
  const set = (name: string, value: unknown) => {
    if (value === undefined) delete next[name]
    else next[name] = value
  }
  const edits: (() => void)[] = [
    () => set('size', value % 5),
    () => set('size', value % 7 === 0 ? undefined : value % 7),
    () => set('note', `see ${pick(all, which) ?? 'nobody'}, and "${pick(all, value) ?? 'node-99'}"!`),
    () =>
      set('style', value % 4 === 0 ? undefined : { ...(next.style as Doc), [`c${which % 3}`]: value % 3 }),
  ]
  if (kind === 'leaf') edits.push(() => set('node', pick(nodes, which) ?? next.node))
  else
    edits.push(
      () => set('main', value % 5 === 0 ? undefined : pick(nodes, which)),
      () => set('leaf', value % 5 === 0 ? undefined : pick(idsOf(model, side, 'leaf'), which)),
      () => {
        const peers = (next.peers as string[] | undefined) ?? []
        const peer = pick(nodes, which)
        if (value % 3 === 0) set('peers', peers.slice(1))
        else if (peer !== undefined && !peers.includes(peer)) set('peers', [...peers, peer])
      },
    )
  edits[what % edits.length]?.()
  return next
}

async function sync(
  world: World,
  model: Model,
  { from, numbers, dependencies, choice, trouble, meanwhile, undo }: Extract<Command, { do: 'sync' }>,
  count: (name: string, by?: number) => void,
): Promise<void> {
  const all = living(model, from)
  const wanted = all.filter((_, index) => numbers.some((n) => n % (all.length + 1) === index || n % 5 === 0))
  if (wanted.length === 0) return
  const to: Side = from === 'a' ? 'b' : 'a'
  const what: Sync = {
    ...{ from, to, dependencies, choice, choosesIds: world.setting !== 'made ids' || to === 'a' },
    resources: wanted.map(({ kind, on }) => ({ type: kind, id: (on[from] as { id: string }).id })),
  }
  const random = seeded(trouble)
  const befalls = () =>
    trouble === 0 ? undefined : { random, crashes: random.below(4), oneIn: 6 + random.below(20) }
  const former = structuredClone(model)
  const before = await world.read(to)
  const edits = meanwhile ? staleEdit(model, what, numbers) : undefined
  let expected = edits?.expected ?? expectedOf(model, what)
  const ran = await world.run(what, befalls(), edits && (() => edits.make(world)))
  count('crashes', ran.crashes)
  // a plan that was lost before it was kept is made again, after the edit
  if (edits && ran.crashes > 0 && !ran.rows.some(({ code }) => code === 'stale'))
    expected = expectedOf(model, what)
  adopt(model, what, expected, ran)
  for (const { action, refusal } of expected) count(refusal ?? action)
  await compare(world, model)
  if (undo && !edits && !isNeededElsewhere(world, model, to, ran)) {
    const undone = await world.run(ran, befalls())
    count('crashes', undone.crashes)
    count('undone', undone.rows.filter(({ status }) => DONE_BACK.has(status)).length)
    assert.equal(undone.status, 'succeeded', JSON.stringify(undone))
    await compareBytes(world, to, before)
    // of what was only looked at there is nothing to take back: both are still known to have been alike
    for (const { action, thing } of expected) {
      const before = action === 'none' && thing ? former.things.get(thing.mark) : undefined
      if (before) before.pair = thing?.pair
    }
    model.things = former.things
    return
  }
  if (edits) {
    // what was left alone is done by the next one
    const next = expectedOf(model, what)
    adopt(model, what, next, await world.run(what, befalls()))
    await compare(world, model)
  }
  // whatever is not the same on both sides now is so because somebody wanted it so
  const writes = await world.writes(to)
  const again = expectedOf(model, what)
  const more = again.filter(({ action }) => action === 'create' || action === 'patch')
  assert.deepEqual(more, [], 'the model itself would write again')
  const second = await world.run(what)
  adopt(model, what, again, second)
  assert.equal(await world.writes(to), writes, `a second sync writes: ${JSON.stringify(second.rows)}`)
  await compare(world, model)
}

/** A sync without trouble, and what it was to do. */
export async function promote(world: World, model: Model, what: Sync): Promise<Expected[]> {
  const expected = expectedOf(model, what)
  adopt(model, what, expected, await world.run(what))
  await compare(world, model)
  return expected
}

const DONE_BACK: ReadonlySet<string> = new Set(['created', 'patched', 'deleted'])

/**
 * Whether something that the job did not write refers at a place elsewhere to what the job created: nobody can say then
 * whether it did so before, and that is not taken back.
 */
function isNeededElsewhere(world: World, model: Model, side: Side, { rows }: Ran): boolean {
  if (world.setting === 'store' || side === 'a') return false
  const written = new Set(rows.flatMap(({ targetId, status }) => (DONE_BACK.has(status) ? [targetId] : [])))
  return living(model, side).some(({ kind, on }) => {
    const { id, doc } = on[side] as { id: string; doc: Doc }
    return !written.has(id) && namedIn(kind, doc).some((each) => written.has(each.id))
  })
}

/** Somebody edits, between plan and write, one of those that the sync is to change: it is left alone, and nothing else. */
function staleEdit(model: Model, what: Sync, numbers: number[]) {
  const expected = expectedOf(model, what)
  const patches = expected.filter(({ action }) => action === 'patch')
  const row = pick(patches, numbers[3] as number)
  const there = row?.thing?.on[what.to]
  if (!row?.thing || !there) return undefined
  const { kind } = row.thing
  const doc = { ...there.doc, meanwhile: numbers[4] }
  const make = (world: World) => {
    there.doc = doc
    return world.put(what.to, kind, there.id, doc)
  }
  Object.assign(row, { action: 'refused', refusal: 'stale' })
  return { expected, make }
}

/** As it was to the letter; of a place elsewhere, whose members have an order of its own, in content. */
async function compareBytes(world: World, side: Side, before: Documents): Promise<void> {
  const now = await world.read(side)
  const lines = ({ node, leaf }: Documents) =>
    [...node, ...leaf]
      .map(
        ([id, doc]) =>
          `${id} ${world.setting !== 'store' && side === 'b' ? text({ ...doc, revision: 0 }) : JSON.stringify(doc)}`,
      )
      .sort()
  assert.deepEqual(lines(now), lines(before), 'what was taken back')
}

const DONE: Record<Expected['action'], string> = {
  create: 'created',
  patch: 'patched',
  none: 'skipped',
  refused: 'failed',
}

/** Each row is what the model says, and no other is there; then the model is as after the sync. */
export function adopt(model: Model, what: Sync, expected: readonly Expected[], ran: Pick<Ran, 'rows'>): void {
  const name = (type: string, id: string) => `${type} ${id}`
  const rows = new Map(ran.rows.map((row) => [name(row.type, row.sourceId), row]))
  const told = ({ type, sourceId, status, code }: RanRow) => `${name(type, sourceId)} ${status} ${code ?? ''}`
  assert.deepEqual(
    ran.rows.map(told).sort(),
    expected
      .map(({ kind, id, action, refusal }) => `${name(kind, id)} ${DONE[action]} ${refusal ?? ''}`)
      .sort(),
    `rows of ${JSON.stringify(what)}: ${JSON.stringify(ran.rows)}
    pairs ${[...model.things.values()].map(({ mark, on, pair }) => `${mark}: ${on.a?.id} ${on.b?.id} (${pair?.a} ${pair?.b})`).join(', ')}
    expected ${JSON.stringify(expected)}`,
  )
  const ids = new Map<string, string>()
  for (const { thing, kind, id, action, targetId } of expected) {
    if (action === 'refused') continue
    const row = rows.get(name(kind, id))
    const made = row?.targetId as string
    if (!targetId?.startsWith('new-')) assert.equal(made, targetId, `the id of ${kind} ${id}`)
    else {
      const mark = (thing as Thing).mark
      assert.ok(
        made && (model.used[what.to].get(made) ?? mark) === mark,
        `a new id for ${kind} ${id}: ${made}`,
      )
      ids.set(mark, made)
    }
  }
  applied(model, what, expected, ids)
}

/** Both sides are what the model says, to the last member, and have nothing else. */
export async function compare(world: World, model: Model): Promise<void> {
  for (const side of ['a', 'b'] as const) {
    const documents = await world.read(side)
    for (const thing of model.things.values()) if (thing.mixed === side) adoptOrder(thing, side, documents)
    const found = linesOf(documents)
    const wanted = living(model, side).map(({ kind, on }) => {
      const { id, doc } = on[side] as { id: string; doc: Doc }
      return `${kind} ${id}: ${text(doc)}`
    })
    assert.deepEqual(found, wanted.sort(), `what side ${side} has (found, then expected)`)
  }
  assert.deepEqual(await world.wrong(), [])
}

function adoptOrder(thing: Thing, side: Side, documents: Documents): void {
  const there = thing.on[side]
  const found = there && documents[thing.kind].get(there.id)?.peers
  const sorted = (list: unknown) => text([...(list as string[])].sort())
  if (there && Array.isArray(found) && sorted(found) === sorted(there.doc.peers)) there.doc.peers = found
  thing.mixed = undefined
}

const linesOf = (documents: Documents): string[] =>
  KINDS.flatMap((kind) =>
    [...documents[kind]].map(([id, { id: own = id, revision: _, ...doc }]) => {
      assert.equal(own, id, `${kind} ${id} says of itself that it is ${own}`)
      return `${kind} ${id}: ${text(doc)}`
    }),
  ).sort()
