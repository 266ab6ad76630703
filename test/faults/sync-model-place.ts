import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { mergePatch } from '../../src/config-store/rules.ts'
import type { Doc, Kind } from './sync-model.ts'

/**
 * What a request meets. `lost` is done and its answer does not arrive, `slow` is done and answered after whoever asked
 * has given up, `dropped` and `limited` and `failed` are not done.
 */
export type Fault = 'none' | 'limited' | 'failed' | 'lost' | 'slow' | 'dropped'
export const FAULTS: readonly Fault[] = ['limited', 'failed', 'lost', 'slow', 'dropped']

type Documents = Record<Kind, Map<string, Doc & { id: string; revision: number }>>

/** What a place has, and what became of requests. */
export type State = {
  documents: Documents
  /** What no request may be: one with a symbol. */
  wrong: string[]
  /** Writes that were done. */
  writes: number
}

/** A REST API with documents of two kinds. */
export type Place = {
  url: string
  state(): Promise<State>
  mapping(): Record<string, unknown>
  close(): Promise<void>
}

/** One in this process, that fails as it is told. */
export type OwnPlace = Place &
  State & { choosesIds: boolean; fault(request: { method: string; what: string }): Fault }

const TIMEOUT_MS = 200

type Options = {
  choosesIds: boolean
  /** Until a write is answered. */
  answersAfterMs?: number
}

export async function openPlace({ choosesIds, answersAfterMs = 0 }: Options): Promise<OwnPlace> {
  let made = 0

  function write(method: string, kind: Kind, id: string | undefined, body: Doc): [number, unknown] {
    const all = place.documents[kind]
    const known = id === undefined ? undefined : all.get(id)
    if (method !== 'PUT' && method !== 'POST' && !known) return [404, {}]
    if (method === 'PUT' && known) return [409, {}]
    if (JSON.stringify(body).includes('⟨')) place.wrong.push(`a symbol in ${JSON.stringify(body)}`)
    place.writes++
    if (method === 'DELETE') {
      all.delete(id as string)
      return [204, undefined]
    }
    const own = id ?? `made-${kind}-${++made}`
    const next = mergePatch(known ?? {}, body) as Doc
    all.set(own, { ...next, id: own, revision: (known?.revision ?? 0) + 1 })
    return [known ? 200 : 201, all.get(own)]
  }

  function read(kind: Kind, id: string | undefined): [number, unknown] {
    if (id === undefined) return [200, { items: [...place.documents[kind].values()] }]
    const found = place.documents[kind].get(id)
    return found ? [200, found] : [404, {}]
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks).toString()
    const method = request.method as string
    const [, kind, escaped] = (request.url as string).split('/')
    const id = escaped === undefined ? undefined : decodeURIComponent(escaped)
    if (kind === 'state') return void json(response, 200, told(place))
    if (kind === 'whoami') return void json(response, 200, { org: 'elsewhere' })
    const fault = place.fault({ method, what: `${method} ${request.url} ${body}` })
    if (fault === 'dropped') return void request.socket.destroy()
    if (fault === 'limited') return void response.writeHead(429, { 'retry-after': '0' }).end()
    if (fault === 'failed') return void response.writeHead(500).end()
    const [status, answered] =
      method === 'GET'
        ? read(kind as Kind, id)
        : write(method, kind as Kind, id, body ? JSON.parse(body) : {})
    if (fault === 'lost') return void request.socket.destroy()
    if (fault === 'slow') await sleep(2 * TIMEOUT_MS)
    if (method !== 'GET' && answersAfterMs > 0) await sleep(answersAfterMs)
    json(response, status, answered)
  }

  const server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const place: OwnPlace = {
    choosesIds,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    documents: { node: new Map(), leaf: new Map() },
    wrong: [],
    writes: 0,
    fault: () => 'none',
    state: async () => place,
    mapping: () => mappingOf(place.url, choosesIds),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return place
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(body === undefined ? undefined : JSON.stringify(body))
}

/** A state as it travels. */
const told = ({ documents, wrong, writes }: State) => ({
  documents: { node: [...documents.node.values()], leaf: [...documents.leaf.values()] },
  ...{ wrong, writes },
})

/** A place in a process of its own, by its address. */
export function placeAt(url: string, { choosesIds }: { choosesIds: boolean }): Omit<Place, 'close'> {
  return {
    url,
    mapping: () => mappingOf(url, choosesIds),
    async state() {
      const { documents, ...rest } = (await (await fetch(`${url}/state`)).json()) as ReturnType<typeof told>
      const byId = (all: (Doc & { id: string; revision: number })[]) =>
        new Map(all.map((doc) => [doc.id, doc]))
      return { documents: { node: byId(documents.node), leaf: byId(documents.leaf) }, ...rest }
    },
  }
}

function mappingOf(url: string, choosesIds: boolean): Record<string, unknown> {
  const resource = (kind: Kind) => ({
    list: { path: `/${kind}`, items_path: '/items' },
    get: { path: `/${kind}/{id}` },
    create: choosesIds ? { method: 'PUT', path: `/${kind}/{id}` } : { path: `/${kind}` },
    patch: { path: `/${kind}/{id}` },
    delete: { path: `/${kind}/{id}` },
    revision: '/revision',
  })
  return {
    base_url: url,
    auth: {},
    whoami: { path: '/whoami', org_path: '/org' },
    limits: { concurrency: 4 },
    timeout_ms: TIMEOUT_MS,
    types: { node: resource('node'), leaf: resource('leaf') },
  }
}
