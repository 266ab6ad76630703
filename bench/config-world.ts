import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import pg from 'pg'
import copy from 'pg-copy-streams'
import { derive } from '../src/config-hub/index/derive.ts'
import type { Document, Entry, NodeKey, Reference } from '../src/config-hub/index/entry.ts'
import { titleKey } from '../src/config-hub/index/store.ts'
import { seedOf, variableHash, wordHash } from '../src/config-hub/references/token-hash.ts'
import { BUILT_IN_REGISTRY } from '../src/config-hub/types/registry.ts'

type Field = string | number | boolean | Date | null | readonly (string | number)[]

/** The text form of COPY: tabs between fields, arrays as PostgreSQL writes them. */
function lineOf(fields: readonly Field[]): string {
  return `${fields.map((field) => (field === null ? '\\N' : escaped(textOf(field)))).join('\t')}\n`
}
const textOf = (field: Exclude<Field, null>): string => {
  if (field instanceof Date) return field.toISOString()
  if (!Array.isArray(field)) return String(field)
  return `{${field.map((each) => (typeof each === 'number' ? each : `"${each.replaceAll(/["\\]/g, '\\$&')}"`)).join()}}`
}
const escaped = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('\t', '\\t').replaceAll('\n', '\\n').replaceAll('\r', '\\r')

/** Loads rows into a table; `rows` is drawn as fast as the database takes it. */
async function load(client: pg.Client, target: string, rows: Iterable<readonly Field[]>): Promise<number> {
  let count = 0
  function* chunks(): Generator<string> {
    let chunk = ''
    for (const row of rows) {
      count += 1
      chunk += lineOf(row)
      if (chunk.length < 65_536) continue
      yield chunk
      chunk = ''
    }
    yield chunk
  }
  await pipeline(Readable.from(chunks()), client.query(copy.from(`COPY ${target} FROM STDIN`)))
  return count
}

/** What is kept of an entry until its edges can be written: those in texts need all names first. */
type Kept = NodeKey & { names: Entry['names']; declared: Reference[]; tokens: number[] }
export type Loaded = { documents: number; edges: number; seconds: number; keys: NodeKey[] }

const CREATED = Date.UTC(2026, 0, 1)

/**
 * The index of an organisation as the writers would have made it of these documents, loaded by COPY: nodes, names,
 * declared edges, mentions, and the edges of the words and variables that are names. No documents.
 */
export async function loadIndex(
  connection: pg.ClientConfig,
  org: string,
  documents: Iterable<NodeKey & { document: Document }>,
): Promise<Loaded> {
  const from = performance.now()
  const client = new pg.Client(connection)
  await client.connect()
  try {
    const kept: Kept[] = []
    await load(client, NODES, nodesOf(org, documents, kept))
    await load(
      client,
      'config_names (org, name, type, id, kind)',
      rows(kept, ({ type, id, names }) => names.map(({ name, kind }) => [org, name, type, id, kind])),
    )
    await load(
      client,
      'config_mentions (org, type, id, tokens)',
      rows(kept, ({ type, id, tokens }) => [[org, type, id, tokens]]),
    )
    const byHash = hashesOf(org, kept)
    const edges = await load(
      client,
      'config_edges (org, from_type, from_id, name, to_type, kind, required)',
      rows(kept, (one) =>
        edgesOf(one, byHash).map((edge) => [
          org,
          one.type,
          one.id,
          edge.name,
          edge.toType,
          edge.kind,
          edge.required,
        ]),
      ),
    )
    await client.query('VACUUM (ANALYZE) config_nodes, config_names, config_edges, config_mentions')
    const keys = kept.map(({ type, id }) => ({ type, id }))
    return { documents: kept.length, edges, seconds: Math.round((performance.now() - from) / 1000), keys }
  } finally {
    await client.end()
  }
}

const NODES = `config_nodes (org, type, id, connector, title, title_key, updated_at, updated_by, tags, purposes,
  blueprint_ids, active, usage, summary, natural_key, content_hash, version)`

function* nodesOf(
  org: string,
  documents: Iterable<NodeKey & { document: Document }>,
  kept: Kept[],
): Generator<Field[]> {
  const seed = seedOf(org)
  for (const { type, id, document } of documents) {
    const known = BUILT_IN_REGISTRY.get(type)
    if (!known) throw new Error(`no type ${type}`)
    const updatedAt = new Date(CREATED + kept.length * 1_000)
    const e = derive(known, document, { id, connector: 'store', version: 1, updatedAt, updatedBy: 'bench' })
    const tokens = [
      ...e.words.map((word) => wordHash(seed, word)),
      ...e.variables.map((name) => variableHash(seed, name)),
    ]
    kept.push({ type, id, names: e.names, declared: e.declared, tokens })
    yield [
      org,
      type,
      id,
      e.connector,
      e.title,
      titleKey(e.title),
      e.updatedAt,
      e.updatedBy,
      e.tags,
      e.purposes,
      e.blueprintIds,
      e.active,
      e.usage,
      JSON.stringify(e.summary),
      e.naturalKey,
      e.contentHash,
      e.version,
    ]
  }
}

function* rows(kept: readonly Kept[], of: (one: Kept) => Field[][]): Generator<Field[]> {
  for (const one of kept) yield* of(one)
}

type Named = { name: string; kind: 'text' | 'template' }

/** What each hash of a name stands for. */
function hashesOf(org: string, kept: readonly Kept[]): Map<number, Named> {
  const seed = seedOf(org)
  const byHash = new Map<number, Named>()
  for (const { names } of kept)
    for (const { name, kind } of names)
      if (kind === 'variable') byHash.set(variableHash(seed, name), { name, kind: 'template' })
      else byHash.set(wordHash(seed, name), { name, kind: 'text' })
  return byHash
}

function edgesOf({ declared, tokens }: Kept, byHash: ReadonlyMap<number, Named>): Reference[] {
  const found = tokens.flatMap((hash) => {
    const named = byHash.get(hash)
    return named ? [{ ...named, toType: '', required: false }] : []
  })
  return [...declared, ...found]
}
