import type { Deps } from '../../deps.ts'
import { fail } from '../../operation/errors.ts'
import type { Source } from '../connectors/open.ts'
import { derive } from '../index/derive.ts'
import type { Document, Entry } from '../index/entry.ts'
import type { NodeRow } from '../index/read-store.ts'
import type { ConfigType } from '../types/definition.ts'
import type { Candidate } from './match.ts'
import { nodesOfType } from './store.ts'

/** As many as a person can look through, and as one answer bears. */
export const MOST_ROWS = 10_000

/** The configurations of a type on one side of a comparison, as its index or its connector has them. */
export type Side = { org: string; nodes: NodeRow[] }

/** Those of an organisation on this server: what its index says. Errors: `too-large` beyond 10,000. */
export async function localSide(deps: Deps, org: string, type: ConfigType): Promise<Side> {
  const nodes = await nodesOfType(deps.db, org, type.type, MOST_ROWS + 1)
  if (nodes.length > MOST_ROWS) refuseSize(type.type)
  return { org, nodes }
}

/** Those of the source: from its index where it is on this server, else page by page from where it is. */
export async function sourceSide(deps: Deps, source: Source, type: ConfigType): Promise<Side> {
  if (source.kind === 'local') return localSide(deps, source.org, type)
  const connector = source.connectorOf(type)
  const nodes: NodeRow[] = []
  let cursor: string | null = null
  do {
    const page = await connector.list(type, { cursor })
    for (const { document, ...rest } of page.items)
      nodes.push(rowOf(derive(type, document, { ...rest, connector: connector.id })))
    if (nodes.length > MOST_ROWS) refuseSize(type.type)
    cursor = page.cursor
  } while (cursor !== null)
  return { org: source.org, nodes }
}

const refuseSize = (type: string): never =>
  fail('too-large', {
    detail: `There are more than ${MOST_ROWS} configurations of the type ${type}.`,
    nextAction: 'Compare smaller types, or look single configurations up by their lineage.',
  })

const rowOf = (entry: Entry): NodeRow => ({
  ...entry,
  titleKey: entry.title.toLowerCase(),
  aliases: entry.names.filter(({ kind }) => kind !== 'id').map(({ name }) => name),
})

export const candidateOf = ({ id, title, naturalKey, aliases }: NodeRow): Candidate => ({
  id,
  title,
  naturalKey,
  names: aliases,
})

export type Documents = ReadonlyMap<string, Document>
