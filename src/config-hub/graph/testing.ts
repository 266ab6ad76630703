import sql from 'sql-template-tag'
import { type Caller, type Reply, type TestApp, testApp } from '../../../test/harness/app.ts'
import type { Db } from '../../db/pool.ts'
import type { Operation } from '../../operation/define.ts'
import { OPERATIONS } from '../../operations.ts'
import { graphClosure } from '../graph-closure.ts'
import { graphCycles } from '../graph-cycles.ts'
import { graphDangling } from '../graph-dangling.ts'
import { graphImpact } from '../graph-impact.ts'
import { graphOrphans } from '../graph-orphans.ts'
import { derive } from '../index/derive.ts'
import type { Document, NodeKey } from '../index/entry.ts'
import { indexEntries, tombstone } from '../index/write.ts'
import { TypeDefinition } from '../types/definition.ts'
import { registryOf } from '../types/registry.ts'

const GRAPH_OPERATIONS = [
  graphClosure,
  graphImpact,
  graphCycles,
  graphOrphans,
  graphDangling,
] as unknown as Operation[]

/** The real server with the graph's operations, and two organisations. */
export async function graphApp(): Promise<TestApp> {
  const app = await testApp({ operations: [...new Set([...OPERATIONS, ...GRAPH_OPERATIONS])] })
  for (const org of ['laurel', 'other']) {
    await app.org(org)
    for (const type of ['thing', 'widget']) await addType(app.deps.db, org, type)
  }
  return app
}

/** A type whose documents say outright what they need, like and are called. */
async function addType(db: Db, org: string, type: string): Promise<void> {
  const definition = TypeDefinition.parse({
    type,
    label: type,
    icon: 'Box',
    source_api: '',
    sdk_client: '',
    references: [
      { path: '/needs/*', required: true },
      { path: '/things/*', type: 'thing' },
      { path: '/likes/*', by: 'any' },
    ],
    alias_rules: [
      { path: '/slug', kind: 'slug' },
      { path: '/variable', kind: 'variable' },
    ],
  })
  await db.query(sql`
    INSERT INTO config_types (org, type, definition, version, created_at, updated_at, updated_by)
    VALUES (${org}, ${type}, ${JSON.stringify(definition)}, 1, now(), now(), 'test')`)
}

type Stored = NodeKey & { document: Document }

/** Puts documents into the index of an organisation as a write of them would. */
export async function index(db: Db, org: string, documents: readonly Stored[]): Promise<void> {
  const registry = await registryOf(db, org)
  const origin = {
    connector: 'store',
    version: 1,
    updatedAt: new Date('2026-03-04T05:06:07Z'),
    updatedBy: null,
  }
  const entries = documents.map(({ type, id, document }) =>
    derive(registry.get(type)!, document, { ...origin, id }),
  )
  await db.transaction((tx) => indexEntries(tx, org, entries))
}

export const DELETED_AT = '2026-04-05T06:07:08.000Z'

export const remove = (db: Db, org: string, keys: readonly NodeKey[]): Promise<void> =>
  db.transaction((tx) => tombstone(tx, org, keys, new Date(DELETED_AT)))

/** Things by id: what each of them says. */
export const things = (documents: Record<string, Document>): Stored[] =>
  Object.entries(documents).map(([id, document]) => ({ type: 'thing', id, document }))

export const keyOf = ({ type, id }: NodeKey): string => `${type}/${id}`

/** Requests as one caller, own types included. */
export const graphAs = (caller: Caller) => {
  const get = (path: string, query: Record<string, string | number | boolean> = {}): Promise<Reply> => {
    const texts = Object.entries({ include: 'custom', ...query }).map(([name, value]): [string, string] => [
      name,
      String(value),
    ])
    return caller.call('GET', `/v1/configs/${path}?${new URLSearchParams(texts)}`)
  }
  const at = ({ type, id }: NodeKey, what: string) => `${type}/${encodeURIComponent(id)}/${what}`
  return {
    get,
    closure: (key: NodeKey, query?: Parameters<typeof get>[1]) => get(at(key, 'closure'), query),
    impact: (key: NodeKey, query?: Parameters<typeof get>[1]) => get(at(key, 'impact'), query),
    /** Every result of a list, page by page. */
    async all(list: string, query: Parameters<typeof get>[1] = {}): Promise<Reply['body'][]> {
      const found: Reply['body'][] = []
      for (let cursor: string | undefined, pages = 0; pages === 0 || cursor; pages++) {
        const { status, body } = await get(`index/${list}`, { ...query, ...(cursor ? { cursor } : {}) })
        if (status !== 200 || pages > 1_000) throw new Error(`${status} ${JSON.stringify(body)}`)
        found.push(...body.results)
        cursor = body.next_cursor
      }
      return found
    },
  }
}
