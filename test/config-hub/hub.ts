import { automationPrincipal } from '../../src/access/principal.ts'
import { registryOf } from '../../src/config-hub/types/registry.ts'
import { type DocumentWrite, writeDocuments } from '../../src/config-store/documents.ts'
import type { Deps } from '../../src/deps.ts'
import type { Operation } from '../../src/operation/define.ts'
import { run } from '../../src/operation/run.ts'

/** Writes documents of an organisation in one transaction, as every writer does. */
export async function write(deps: Deps, org: string, writes: readonly DocumentWrite[]): Promise<void> {
  const registry = await registryOf(deps.db, org)
  await deps.db.transaction((db) =>
    writeDocuments({ db, deps, org, now: deps.clock(), author: 'writer' }, registry, writes),
  )
}

/** Calls an operation as an automation key of the organisation would, through the executor. */
export async function call(
  deps: Deps,
  org: string,
  operation: unknown,
  input: Record<string, unknown>,
): Promise<any> {
  const principal = automationPrincipal({
    id: 'key',
    org,
    name: 'Test',
    scopes: [`creator:${org}:config:read`],
  })
  const { body } = await run(deps, operation as Operation, input, {
    principal,
    requestId: 'test',
    origin: 'http://localhost',
  })
  return body
}

/** Every page of a list, one after the other. `between` runs before each but the first. */
export async function walk(
  deps: Deps,
  org: string,
  operation: unknown,
  input: Record<string, unknown>,
  between: () => Promise<void> = async () => {},
): Promise<any[]> {
  const pages: any[] = []
  for (let cursor: string | undefined; ; await between()) {
    pages.push(await call(deps, org, operation, { ...input, ...(cursor ? { cursor } : {}) }))
    cursor = pages.at(-1).next_cursor
    if (cursor === undefined) return pages
  }
}
