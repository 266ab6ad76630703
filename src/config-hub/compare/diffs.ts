import type { Context } from '../../operation/define.ts'
import type { Connector } from '../connectors/connector.ts'
import { connectorOf, type Source } from '../connectors/open.ts'
import { everyItem } from '../connectors/pages.ts'
import type { Document } from '../index/entry.ts'
import { basesOf } from '../lineage/lineage.ts'
import type { ConfigType } from '../types/definition.ts'
import { normalise, renamedBase, shown } from './normalise.ts'
import { pairsBetween, symbolsOf } from './pairs.ts'
import type { Row } from './rows.ts'
import type { Side } from './sides.ts'
import { type Difference, threeWay } from './three-way.ts'

/** A difference that is one: what both sides changed alike is none. */
export type Differing = Difference & { state: Exclude<Difference['state'], 'both_same'> }
type RowDiff = { diff: Differing[]; base: 'none' | 'last_sync' }
/** The two sides, with the type as each has it, and the source's documents where they were read already. */
type Compared = { type: ConfigType; theirType: ConfigType; source: Source; theirs: Side }

/** Where the two of each matched row differ, by the row's place; undefined for rows of one side. */
export async function diffsOf(
  ctx: Context,
  { type, theirType, source, theirs }: Compared,
  rows: readonly Row[],
): Promise<(RowDiff | undefined)[]> {
  const pairs = rows.flatMap(({ current, source: other }) => (current && other ? { current, other } : []))
  const connector = await connectorOf(ctx.deps, ctx.org, type)
  const idsOf = (side: 'current' | 'other') => pairs.map((pair) => pair[side].id)
  const [both, bases, left, right] = await Promise.all([
    pairsBetween(ctx.db, ctx.org, source),
    basesOfRows(ctx, type, source, rows),
    documentsOf(ctx, connector, type, idsOf('current')),
    theirs.documents ?? documentsOf(ctx, source.connectorOf(theirType), theirType, idsOf('other')),
  ])
  const symbols = symbolsOf(both)
  // what either side calls secret or volatile is neither shown nor compared as anything else
  const [ours, other] = [asBoth(type, theirType), asBoth(theirType, type)]
  // what is elsewhere does not show its secrets, so that neither side's are compared then
  const isOpen = source.kind === 'local' && type.connector === 'store' && theirType.connector === 'store'
  const hash = isOpen ? ctx.deps.sealing.hash : undefined
  return rows.map((row) => {
    const documents = row.current && row.source ? [left.get(row.current.id), right.get(row.source.id)] : []
    const [here, there] = documents
    if (!here || !there) return undefined
    const base = bases.get(row)
    const sourceSide = row.lineage?.direction === 'push' ? symbols.current : symbols.source
    const found = threeWay(
      base && renamedBase(base, sourceSide),
      normalise(ours, here, symbols.current, hash),
      normalise(other, there, symbols.source, hash),
    )
    return { diff: found.filter(differs).map(asShown), base: base ? 'last_sync' : 'none' }
  })
}

const asBoth = (type: ConfigType, other: ConfigType): ConfigType => ({
  ...type,
  secret_paths: [...new Set([...type.secret_paths, ...other.secret_paths])],
  volatile_paths: [...new Set([...type.volatile_paths, ...other.volatile_paths])],
})

const differs = (difference: Difference): difference is Differing => difference.state !== 'both_same'

/** What pairs were when they were last synced, which whoever imported them keeps. */
async function basesOfRows(
  ctx: Context,
  { type }: ConfigType,
  source: Source,
  rows: readonly Row[],
): Promise<ReadonlyMap<Row, Document>> {
  const idsOf = (wanted: 'pull' | 'push') =>
    rows.flatMap(({ lineage }) => (lineage?.direction === wanted ? lineage.row.sourceId : []))
  const [pull, push] = await Promise.all([
    basesOf(ctx.db, ctx.org, source.org, type, idsOf('pull')),
    basesOf(ctx.db, source.org, ctx.org, type, idsOf('push')),
  ])
  const found = rows.flatMap((row) => {
    const base = row.lineage && { pull, push }[row.lineage.direction].get(row.lineage.row.sourceId)
    return base ? [[row, base] as const] : []
  })
  return new Map(found)
}

/** One by one, so many at once as the place bears; or, where it lists quickly and they are many, all of the type. */
async function documentsOf(
  ctx: Context,
  connector: Connector,
  type: ConfigType,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Document>> {
  const found = new Map<string, Document>()
  const { signal } = ctx.call
  if (connector.id === 'store' && ids.length > connector.limits.pageSize) {
    const wanted = new Set(ids)
    for await (const { id, document } of everyItem(connector, type, signal))
      if (wanted.has(id)) found.set(id, document)
    return found
  }
  const left = [...ids]
  const reader = async () => {
    for (let id = left.pop(); id !== undefined; id = left.pop()) {
      const item = await connector.get(type, id, signal)
      if (item) found.set(id, item.document)
    }
  }
  await Promise.all(Array.from({ length: connector.limits.concurrency }, reader))
  return found
}

const asShown = ({ current, source, base, ...rest }: Differing): Differing => ({
  ...rest,
  ...(current === undefined ? {} : { current: shown(current) }),
  ...(source === undefined ? {} : { source: shown(source) }),
  ...(base === undefined ? {} : { base: shown(base) }),
})
