import type { Document, NodeKey } from '../../config-hub/index/entry.ts'
import { canonical } from '../../operation/plan.ts'
import { documentOf } from '../execution/document.ts'
import { restored } from './content.ts'
import { namedIn, resolvedBy } from './extracted.ts'
import { keyText } from './input.ts'
import type { SyncPlan } from './plan.ts'
import type { Dependant } from './plan-delete.ts'
import type { DoneRow, DoneWrite, LiveNow } from './plan-rollback.ts'
import {
  hash,
  hashesOf,
  type Kept,
  knownOf,
  namesOf,
  type Pairs,
  put,
  typeNamed,
  type World,
} from './testing.ts'

/** What was wrong while a plan was applied: a target would have refused it, or taken nonsense. */
export type Applied = { wrong: string[]; requests: number; writes: DoneWrite[] }

/**
 * Does what a plan says in any order that its tasks allow (`pick` chooses among those that are ready), as plainly as
 * possible, and remembers the pairs.
 */
export function apply(
  { rows, tasks }: SyncPlan,
  target: World,
  pairs: Pairs,
  pick: (ready: number) => number = () => 0,
): Applied {
  const ids = new Map(
    rows.flatMap((row) => (row.targetId ? [[`${row.type}/${row.sourceId}`, row.targetId]] : [])),
  )
  const done = new Set<number>()
  const there = new Set<number>()
  const wrong: string[] = []
  const writes: DoneWrite[] = []
  while (done.size < tasks.length) {
    const ready = [...tasks.keys()].filter(
      (task) => !done.has(task) && tasks[task]?.after.every((each) => done.has(each)),
    )
    if (ready.length === 0)
      return { wrong: [...wrong, 'tasks wait for each other'], requests: done.size, writes }
    const index = ready[pick(ready.length) % ready.length] as number
    const task = tasks[index] as SyncPlan['tasks'][number]
    const row = rows[task.row] as SyncPlan['rows'][number]
    done.add(index)
    if (task.kind === 'delete') {
      const key = { type: row.type, id: row.targetId as string }
      const gone = target.kept.get(keyText(key))
      if (!gone) wrong.push(`delete of ${keyText(key)}`)
      target.kept.delete(keyText(key))
      writes.push(writeOf(target, task, key, gone, writes.length + 1))
      continue
    }
    const omitted = task.omits
      .filter((each) => !there.has(each))
      .flatMap((each) => {
        const { type, sourceId, targetId, derives = [] } = rows[each] as typeof row
        return [
          `⟨${type}/${sourceId}⟩`,
          ...(targetId ? [targetId] : []),
          ...derives.map(({ symbol }) => symbol),
        ]
      })
    const naming = { idOf: (key: string) => ids.get(key), omitted: new Set(omitted) }
    const id = row.targetId ?? ids.get(`${row.type}/${row.sourceId}`) ?? `made-${++target.count}`
    const key = { type: row.type, id }
    const isThere = target.kept.get(keyText(key))
    if (task.kind === 'create' ? isThere : !isThere) wrong.push(`${task.kind} of ${keyText(key)}`)
    let document = documentOf(row, naming)
    if (JSON.stringify(document).includes('⟨')) wrong.push(`a symbol in ${keyText(key)}`)
    if (task.kind === 'complete' && isThere)
      document = restored(typeNamed(row.type), document, isThere.document)
    if (target.kind === 'place') document = withSteps(target, document)
    put(target, key, document)
    writes.push(writeOf(target, task, key, isThere, writes.length + 1))
    ids.set(`${row.type}/${row.sourceId}`, id)
    there.add(task.row)
    if (task.kind === 'create')
      for (const { symbol, pointer } of row.derives ?? []) {
        const [, , step] = pointer.split('/')
        const made = (document.steps as { id: string }[])[Number(step)]?.id
        if (made === undefined) wrong.push(`no id at ${pointer}`)
        else ids.set(symbol.slice(1, -1), made)
      }
    wrong.push(...lacking(target, key))
  }
  for (const { type, sourceId, targetId, base, action } of rows) {
    const id = ids.get(`${type}/${sourceId}`) ?? targetId
    if (action === 'refused' || !base || !id) continue
    const sides = { type, sourceId, targetId: id, mirrored: false, baseMirrored: false }
    pairs.set(`${type}/${sourceId}`, { ...sides, base })
  }
  return { wrong, requests: done.size, writes }
}

/** What the journal keeps of a write; secrets only where the place shows them. */
function writeOf(
  target: World,
  { row: seq, kind: step }: SyncPlan['tasks'][number],
  { type, id: targetId }: NodeKey,
  was: Kept | undefined,
  doneOrder: number,
): DoneWrite {
  const [now] = liveOf(target, [{ type, id: targetId }])
  const secrets = was && target.kind === 'store' ? was.secrets : {}
  return {
    ...{ seq, step, type, targetId, done: true, doneOrder },
    before: was ? { document: was.document, secrets } : null,
    preRevision: was ? String(was.revision) : null,
    postRevision: now?.revision ?? null,
    postHash: now?.contentHash ?? null,
  }
}

/** What is there now, as taking back sees it. */
export const liveOf = (target: World, keys: readonly NodeKey[]): LiveNow[] =>
  keys.flatMap((key): LiveNow[] => {
    const kept = target.kept.get(keyText(key))
    if (!kept) return []
    const { type, id, document, secrets, revision } = kept
    const isStore = target.kind === 'store'
    return [
      {
        ...{ type, id, document, title: knownOf(kept).title, revision: String(revision) },
        secretHashes: isStore ? hashesOf(secrets) : null,
        contentHash: hash(canonical(isStore ? { document, secrets } : document)),
      },
    ]
  })

/** Who refers to whom at a place, by whatever name. */
export function dependantsIn(world: World): Dependant[] {
  const names = namesOf(world, [])
  return [...world.kept.values()].flatMap((kept) => {
    const by = { type: kept.type, id: kept.id, title: knownOf(kept).title }
    const references = resolvedBy(kept, namedIn(typeNamed(kept.type), kept.document), names)
    const named = references.flatMap(({ to }) => (to.length === 1 ? to : []))
    return named.filter((of) => keyText(of) !== keyText(kept)).map((of) => ({ of, by }))
  })
}

/** Rows of a job with those that they waited for. */
export const doneRows = ({ rows, tasks }: SyncPlan): DoneRow[] =>
  rows.map(({ title, references }, seq) => {
    const after = tasks.flatMap((task) =>
      task.row === seq ? task.after.map((each) => (tasks[each] as SyncPlan['tasks'][number]).row) : [],
    )
    const waitedFor = [...new Set([...after, ...references.map(({ to }) => to)])].filter((to) => to !== seq)
    return { seq, title, waitedFor }
  })

/** Places make the ids of steps. */
function withSteps(target: World, document: Document): Document {
  if (!Array.isArray(document.steps)) return document
  const steps = document.steps.map((step: Document) =>
    step.id === undefined ? { ...step, id: `step-${++target.count}` } : step,
  )
  return { ...document, steps }
}

/** Required references to what is not there. */
function lacking({ kept }: World, key: NodeKey): string[] {
  const { document } = kept.get(keyText(key)) as Kept
  return namedIn(typeNamed(key.type), document)
    .filter(({ required, toType, name }) => required && !kept.has(`${toType}/${name}`))
    .map(({ name }) => `${keyText(key)} needs ${name}`)
}
