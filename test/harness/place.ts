import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A REST API of another system: lists by path, page by page, which can be made to fail and to wait. */
export type OtherPlace = {
  url: string
  /** By path, without the leading slash. */
  items: Record<string, Record<string, unknown>[]>
  /** Paths that answer 500. */
  broken: Set<string>
  /** Requests wait while this is set. */
  hold: Promise<void> | undefined
  /** Requests that came, waiting ones too. */
  asked: string[]
  mapping(types: Record<string, string>): Record<string, unknown>
  close(): Promise<void>
}

export async function otherPlace({ page = 2 } = {}): Promise<OtherPlace> {
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const { pathname, searchParams } = new URL(request.url as string, place.url)
    const path = pathname.slice(1)
    place.asked.push(path)
    await place.hold
    const from = Number(searchParams.get('cursor') ?? 0)
    const all = place.items[path] ?? []
    const next = from + page < all.length ? String(from + page) : undefined
    response.statusCode = place.broken.has(path) ? 500 : 200
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ items: all.slice(from, from + page), ...(next ? { next } : {}) }))
  }
  const server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const place: OtherPlace = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    items: {},
    broken: new Set(),
    hold: undefined,
    asked: [],
    mapping: (types) => ({
      base_url: place.url,
      retry: { attempts: 1 },
      types: Object.fromEntries(
        Object.entries(types).map(([type, path]) => [
          type,
          {
            list: {
              path: `/${path}`,
              items_path: '/items',
              paging: { style: 'cursor', next_path: '/next' },
            },
            updated_at_path: '/updated_at',
          },
        ]),
      ),
    }),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return place
}
