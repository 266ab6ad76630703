import { diff } from '../../config-hub/compare/diff.ts'
import type { Document, NodeKey } from '../../config-hub/index/entry.ts'
import { at } from '../../config-hub/references/path.ts'
import type { ConfigType } from '../../config-hub/types/definition.ts'
import { canonical } from '../../operation/plan.ts'
import { marked, markersIn, placed, stableOf } from './content.ts'
import type { PlanRow } from './plan.ts'
import { changeOf } from './row.ts'

/** A configuration as it is at the target. */
export type Live = NodeKey & {
  title: string
  revision: string
  document: Document
  /** Null where the place does not show which secrets there are. */
  secretHashes: Readonly<Record<string, string>> | null
}

/** A configuration as it was, and is to be again, to the letter. */
export type Former = { document: Document; secrets: Readonly<Record<string, unknown>> }

export const emptyRow = (key: NodeKey, more: Partial<PlanRow> = {}): PlanRow => ({
  ...{ type: key.type, sourceId: '', title: key.id, action: 'none', targetId: key.id, matchedBy: null },
  ...{ revision: null, references: [], changes: [], desired: null, secrets: {}, base: null },
  ...{ mayDuplicate: false, warnings: [] },
  ...more,
})

/** What makes the live configuration what it was; what changes by itself does not count, but is put back with the rest. */
export function replacement(
  type: ConfigType,
  live: Live,
  former: Former,
  hash: (text: string) => string,
): Pick<PlanRow, 'action' | 'changes' | 'desired' | 'secrets'> {
  const hashes = Object.fromEntries(
    Object.entries(former.secrets).map(([pointer, value]) => [pointer, hash(canonical(value))]),
  )
  const { secretHashes } = live
  const now = secretHashes ? marked(live.document, secretHashes) : live.document
  const then = secretHashes ? marked(former.document, hashes) : former.document
  const changes = diff(stableOf(type, now), stableOf(type, then))
  if (changes.length === 0) return { action: 'none', changes: [], desired: null, secrets: {} }
  // what is only left out, the store keeps
  const left = new Set(Object.keys(hashes))
  const gone = [...markersIn(now).keys()].filter(
    (pointer) => !left.has(pointer) && at(former.document, pointer) === undefined,
  )
  return {
    action: 'patch',
    changes: changes.map((each) => changeOf(each, 'differs')),
    desired:
      gone.length > 0
        ? placed(former.document, new Map(gone.map((pointer) => [pointer, null])))
        : former.document,
    secrets: former.secrets,
  }
}
