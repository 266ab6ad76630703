import type { ConfigType } from '../types/definition.ts'
import { connectorPages, entriesOf, type ReadPage, storePages, Unreadable } from './read-type.ts'
import { hasNodes, stagePage, unstageType } from './staging-store.ts'
import { step, type Work } from './step.ts'

/**
 * Reads every type and stages what differs from the index. A type that cannot be read keeps what the index has of it.
 * While a page is derived the next is on its way and those before are staged, each in one transaction with the
 * checkpoint, so that none is staged twice.
 */
export async function readAll(work: Work): Promise<void> {
  const { deps, build, signal } = work
  const line = openLine()
  try {
    for (const type of work.registry.values()) {
      if (work.at.done.includes(type.type) || work.at.failed.includes(type.type)) continue
      try {
        await readType(work, type, pagesOf(work, type), line)
      } catch (error) {
        if (signal.aborted || !(error instanceof Unreadable)) throw error
        deps.log.warn(
          { err: error, org: build.org, type: type.type },
          'a type could not be read for the index',
        )
        await line.add(() => giveUp(work, type))
      }
    }
  } finally {
    // whatever failed: nothing is on its way any more
    await line.empty()
  }
  await step(work, { phase: 'name', type: null, cursor: null, after: null })
}

const giveUp = (work: Work, { type }: ConfigType): Promise<void> =>
  step(work, { type: null, cursor: null, failed: [...work.at.failed, type] }, async (tx) => ({
    staged: work.at.staged - (await unstageType(tx, work.build, type)),
  }))

const pagesOf = ({ deps, build, connectors, signal }: Work, type: ConfigType): ReadPage =>
  type.connector === 'store'
    ? storePages(deps.db, build.org, type)
    : connectorPages(connectors.get(type.connector), type, signal)

async function readType(work: Work, type: ConfigType, read: ReadPage, line: Line): Promise<void> {
  const { deps, build } = work
  const compare = await hasNodes(deps.db, build.org, type.type)
  const keepSame = type.connector !== 'store'
  let next = later(read(work.at.type === type.type ? work.at.cursor : null))
  try {
    for (;;) {
      const { items, cursor } = await next
      if (cursor !== null) next = later(read(cursor))
      const entries = await entriesOf(type, items)
      await line.add(() => {
        const reached =
          cursor === null ? { type: null, done: [...work.at.done, type.type] } : { type: type.type }
        const staged = { type: type.type, entries, compare, keepSame }
        return step(
          work,
          { ...reached, cursor },
          async (tx) => ({ staged: work.at.staged + (await stagePage(tx, build, staged)) }),
          items.length,
        )
      })
      if (cursor === null) return
    }
  } finally {
    await Promise.allSettled([next])
  }
}

/** Work that is done one after the other; what follows on a failure is not done. */
type Line = {
  /** Resolves once few enough are waiting. Throws what failed before. */
  add(work: () => Promise<void>): Promise<void>
  /** Resolves once nothing is under way; throws what failed. */
  empty(): Promise<void>
}

/** Pages differ in what they cost to derive and to stage: with two in between neither side waits much for the other. */
const MOST_WAITING = 2

function openLine(): Line {
  let last = Promise.resolve()
  const waiting: Promise<void>[] = []
  return {
    async add(work) {
      if (waiting.length > MOST_WAITING) await waiting.shift()
      last = later(last.then(work))
      waiting.push(last)
    },
    empty: () => last,
  }
}

/** A promise that is awaited later; until then its failure is nobody's. */
function later<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}
