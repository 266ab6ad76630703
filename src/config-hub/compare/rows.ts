import type { NodeRow } from '../index/read-store.ts'
import type { LineageRow } from '../lineage/store.ts'

export type Row = {
  status: 'matched' | 'only_current' | 'only_source'
  current?: NodeRow
  source?: NodeRow
  lineage?: Lineage
}

/** pull: the current organisation imported it; push: the source organisation imported it from the current one. */
type Lineage = { direction: 'pull' | 'push'; row: LineageRow }

/**
 * Configurations of two organisations side by side: pairs of lineage in either direction, then what only one has. Of
 * pairs that have a side in common, the one that was synced last counts, of others the pulled one. By title, matched
 * ones first.
 */
export function compareRows(
  current: readonly NodeRow[],
  source: readonly NodeRow[],
  pulled: readonly LineageRow[],
  pushed: readonly LineageRow[],
): Row[] {
  const currentById = new Map(current.map((node) => [node.id, node]))
  const sourceById = new Map(source.map((node) => [node.id, node]))
  const matched: Row[] = []
  const ofBoth: Lineage[] = [
    ...pulled.map((row) => ({ direction: 'pull' as const, row })),
    ...pushed.map((row) => ({ direction: 'push' as const, row })),
  ]
  const syncedAt = ({ row }: Lineage): number => row.lastSyncedAt?.getTime() ?? 0
  for (const lineage of ofBoth.sort((a, b) => syncedAt(b) - syncedAt(a))) {
    const { direction, row } = lineage
    const [ours, theirs] = direction === 'pull' ? [row.targetId, row.sourceId] : [row.sourceId, row.targetId]
    const [left, right] = [currentById.get(ours), sourceById.get(theirs)]
    if (!left || !right) continue
    currentById.delete(ours)
    sourceById.delete(theirs)
    matched.push({ status: 'matched', current: left, source: right, lineage })
  }
  const byTitle = (a: Row, b: Row): number => {
    const [left, right] = [keyOf(a), keyOf(b)]
    return left < right ? -1 : left > right ? 1 : 0
  }
  return [
    ...matched.sort(byTitle),
    ...[...currentById.values()]
      .map((node): Row => ({ status: 'only_current', current: node }))
      .sort(byTitle),
    ...[...sourceById.values()].map((node): Row => ({ status: 'only_source', source: node })).sort(byTitle),
  ]
}

const keyOf = ({ current, source }: Row): string => {
  const node = (current ?? source) as NodeRow
  return `${node.titleKey}\u0000${node.id}`
}
