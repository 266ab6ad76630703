import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'

type Fields = Record<string, unknown>

/** `publishedVersion` is the version that was published last; publishing itself makes the next one. */
export type Entry = {
  id: string
  contentType: string
  version: number
  publishedVersion?: number | undefined
  fields: Fields
}

/** What becomes of one request: its connection breaks before or after it is done; undefined: it is answered. */
export type Fate = 'unheard' | 'unanswered' | undefined

export type PublishingPlace = {
  url: string
  entries: Map<string, Entry>
  /** Methods and paths below the environment, in the order of their arrival, those that were refused as well. */
  asked: string[]
  /** How many were answered 429. */
  limited: number
  fate: (asked: string) => Fate
  unpublished(): string[]
  close(): Promise<void>
}

type Answer = { status: number; body?: unknown; headers?: Record<string, string> }

export const SPACE = '/spaces/space/environments/master'

/**
 * A server that answers as Contentful's management API does, as far as entries go: versions in a header of its own, 409
 * to another one or to none for what is there, publishing apart, which is refused with 422 while a link leads to what is
 * missing or unpublished, and 429 to what is more than `perSecond` within a second of the clock.
 */
export async function publishingPlace({
  perSecond = Number.POSITIVE_INFINITY,
  contentTypes = [] as readonly object[],
} = {}): Promise<PublishingPlace> {
  const entries = new Map<string, Entry>()
  const allows = limiter(perSecond)
  const place: PublishingPlace = {
    ...{ url: '', entries, asked: [], limited: 0, fate: () => undefined },
    unpublished: () => [...entries.values()].filter((entry) => !isPublished(entry)).map(({ id }) => id),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  const server = http
    .createServer((request, response) => void serve(request, response))
    .listen(0, '127.0.0.1')
  await once(server, 'listening')
  place.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return place

  async function serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const text = await read(request)
    const url = new URL(request.url as string, place.url)
    const asked = `${request.method} ${url.pathname.replace(SPACE, '')}`
    place.asked.push(asked)
    const reset = allows(Date.now())
    if (reset > 0) place.limited++
    const fate = reset > 0 ? undefined : place.fate(asked)
    if (fate === 'unheard') return void request.socket.destroy()
    const body = text === '' ? undefined : (JSON.parse(text) ?? undefined)
    const answer = reset > 0 ? tooMany(reset) : answerTo(request, url, body)
    if (fate === 'unanswered') return void request.socket.destroy()
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
    response.end(answer.body === undefined ? '' : JSON.stringify(answer.body))
  }

  function answerTo(request: http.IncomingMessage, url: URL, body: unknown): Answer {
    const [of, id, published] = url.pathname.slice(`${SPACE}/`.length).split('/')
    if (!url.pathname.startsWith(`${SPACE}/`)) return { status: 200, body: { sys: within(url.pathname) } }
    if (id === undefined) return page(url, of === 'entries' ? found(url) : listOf(of as string))
    if (of !== 'entries') return error(404, 'NotFound')
    const entry = entries.get(decodeURIComponent(id))
    const version = request.headers['x-contentful-version'] as string | undefined
    if (published !== undefined) return publishing(entry, version, request.method as string)
    if (request.method === 'PUT')
      return put(decodeURIComponent(id), entry, {
        ...{ version, type: request.headers['x-contentful-content-type'] as string | undefined },
        fields: (body as { fields?: Fields })?.fields ?? {},
      })
    if (!entry) return error(404, 'NotFound')
    if (request.method === 'GET') return { status: 200, body: shown(entry) }
    if (entry.publishedVersion !== undefined) return error(400, 'BadRequest')
    if (version !== undefined && version !== String(entry.version)) return error(409, 'VersionMismatch')
    entries.delete(entry.id)
    return { status: 204 }
  }

  function put(
    id: string,
    entry: Entry | undefined,
    { version, type, fields }: { version: string | undefined; type: string | undefined; fields: Fields },
  ): Answer {
    if (entry ? version !== String(entry.version) : version !== undefined)
      return error(409, 'VersionMismatch')
    if (!entry && type === undefined) return error(422, 'MissingContentType')
    const next: Entry = entry
      ? { ...entry, version: entry.version + 1, fields }
      : { id, contentType: type as string, version: 1, fields }
    entries.set(id, next)
    return { status: entry ? 200 : 201, body: shown(next) }
  }

  function publishing(entry: Entry | undefined, version: string | undefined, method: string): Answer {
    if (!entry) return error(404, 'NotFound')
    if (method === 'DELETE') {
      if (entry.publishedVersion === undefined) return error(400, 'BadRequest')
      const { publishedVersion: _, ...draft } = entry
      entries.set(entry.id, { ...draft, version: entry.version + 1 })
      return { status: 200, body: shown(entries.get(entry.id) as Entry) }
    }
    if (version !== String(entry.version)) return error(409, 'VersionMismatch')
    const unresolved = linksIn(entry.fields).filter((id) => entries.get(id)?.publishedVersion === undefined)
    if (unresolved.length > 0)
      return error(
        422,
        'UnresolvedLinks',
        unresolved.map((id) => ({ name: 'notResolvable', link: link(id) })),
      )
    const next = { ...entry, publishedVersion: entry.version, version: entry.version + 1 }
    entries.set(entry.id, next)
    return { status: 200, body: shown(next) }
  }

  function found(url: URL): unknown[] {
    const [type, ids] = [url.searchParams.get('content_type'), url.searchParams.get('sys.id[in]')?.split(',')]
    return [...entries.values()]
      .filter(({ id, contentType }) => (!type || contentType === type) && (!ids || ids.includes(id)))
      .map(shown)
  }

  function listOf(of: string): readonly unknown[] {
    return of === 'content_types' ? contentTypes : of === 'locales' ? [LOCALE] : []
  }
}

