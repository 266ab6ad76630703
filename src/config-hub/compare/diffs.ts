import type { Context } from '../../operation/define.ts'
import type { Connector } from '../connectors/connector.ts'
import { connectorOf, type Source } from '../connectors/open.ts'
import type { Document } from '../index/entry.ts'
import { basesOf } from '../lineage/lineage.ts'
import { pairsOf } from '../lineage/store.ts'
import type { ConfigType } from '../types/definition.ts'
import { normalise, type Symbols, symbolOf } from './normalise.ts'
import type { Row } from './rows.ts'
import { type Difference, threeWay } from './three-way.ts'

/** A difference that is one: what both sides changed alike is none. */
export type Differing = Difference & { state: Exclude<Difference['state'], 'both_same'> }
type RowDiff = { diff: Differing[]; base: 'none' | 'last_sync' }

/** Where the two of each matched row differ, by the row's place; undefined for rows of one side. */
export async function diffsOf(
  ctx: Context,
  type: ConfigType,
  source: Source,
  rows: readonly Row[],
): Promise<(RowDiff | undefined)[]> {
  const theirType = source.registry.get(type.type) ?? type
  const pairs = rows.flatMap(({ current, source: other }) => (current && other ? { current, other } : []))
  const [symbols, bases, ours, theirs] = await Promise.all([
    symbolsOf(ctx, source),
    basesBySource(ctx, type, source, rows),
    documentsOf(
      await connectorOf(ctx.deps, ctx.org, type),
      type,
      pairs.map(({ current }) => current.id),
    ),
    documentsOf(
      source.connectorOf(theirType),
      theirType,
      pairs.map(({ other }) => other.id),
    ),
  ])
  // what is elsewhere does not show its secrets, so that neither side's are compared then
  const hash = source.kind === 'local' && type.connector === 'store' ? ctx.deps.sealing.hash : undefined
  return rows.map(({ current, source: other }) => {
    const [left, right] = [current && ours.get(current.id), other && theirs.get(other.id)]
    if (!left || !right) return undefined
    const base = bases.get((other as { id: string }).id)
    const found = threeWay(
      base,
      normalise(type, left, symbols.current, hash),
      normalise(theirType, right, symbols.source, hash),
    )
    return { diff: found.filter(differs).map(withoutHashes), base: base ? 'last_sync' : 'none' }
  })
}

const differs = (difference: Difference): difference is Differing => difference.state !== 'both_same'

/** By the id at the source organisation. Where this organisation was the source, its own id is the key of the pair. */
async function basesBySource(
  ctx: Context,
  { type }: ConfigType,
  source: Source,
  rows: readonly Row[],
): Promise<ReadonlyMap<string, Document>> {
  const of = (direction: 'pull' | 'push') =>
    rows.flatMap((row) => (row.lineage?.direction === direction ? row.lineage.row : []))
  const [pulled, pushed] = [of('pull'), of('push')]
  const ids = (found: typeof pulled) => found.map(({ sourceId }) => sourceId)
  const [here, there] = await Promise.all([
    basesOf(ctx.db, ctx.org, source.org, type, ids(pulled)),
    source.kind === 'local' ? basesOf(ctx.db, source.org, ctx.org, type, ids(pushed)) : new Map(),
  ])
  return new Map([
    ...here,
    ...pushed.flatMap(({ sourceId, targetId }) => {
      const base = there.get(sourceId)
      return base ? [[targetId, base] as const] : []
    }),
  ])
}

/** Reads so many at once as the place bears. */
async function documentsOf(
  connector: Connector,
  type: ConfigType,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Document>> {
  const found = new Map<string, Document>()
  const left = [...ids]
  const reader = async () => {
    for (let id = left.pop(); id !== undefined; id = left.pop()) {
      const item = await connector.get(type, id)
      if (item) found.set(id, item.document)
    }
  }
  await Promise.all(Array.from({ length: connector.limits.concurrency }, reader))
  return found
}

/** For each side, what its own ids of paired configurations are called. */
async function symbolsOf(ctx: Context, source: Source): Promise<{ current: Symbols; source: Symbols }> {
  const pulled = await pairsOf(ctx.db, ctx.org, source.org)
  const pushed = source.kind === 'local' ? await pairsOf(ctx.db, source.org, ctx.org) : []
  const current = new Map<string, string>()
  const theirs = new Map<string, string>()
  for (const { type, sourceId, targetId } of pushed) {
    current.set(sourceId, symbolOf(type, sourceId))
    theirs.set(targetId, symbolOf(type, sourceId))
  }
  for (const { type, sourceId, targetId } of pulled) {
    current.set(targetId, symbolOf(type, sourceId))
    theirs.set(sourceId, symbolOf(type, sourceId))
  }
  return { current, source: theirs }
}

const SECRET = /^secret [0-9a-f]{64}$/

/** Secrets were compared by their hashes; shown is only that there is one. */
function withoutHashes({ current, source, base, ...rest }: Differing): Differing {
  return {
    ...rest,
    ...(current === undefined ? {} : { current: shown(current) }),
    ...(source === undefined ? {} : { source: shown(source) }),
    ...(base === undefined ? {} : { base: shown(base) }),
  }
}

/** A secret anywhere in a value; a whole object that was added may hold some. */
const shown = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, each: unknown) =>
      typeof each === 'string' && SECRET.test(each) ? 'secret' : each,
    ),
  )
