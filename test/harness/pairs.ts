import sql from 'sql-template-tag'
import { configsCompare } from '../../src/config-hub/configs-compare.ts'
import { lineageBreak } from '../../src/config-hub/lineage-break.ts'
import { lineageConfirm } from '../../src/config-hub/lineage-confirm.ts'
import { matchesSuggest } from '../../src/config-hub/matches-suggest.ts'
import type { Operation } from '../../src/operation/define.ts'
import { OPERATIONS } from '../../src/operations.ts'
import { expectContract } from '../contract/hub-client.ts'
import { type Caller, type Reply, type TestApp, testApp } from './app.ts'

export type Bearer = Caller & { bearer: string }
/** The real server with two organisations, laurel and staging, and an automation of each. */
export type Two = { app: TestApp; laurel: Bearer; staging: Bearer }

export async function twoOrganisations(): Promise<Two> {
  const own = [configsCompare, matchesSuggest, lineageConfirm, lineageBreak]
  const app = await testApp({ operations: [...new Set<Operation>([...OPERATIONS, ...(own as Operation[])])] })
  for (const org of ['laurel', 'staging']) await app.org(org)
  const key = (org: string) => app.key({ org, role: 'automation' })
  return { app, laurel: await key('laurel'), staging: await key('staging') }
}

/** Stores a document by the route that users store it by. */
export async function put(caller: Caller, type: string, id: string, document: unknown): Promise<void> {
  const { status, body } = await caller.call('PUT', `/v1/store/${type}/${encodeURIComponent(id)}`, document)
  if (status !== 200) throw new Error(`${type} ${id}: ${status} ${JSON.stringify(body)}`)
}

export type PairBody = {
  type: string
  source_org_id: string
  source_id: string
  target_id: string
}

export async function confirm(caller: Caller, pair: PairBody): Promise<Reply> {
  const reply = await caller.call('POST', '/v1/configs/lineage', pair)
  expectContract('confirmLineage', reply.status, reply.body)
  return reply
}

export async function breakPair(caller: Caller, query: Record<string, string>): Promise<Reply> {
  const reply = await caller.call('DELETE', `/v1/configs/lineage?${new URLSearchParams(query)}`)
  expectContract('breakLineage', reply.status, reply.body)
  return reply
}

/** The pairs of an organisation, as `source id > target id`. */
export async function pairsIn(app: TestApp, org: string): Promise<string[]> {
  const rows = await app.deps.db.query<{ pair: string }>(sql`
    SELECT source_id || ' > ' || target_id AS pair FROM config_lineage WHERE org = ${org} ORDER BY pair`)
  return rows.map(({ pair }) => pair)
}

export async function blocksIn(app: TestApp, org: string): Promise<string[]> {
  const rows = await app.deps.db.query<{ pair: string }>(sql`
    SELECT source_id || ' > ' || target_id AS pair FROM config_lineage_blocks WHERE org = ${org} ORDER BY pair`)
  return rows.map(({ pair }) => pair)
}
