import { setImmediate } from 'node:timers/promises'
import { pageDocuments } from '../../config-store/documents.ts'
import { documentErrors, ID_FORM } from '../../config-store/rules.ts'
import { withoutSecrets } from '../../config-store/secrets.ts'
import type { Queryable } from '../../db/pool.ts'
import type { Connector, Item, Page } from '../connectors/connector.ts'
import type { ConfigType } from '../types/definition.ts'
import { derive } from './derive.ts'
import type { Entry } from './entry.ts'

/** A few pages are in memory at once; documents have 3 kB on average and 4 MB at most. */
const PAGE = 80
const LONGEST_ID = 300
/** Other work of the process gets its turn this often. */
const TURN_MS = 1

/** A type could not be read to its end; the index keeps what it had of it. */
export class Unreadable extends Error {}

/** Gives the pages of a type: `cursor` null is the first. */
export type ReadPage = (cursor: string | null) => Promise<Page>

/** From the built-in store, without secrets. A failure there is one of the database, and not of the type. */
export const storePages =
  (db: Queryable, org: string, { type }: ConfigType): ReadPage =>
  async (cursor) => {
    const documents = await pageDocuments(db, org, type, { after: cursor, size: PAGE })
    const last = documents.length < PAGE ? null : (documents.at(-1)?.id ?? null)
    return { items: documents.map((each) => ({ ...each, revision: String(each.version) })), cursor: last }
  }

/** From another place. Whatever fails there fails the type. */
export const connectorPages =
  (connector: Connector | undefined, type: ConfigType, signal: AbortSignal): ReadPage =>
  async (cursor) => {
    if (!connector) throw new Unreadable(`There is no connector ${type.connector}.`)
    try {
      const page = await connector.list(type, {
        cursor,
        size: Math.min(PAGE, connector.limits.pageSize),
        signal,
      })
      return { ...page, items: page.items.map((item) => checked(type, item)) }
    } catch (error) {
      throw new Unreadable(`${type.connector}: ${(error as Error).message}`, { cause: error })
    }
  }

/** Only what the database can hold, and nothing that the type calls secret. */
function checked(type: ConfigType, item: Item): Item {
  if (item.id.length > LONGEST_ID || !ID_FORM.test(item.id)) throw new Error('it lists an id of another form')
  const [wrong] = documentErrors(item.document, '')
  if (wrong) throw new Error(`${item.id}${wrong.pointer} ${wrong.message}`)
  return { ...item, document: withoutSecrets(type, item.document) }
}

/** Entries of a page, each configuration once. Lets other work of the process have its turns. */
export async function entriesOf(type: ConfigType, items: readonly Item[]): Promise<Entry[]> {
  const entries = new Map<string, Entry>()
  let turn = performance.now()
  for (const { id, document, ...rest } of items) {
    const origin = { ...rest, id, connector: type.connector }
    try {
      entries.set(id, derive(type, document, origin))
    } catch (error) {
      throw new Unreadable(`${type.type} ${id} cannot be indexed: ${(error as Error).message}`, {
        cause: error,
      })
    }
    if (performance.now() - turn < TURN_MS) continue
    await setImmediate()
    turn = performance.now()
  }
  return [...entries.values()]
}
