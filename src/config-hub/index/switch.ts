import type { Transaction } from '../../db/pool.ts'
import type { NodeKey } from './entry.ts'
import { aside, step, type Work } from './step.ts'
import { lockNames } from './store.ts'
import {
  addNames,
  applySlice,
  holdDocuments,
  mendSlice,
  nextSlice,
  type Places,
  type Slice,
  unlisted,
  unstored,
} from './switch-store.ts'
import { tombstone } from './write.ts'

/**
 * Writers of the store wait for one slice at most: about 100 ms for names and 300 ms for whole configurations, where
 * one transaction for 200,000 would keep them for most of a minute.
 */
const SIZES = { name: 5_000, switch: 1_000, replace: 1_000, mend: 5_000 }
const REMOVED_AT_ONCE = 1_000

/**
 * Makes the index what was staged, from the checkpoint on. In this order:
 * name: every name, so that whatever is written next finds all of them;
 * switch: configurations of the built-in store, slice by slice, each whole;
 * replace: those of other places, a type in one transaction, so that nobody reads half of a type;
 * mend: edges of these to names that writers of the store made meanwhile;
 * remove: what is neither stored nor listed any more.
 */
export async function switchIndex(work: Work): Promise<void> {
  const { build } = work
  if (work.at.phase === 'name') {
    await eachSlice(work, 'name', 'all', async (tx, slice) => {
      await holdDocuments(tx, build, slice)
      await lockNames(tx, build.org, true)
      await addNames(tx, build, slice)
    })
    await step(work, { phase: 'switch', after: null })
  }
  if (work.at.phase === 'switch') {
    await switchStored(work)
    await step(work, { phase: 'replace', after: null })
  }
  if (work.at.phase === 'replace') {
    for (const type of elsewhere(work)) if (type > (work.at.after?.type ?? '')) await replaceType(work, type)
    await step(work, { phase: 'mend', after: null })
  }
  if (work.at.phase === 'mend') {
    await eachSlice(work, 'mend', 'elsewhere', async (tx, slice) => {
      await lockNames(tx, build.org, false)
      await mendSlice(tx, build, slice)
    })
    await step(work, { phase: 'remove', after: null })
  }
  await removeUnstored(work)
}

/** One transaction per slice of what was staged, with the checkpoint behind it. */
async function eachSlice(
  work: Work,
  phase: keyof typeof SIZES,
  of: Places,
  write: (tx: Transaction, slice: Slice) => Promise<void>,
): Promise<void> {
  const { deps, build } = work
  for (;;) {
    const slice = await nextSlice(deps.db, build, { after: work.at.after, size: SIZES[phase], of })
    if (!slice) return
    await step(work, { after: slice.to }, async (tx) => {
      await write(tx, slice)
      return undefined
    })
  }
}

/** PostgreSQL does one statement on one core; two at once take little more than half of the time. */
const LANES = 2

/**
 * Configurations of the built-in store, each lane a slice in a transaction of its own: it holds the documents, then the
 * names together with others, in the order in which writers of the store take them. The checkpoint moves behind all lanes;
 * a slice that is applied again is the same.
 */
async function switchStored(work: Work): Promise<void> {
  const { deps, build, signal } = work
  for (;;) {
    const slices: Slice[] = []
    while (slices.length < LANES) {
      const after = slices.at(-1)?.to ?? work.at.after
      const slice = await nextSlice(deps.db, build, { after, size: SIZES.switch, of: 'store' })
      if (!slice) break
      slices.push(slice)
    }
    const last = slices.at(-1)
    if (!last) return
    signal.throwIfAborted()
    const lanes = slices.map((slice) =>
      aside(work, async (tx) => {
        await holdDocuments(tx, build, slice)
        await lockNames(tx, build.org, false)
        await applySlice(tx, build, slice, 'store')
      }),
    )
    await Promise.allSettled(lanes)
    await Promise.all(lanes)
    await step(work, { after: last.to })
  }
}

/** Types that were read from other places than the built-in store, in order. */
const elsewhere = ({ at, registry }: Work): string[] =>
  at.done.filter((type) => (registry.get(type)?.connector ?? 'store') !== 'store').sort()

/**
 * A type of another place, whole. The names of the organisation are not locked, since this takes as long as the type is
 * large: what writers of the store add meanwhile is mended afterwards.
 */
async function replaceType(work: Work, type: string): Promise<void> {
  const { deps, build, signal } = work
  await step(work, { after: { type, id: '' } }, async (tx) => {
    let after: NodeKey | null = null
    for (;;) {
      signal.throwIfAborted()
      const slice = await nextSlice(tx, build, { after, size: SIZES.replace, of: 'elsewhere', type })
      if (!slice) break
      await applySlice(tx, build, { after: after ?? { type, id: '' }, to: slice.to }, 'elsewhere')
      after = slice.to
    }
    for (;;) {
      const gone = await unlisted(tx, build, type, REMOVED_AT_ONCE)
      await tombstone(tx, build.org, gone, deps.clock())
      if (gone.length < REMOVED_AT_ONCE) return undefined
    }
  })
}

/** Configurations of types of the built-in store that are not there: looked for without a lock, checked again under it. */
async function removeUnstored(work: Work): Promise<void> {
  const { deps, build, at, registry } = work
  const types = at.done.filter((type) => (registry.get(type)?.connector ?? 'store') === 'store')
  for (;;) {
    const gone = await unstored(deps.db, build.org, types, REMOVED_AT_ONCE)
    if (gone.length === 0) return
    await step(work, {}, async (tx) => {
      await lockNames(tx, build.org, true)
      const still = await unstored(tx, build.org, types, REMOVED_AT_ONCE)
      await tombstone(tx, build.org, still, deps.clock())
      return undefined
    })
  }
}
