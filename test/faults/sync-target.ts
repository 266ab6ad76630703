import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

type Document = Record<string, unknown> & { id: string }
/** What a request meets: `lost` is done without an answer, `dropped` is neither done nor answered. */
export type Fault = 'none' | 'limited' | 'pause' | 'failed' | 'lost' | 'dropped'

/** A REST API that makes ids, checks what it receives, and fails as it is told. */
export type SyncTarget = {
  url: string
  things: Map<string, Document>
  /** What was wrong with requests: references to what does not exist, symbols, versions that are not the current one. */
  wrong: string[]
  /** Writes that were done. */
  writes: number
  mostAtOnce: number
  /** Instants of requests that came, in milliseconds. */
  came: number[]
  authorization: Set<string>
  /** Requests that write wait while this is set. */
  hold: Promise<void> | undefined
  fault(request: { method: string; n: number }): Fault
  mapping(): Record<string, unknown>
  close(): Promise<void>
}

type Options = {
  chosenIds?: boolean
  concurrency?: number
  /** It makes the ids of steps, and says so when it has made them, or only when it is asked. */
  steps?: 'answered' | 'asked'
  /** A create that is sent again under the same key is done once; or creates are found by theirs. */
  keys?: 'header' | 'marker'
}

export async function syncTarget({
  chosenIds = false,
  concurrency = 6,
  steps,
  keys,
}: Options = {}): Promise<SyncTarget> {
  let requests = 0
  let count = 0
  /** Ids of steps. */
  const made = new Set<string>()
  const byKey = new Map<string, string>()
  let atOnce = 0

  const check = (document: Record<string, unknown>) => {
    if (JSON.stringify(document).includes('⟨')) target.wrong.push(`a symbol in ${document.key}`)
    for (const parent of (document.parents as string[] | undefined) ?? [])
      if (!target.things.has(parent) && !made.has(parent))
        target.wrong.push(`${document.key} refers to ${parent}, which is not there`)
  }

  const write = (
    method: string,
    id: string | undefined,
    body: Record<string, unknown>,
    sentUnder: string | undefined,
  ): [number, unknown] => {
    const already = keys === 'header' && sentUnder !== undefined ? byKey.get(sentUnder) : undefined
    if (already !== undefined) return [201, target.things.get(already)]
    if (method === 'DELETE') {
      if (!target.things.delete(id as string)) return [404, {}]
      target.writes++
      return [204, undefined]
    }
    const known = id === undefined ? undefined : target.things.get(id)
    if (method === 'PATCH' && !known) return [404, {}]
    if (method === 'PUT' && known) return [409, {}]
    check(body)
    const key = id ?? `made-${++count}`
    const next = { ...known, ...withSteps(body, key), id: key, revision: Number(known?.revision ?? 0) + 1 }
    target.things.set(key, next)
    if (sentUnder !== undefined) byKey.set(sentUnder, key)
    target.writes++
    return method === 'PATCH' ? [200, next] : [201, steps === 'asked' ? { ...next, ...body } : next]
  }

  const withSteps = (body: Record<string, unknown>, of: string): Record<string, unknown> => {
    if (!steps || !Array.isArray(body.steps)) return body
    const all = body.steps.map((step: { id?: string }) => {
      if (step.id !== undefined) return step
      const id = `${of}-step-${++count}`
      made.add(id)
      return { ...step, id }
    })
    return { ...body, steps: all }
  }

  const keyOf = ({ method, headers }: IncomingMessage): string | undefined =>
    method === 'POST' && keys === 'header' ? (headers['idempotency-key'] as string) : undefined

  const read = (id: string | undefined): [number, unknown] => {
    if (id === 'whoami') return [200, { org: 'elsewhere' }]
    if (id === undefined) return [200, { items: [...target.things.values()] }]
    const found = target.things.get(id)
    return found ? [200, found] : [404, {}]
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const method = request.method as string
    const id = decodeURIComponent((request.url as string).split('/')[2] ?? '') || undefined
    target.came.push(Date.now())
    target.authorization.add(request.headers.authorization ?? '')
    target.mostAtOnce = Math.max(target.mostAtOnce, ++atOnce)
    try {
      // an answer takes a moment, in which others come
      await new Promise((resolve) => setImmediate(resolve))
      if (method !== 'GET') await target.hold
      const fault = target.fault({ method, n: ++requests })
      if (fault === 'dropped') return void request.socket.destroy()
      if (fault === 'limited') return void response.writeHead(429, { 'retry-after': '0' }).end()
      if (fault === 'pause') return void response.writeHead(503, { 'retry-after': '1' }).end()
      if (fault === 'failed') return void response.writeHead(500).end()
      const [status, body] =
        method === 'GET' ? read(id) : write(method, id, text ? JSON.parse(text) : {}, keyOf(request))
      if (fault === 'lost') return void request.socket.destroy()
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(body === undefined ? undefined : JSON.stringify(body))
    } finally {
      atOnce--
    }
  }

  const server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const target: SyncTarget = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    things: new Map(),
    wrong: [],
    writes: 0,
    mostAtOnce: 0,
    came: [],
    authorization: new Set(),
    hold: undefined,
    fault: () => 'none',
    mapping: () => ({
      base_url: target.url,
      auth: {},
      whoami: { path: '/things/whoami', org_path: '/org' },
      limits: { concurrency },
      types: {
        thing: {
          list: { path: '/things', items_path: '/items' },
          get: { path: '/things/{id}' },
          create: chosenIds ? { method: 'PUT', path: '/things/{id}' } : { path: '/things' },
          patch: { path: '/things/{id}' },
          delete: { path: '/things/{id}' },
          revision: '/revision',
          ...(keys === 'header' ? { key_header: 'idempotency-key' } : {}),
          ...(keys === 'marker' ? { marker: { path: '/marker', query_param: 'marker' } } : {}),
        },
      },
    }),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return target
}