const LOCALE = {
  ...{ sys: { type: 'Locale', id: 'locale', version: 1 }, code: 'en-US', name: 'English', default: true },
  ...{ fallbackCode: null, contentManagementApi: true, contentDeliveryApi: true, optional: false },
}

const isPublished = ({ version, publishedVersion }: Entry): boolean => publishedVersion === version - 1

export const link = (id: string, linkType = 'Entry') => ({ sys: { type: 'Link', linkType, id } })

const WHERE = { space: link('space', 'Space'), environment: link('master', 'Environment') }

const shown = ({ id, contentType, version, publishedVersion, fields }: Entry) => ({
  sys: {
    ...{ type: 'Entry', id, version, contentType: link(contentType, 'ContentType'), ...WHERE },
    ...(publishedVersion === undefined ? {} : { publishedVersion }),
  },
  fields,
})

function linksIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  const { type, linkType, id } = (value as { sys?: Record<string, string> }).sys ?? {}
  if (type === 'Link') return linkType === 'Entry' ? [id as string] : []
  return Object.values(value).flatMap(linksIn)
}

/** The space and the environment themselves. */
const within = (path: string) => {
  const [, , space, , environment] = path.split('/')
  return environment
    ? { type: 'Environment', id: environment, ...WHERE, status: link('ready', 'Status') }
    : { type: 'Space', id: space }
}

function page({ searchParams }: URL, all: readonly unknown[]): Answer {
  const [skip, limit] = [Number(searchParams.get('skip') ?? 0), Number(searchParams.get('limit') ?? 100)]
  const items = all.slice(skip, skip + limit)
  return { status: 200, body: { sys: { type: 'Array' }, total: all.length, skip, limit, items } }
}

const error = (status: number, id: string, errors?: readonly object[]): Answer => ({
  status,
  body: {
    sys: { type: 'Error', id },
    message: id,
    requestId: 'r',
    ...(errors ? { details: { errors } } : {}),
  },
})

const tooMany = (seconds: number): Answer => ({
  ...error(429, 'RateLimitExceeded'),
  headers: { 'x-contentful-ratelimit-reset': String(seconds), 'retry-after': String(seconds) },
})

/** 0: it may be answered; else in how many seconds the next one may. What is refused does not count. */
function limiter(perSecond: number): (now: number) => number {
  let [second, count] = [0, 0]
  return (now) => {
    if (Math.floor(now / 1000) !== second) [second, count] = [Math.floor(now / 1000), 0]
    if (count >= perSecond) return 1
    count++
    return 0
  }
}

async function read(request: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
