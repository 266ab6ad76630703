import type { DocumentWrite } from '../../config-store/documents.ts'
import {
  findDocument,
  type LiveDocument,
  pageDocuments,
  type WriteContext,
  writeDocuments,
} from '../../config-store/documents.ts'
import type { Deps } from '../../deps.ts'
import { type ErrorCode, Problem } from '../../operation/errors.ts'
import type { Registry } from '../types/definition.ts'
import {
  type Capability,
  type Connector,
  ConnectorError,
  type ConnectorErrorKind,
  type Item,
} from './connector.ts'
import { withNaturalKey } from './pages.ts'

const CAPABILITIES: ReadonlySet<Capability> = new Set([
  'list',
  'get',
  'create',
  'create-with-id',
  'patch',
  'put',
  'delete',
  'guarded-write',
])

/** As many as one statement reads well; the page also ends at a size in bytes. */
const PAGE = 200

/** The built-in store of one organisation. Documents come with their secrets in place: nothing here leaves the process. */
export function storeConnector(
  deps: Pick<Deps, 'db' | 'sealing' | 'clock'>,
  org: string,
  registry: Registry,
  author: string,
): Connector {
  const withSecrets = deps.sealing
  const write = (one: DocumentWrite) =>
    refusalsAsErrors(() =>
      deps.db.transaction(async (db) => {
        const ctx: WriteContext = { db, deps, org, now: deps.clock(), author }
        await writeDocuments(ctx, registry, [one])
        return findDocument(db, org, one.type, one.id, { withSecrets })
      }),
    )
  const written = async (one: DocumentWrite): Promise<Item> => itemOf((await write(one)) as LiveDocument)
  const list: Connector['list'] = async ({ type }, { cursor, size = PAGE, signal }) => {
    signal?.throwIfAborted()
    const items = (await pageDocuments(deps.db, org, type, { after: cursor, size, withSecrets })).map(itemOf)
    return { items, cursor: items.length === size ? (items.at(-1)?.id ?? null) : null }
  }
  return {
    id: 'store',
    capabilities: (type) => (registry.get(type)?.connector === 'store' ? CAPABILITIES : new Set()),
    limits: { concurrency: 8, pageSize: PAGE },
    list,
    async get({ type }, id, signal) {
      signal?.throwIfAborted()
      const found = await findDocument(deps.db, org, type, id, { withSecrets })
      return found && itemOf(found)
    },
    async find(type, by, signal) {
      if ('key' in by) throw new ConnectorError('invalid', 'The store finds nothing by a key.')
      return withNaturalKey({ list }, type, by.naturalKey, signal)
    },
    async create({ type }, document, { id = crypto.randomUUID(), signal }) {
      signal?.throwIfAborted()
      return written({ type, id, op: 'put', document, ifVersion: 0 })
    },
    async patch({ type }, id, patch, { ifRevision, signal }) {
      signal?.throwIfAborted()
      return written({ type, id, op: 'patch', document: patch, ...ifVersion(ifRevision) })
    },
    async put({ type }, id, document, { ifRevision, signal }) {
      signal?.throwIfAborted()
      const revision = ifRevision ?? (await findDocument(deps.db, org, type, id))?.version
      if (revision === undefined) throw new ConnectorError('not-found', `There is no ${type} ${id}.`)
      return written({ type, id, op: 'put', document, ifVersion: Number(revision) })
    },
    async remove({ type }, id, { ifRevision, signal }) {
      signal?.throwIfAborted()
      await write({ type, id, op: 'delete', ...ifVersion(ifRevision) })
    },
    whoami: async () => ({ org }),
  }
}

const ifVersion = (revision: string | undefined) =>
  revision === undefined ? {} : { ifVersion: Number(revision) }

const itemOf = ({ id, document, version, updatedAt, updatedBy }: LiveDocument): Item => ({
  id,
  document,
  revision: String(version),
  updatedAt,
  updatedBy,
  version,
})

const KINDS: Partial<Record<ErrorCode, ConnectorErrorKind>> = {
  stale: 'stale',
  'not-found': 'not-found',
  'validation-failed': 'invalid',
}

/** The store refuses as operations do; a connector's callers know only its own errors. */
async function refusalsAsErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const kind = error instanceof Problem ? KINDS[error.code] : undefined
    throw kind ? new ConnectorError(kind, (error as Problem).options.detail) : error
  }
}
