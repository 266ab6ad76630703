import { z } from 'zod'
import { type Change, diff } from '../config-hub/compare/diff.ts'
import { connectorsOf } from '../config-hub/connectors/open.ts'
import type { Document, NodeKey } from '../config-hub/index/entry.ts'
import { without } from '../config-hub/references/path.ts'
import { Cursor, READS, Size } from '../config-hub/schema.ts'
import { registryOf } from '../config-hub/types/registry.ts'
import { readCursor, signCursor } from '../operation/cursor.ts'
import { type Context, read } from '../operation/define.ts'
import { requireReady } from './snapshots/present.ts'
import { SnapshotId } from './snapshots/schema.ts'
import { type Differing, differsFromLive, differsFromSnapshot, itemsOf } from './snapshots/store.ts'

const FieldChange = z.object({
  pointer: z.string(),
  change: z.enum(['added', 'removed', 'changed', 'moved']),
  before: z.json().optional(),
  after: z.json().optional(),
  to: z.int().optional(),
})

export const snapshotsDiff = read({
  id: 'config-sync.snapshots.diff',
  tool: 'config_sync_snapshots_diff',
  surface: 'configuration-hub',
  summary: 'List what changed since a snapshot, or from one snapshot to another.',
  boundaries: [
    'Compares with what the index has now, or with the snapshot named by against. Members that change by themselves do not count.',
    'secrets: nothing but secret members changed. Secrets are never shown.',
    'include=diff says which members changed; after a moved element is its place then.',
  ],
  http: { method: 'GET', path: '/v1/configs/snapshots/{id}/diff' },
  access: READS,
  input: z.strictObject({
    id: SnapshotId,
    against: SnapshotId.optional(),
    cursor: Cursor.optional(),
    size: Size.optional(),
    include: z.enum(['diff']).optional(),
  }),
  output: z.object({
    results: z.array(
      z.object({
        type: z.string(),
        id: z.string(),
        change: z.enum(['added', 'removed', 'changed', 'secrets']),
        diff: z.array(FieldChange).optional(),
      }),
    ),
    next_cursor: z.string().optional(),
  }),
  errors: ['not-found', 'conflict', 'cursor-invalid'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, { id, against, cursor, size = 25, include }) {
    const snapshot = await requireReady(ctx, id)
    if (against) await requireReady(ctx, against)
    const listing = { list: 'snapshot-diff', filters: { id, ...(against ? { against } : {}) } }
    const at = readCursor(ctx, listing, cursor, z.tuple([z.string(), z.string()]))
    const page = { after: at && { type: at[0], id: at[1] }, size: size + 1 }
    const rows = against
      ? await differsFromSnapshot(ctx.db, snapshot, against, page)
      : await differsFromLive(ctx.db, snapshot, page)
    const shown = rows.slice(0, size)
    const last = rows.length > size ? shown.at(-1) : undefined
    return {
      results: include ? await withDiffs(ctx, id, against, shown) : shown,
      ...(last ? { next_cursor: signCursor(ctx, listing, [last.type, last.id]) } : {}),
    }
  },
})

type Documents = ReadonlyMap<string, Document>
const keyOf = ({ type, id }: NodeKey): string => `${type}/${id}`

async function withDiffs(
  ctx: Context,
  id: string,
  against: string | undefined,
  rows: readonly Differing[],
): Promise<(Differing & { diff?: ReturnType<typeof shownChange>[] })[]> {
  const changed = rows.filter(({ change }) => change === 'changed')
  const registry = await registryOf(ctx.db, ctx.org)
  const [before, after] = await Promise.all([
    kept(ctx, id, changed),
    against ? kept(ctx, against, changed) : live(ctx, changed),
  ])
  return rows.map((row) => {
    const [was, is] = [before.get(keyOf(row)), after.get(keyOf(row))]
    if (row.change !== 'changed' || !was || !is) return row
    const volatile = registry.get(row.type)?.volatile_paths ?? []
    return { ...row, diff: diff(without(was, volatile), without(is, volatile)).map(shownChange) }
  })
}

const shownChange = ({ pointer, change, current, source, to }: Change) => ({
  pointer,
  change,
  ...(current === undefined ? {} : { before: current }),
  ...(source === undefined ? {} : { after: source }),
  ...(to === undefined ? {} : { to }),
})

async function kept({ db, org }: Context, id: string, keys: readonly NodeKey[]): Promise<Documents> {
  const items = await itemsOf(db, org, id, keys)
  return new Map(items.map((item) => [keyOf(item), item.document]))
}

/** As they are now, without secrets. */
async function live(ctx: Context, keys: readonly NodeKey[]): Promise<Documents> {
  if (keys.length === 0) return new Map()
  const registry = await registryOf(ctx.db, ctx.org)
  const connectors = await connectorsOf(ctx.deps, ctx.org, registry)
  const found = await Promise.all(
    keys.map(async (key) => {
      const type = registry.get(key.type)
      const item = type && (await connectors.get(type.connector)?.get(type, key.id, ctx.call.signal))
      return item ? ([[keyOf(key), without(item.document, type.secret_paths)]] as const) : []
    }),
  )
  return new Map(found.flat())
}
