import { withoutSecrets } from '../../config-store/secrets.ts'
import type { Queryable } from '../../db/pool.ts'
import type { Context } from '../../operation/define.ts'
import { fail } from '../../operation/errors.ts'
import type { Source } from '../connectors/open.ts'
import { everyItem } from '../connectors/pages.ts'
import { derive } from '../index/derive.ts'
import type { Document, Entry } from '../index/entry.ts'
import type { NodeRow } from '../index/read-store.ts'
import type { ConfigType } from '../types/definition.ts'
import type { Candidate } from './match.ts'
import { nodesOfType } from './store.ts'

/** As many as a person can look through, and as one answer bears. */
export const MOST_ROWS = 10_000

/** The configurations of a type on one side of a comparison, and their documents where those had to be read. */
export type Side = { nodes: NodeRow[]; documents?: ReadonlyMap<string, Document> }

/** Those of an organisation on this server: what its index says. Errors: `too-large` beyond 10,000. */
export async function localSide(db: Queryable, org: string, { type }: ConfigType): Promise<Side> {
  const nodes = await nodesOfType(db, org, type, MOST_ROWS + 1)
  if (nodes.length > MOST_ROWS) refuseSize(type)
  return { nodes }
}

/**
 * Those of the source: from its index where it is on this server, else page by page from where it is. Errors:
 * `too-large` beyond 10,000, `unavailable`.
 */
export async function sourceSide(ctx: Context, source: Source, type: ConfigType): Promise<Side> {
  if (source.kind === 'local') return localSide(ctx.db, source.org, type)
  const connector = source.connectorOf(type)
  const nodes: NodeRow[] = []
  const documents = new Map<string, Document>()
  for await (const { document, ...origin } of everyItem(connector, type, ctx.call.signal)) {
    const visible = withoutSecrets(type, document)
    nodes.push(rowOf(derive(type, visible, { ...origin, connector: connector.id })))
    documents.set(origin.id, visible)
    if (nodes.length > MOST_ROWS) refuseSize(type.type)
  }
  return { nodes, documents }
}

const refuseSize = (type: string): never =>
  fail('too-large', {
    detail: `There are more than ${MOST_ROWS} configurations of the type ${type}.`,
    nextAction: 'Compare smaller types, or look single configurations up by their lineage.',
  })

const rowOf = (entry: Entry): NodeRow => ({
  ...entry,
  titleKey: entry.title.toLowerCase(),
  aliases: [...new Set(entry.names.filter(({ kind }) => kind !== 'id').map(({ name }) => name))].sort(),
})

export const candidateOf = ({ id, title, naturalKey, aliases }: NodeRow): Candidate => ({
  id,
  title,
  naturalKey,
  names: aliases,
})
