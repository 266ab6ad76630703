import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Source, SourcePage, SyncJobDefinition } from '../../src/sync-jobs/engine/definition.ts'
import { SourceFailure, SourceLimited } from '../../src/sync-jobs/engine/definition.ts'
import { feedOf, thing, thingsJob } from '../harness/sync-source.ts'

/** Pages of things in a process or server of its own; counts who was given which page. */
export type PagedServer = {
  url: string
  /** How often each page was given out whole, by its cursor. */
  given: Map<string, number>
  /** Requests to come that are answered 429 instead. */
  busy: number
  /** Called before a page is given out. */
  before(cursor: string): void | Promise<void>
  close(): Promise<void>
}

export const PAGES = 500
export const PAGE = 4

/** Things in pages, each of which begins with the last record of the one before. */
export async function pagedServer(): Promise<PagedServer> {
  const server = createServer(async (request, response) => {
    const query = new URL(request.url as string, 'http://x').searchParams
    const size = Number(query.get('size'))
    const from = Number(query.get('cursor') ?? 0)
    const cursor = String(from)
    if (paged.busy > 0) {
      paged.busy--
      return void response.writeHead(429, { 'retry-after': '1' }).end()
    }
    await paged.before(cursor)
    paged.given.set(cursor, (paged.given.get(cursor) ?? 0) + 1)
    const all = PAGES * PAGE
    const numbers = Array.from(
      { length: Math.min(size, all - from) + Math.min(1, from) },
      (_, n) => from - Math.min(1, from) + n,
    )
    const next = from + size < all ? String(from + size) : null
    response.end(JSON.stringify({ numbers, next, position: String(Math.min(from + size, all)) }))
  })
  const paged: PagedServer = {
    ...{ url: '', given: new Map<string, number>(), busy: 0, before: () => {} },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  paged.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  return paged
}

/** The job over such a server: every odd thing is a finding. */
export const pagedJob = (url: string, size = PAGE): SyncJobDefinition =>
  thingsJob(feedOf([]), {
    sources: async () => ({ sources: [pagedSource(url, size)], notes: [], coverage: 'both-sides' }),
  })

const pagedSource = (url: string, size: number): Source => ({
  id: 'things',
  complete: true,
  sourceKinds: ['thing'],
  async read(cursor, _limit, signal): Promise<SourcePage> {
    const response = await fetch(`${url}?size=${size}${cursor === null ? '' : `&cursor=${cursor}`}`, {
      signal,
    }).catch(() => {
      throw new SourceFailure('unavailable')
    })
    if (response.status === 429)
      throw new SourceLimited(new Date(Date.now() + Number(response.headers.get('retry-after')) * 1000))
    const { numbers, next, position } = (await response.json()) as {
      numbers: number[]
      next: string | null
      position: string
    }
    return { records: numbers.map((n) => thing(n)), next, position }
  },
})
