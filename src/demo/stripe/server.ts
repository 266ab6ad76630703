import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Answer, invalid, missing, Refusal, rateLimited } from './answers.ts'
import { createPrice, createProduct, updatePrice, updateProduct } from './changes.ts'
import { answerOf, type Fault, faultsOf } from './faults.ts'
import { type Form, parseForm } from './form.ts'
import { idempotency } from './idempotency.ts'
import { listEvents, listPrices, listProducts } from './lists.ts'
import { type Event, idOf } from './objects.ts'
import { makeState, type State } from './state.ts'
import { type Delivery, post, type SignedEvent, signed } from './webhooks.ts'

/** One request as it was made, and what became of it. */
export type Logged = {
  method: string
  path: string
  query: Record<string, string>
  form: Form
  idempotencyKey: string | undefined
  requestId: string
  /** Nothing where the connection was ended instead. */
  status: number | undefined
  replayed: boolean
  /** Milliseconds since the server started. */
  at: number
}

export type StripeServer = {
  url: string
  key: string
  webhookSecret: string
  state: State
  /** In order of arrival. */
  requests: Logged[]
  deliveries: Delivery[]
  fault(fault: Fault): void
  clearFaults(): void
  /** Where events are posted to from now on, and with which secrets. */
  sendWebhooks(url: string | undefined, secrets?: readonly string[]): void
  /** Whatever is on its way to the webhook has arrived or failed. */
  delivered(): Promise<void>
  /** Once more, as Stripe does when an answer was lost. */
  redeliver(eventId: string): Promise<Delivery>
  sign(event: Event, options?: { secrets?: readonly string[]; at?: number }): SignedEvent
  stop(): Promise<void>
}

export type StripeOptions = {
  port?: number
  key?: string
  webhookSecret?: string
  livemode?: boolean
  /** Seconds since 1970. */
  now?: () => number
  /** More requests than that within any second are answered 429. */
  limitPerSecond?: number
  /** Called for each request before it is answered; the answer waits for it. */
  onRequest?: (request: Logged) => void | Promise<void>
}

/**
 * A server that answers like Stripe as far as a catalog goes: prices, products and events over the form-encoded API, with
 * idempotency keys, request ids, error bodies, signed webhooks, and faults on demand. In memory, on this machine only.
 */
export async function startStripe(options: StripeOptions = {}): Promise<StripeServer> {
  const { livemode = false, webhookSecret = 'whsec_ZGVtby13ZWJob29rLXNlY3JldC1mb3ItdGVzdHM' } = options
  const key = options.key ?? `sk_${livemode ? 'live' : 'test'}_51DemoKeyOfTheLocalStripeLikeServer00`
  const state = makeState({ account: key, livemode, ...(options.now ? { now: options.now } : {}) })
  const requests: Logged[] = []
  const deliveries: Delivery[] = []
  const faults = faultsOf()
  const once = idempotency()
  const started = performance.now()
  const recent: number[] = []
  let hook: { url: string; secrets: readonly string[] } | undefined
  const onTheirWay = new Set<Promise<unknown>>()

  const deliver = (event: Event): Promise<Delivery> => {
    const { url, secrets } = hook ?? { url: '', secrets: [webhookSecret] }
    const sending = post(url, event, secrets, Math.floor(Date.now() / 1000)).then((delivery) => {
      deliveries.push(delivery)
      return delivery
    })
    onTheirWay.add(sending)
    void sending.finally(() => onTheirWay.delete(sending))
    return sending
  }
  state.onEvent = (event) => {
    if (hook) void deliver(event)
  }

  const tooMany = (at: number): boolean => {
    if (options.limitPerSecond === undefined) return false
    while (recent.length > 0 && (recent[0] as number) <= at - 1000) recent.shift()
    recent.push(at)
    return recent.length > options.limitPerSecond
  }

  const handle = (request: IncomingMessage, text: string, logged: Logged): Answer | 'nothing' => {
    const fault = faults.pick(logged.method, logged.path)
    if (fault?.kind === 'refused') return 'nothing'
    if (tooMany(logged.at)) return rateLimited(1)
    if (fault && fault.kind !== 'lost') return answerOf(fault)
    try {
      authorized(request, key)
      logged.form = parseForm(text)
      const isWrite = logged.method === 'POST'
      const asked = `${logged.path}\n${text}`
      const { answer, replayed } = once(
        isWrite ? logged.idempotencyKey : undefined,
        asked,
        logged.requestId,
        () => ({
          status: 200,
          body: route(
            state,
            logged,
            isWrite ? logged.form : parseForm((request.url ?? '').split('?')[1] ?? ''),
          ),
        }),
      )
      logged.replayed = replayed
      return fault?.kind === 'lost' ? 'nothing' : answer
    } catch (error) {
      if (error instanceof Refusal) return error.answer
      throw error
    }
  }

  const server = createServer(async (request, response) => {
    const logged = logOf(request, requests.length, performance.now() - started)
    requests.push(logged)
    const text = await bodyOf(request)
    await options.onRequest?.(logged)
    const answer = handle(request, text, logged)
    if (answer === 'nothing') return void request.socket.destroy()
    logged.status = answer.status
    send(response, answer, logged)
  })
  server.keepAliveTimeout = 60_000
  server.listen(options.port ?? 0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo

  return {
    url: `http://127.0.0.1:${port}`,
    key,
    webhookSecret,
    state,
    requests,
    deliveries,
    fault: faults.add,
    clearFaults: faults.clear,
    sendWebhooks(url, secrets = [webhookSecret]) {
      hook = url === undefined ? undefined : { url, secrets }
    },
    async delivered() {
      while (onTheirWay.size > 0) await Promise.all(onTheirWay)
    },
    redeliver(eventId) {
      const event = state.events.get(eventId)
      if (!event) throw new Error(`There is no event ${eventId}.`)
      return deliver(event)
    },
    sign: (event, { secrets = [webhookSecret], at = Math.floor(Date.now() / 1000) } = {}) =>
      signed(event, secrets, at),
    async stop() {
      hook = undefined
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await Promise.all(onTheirWay)
    },
  }
}

function logOf(request: IncomingMessage, count: number, at: number): Logged {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://stripe.invalid')
  const given = request.headers['idempotency-key']
  return {
    method: request.method ?? 'GET',
    path: pathname,
    query: Object.fromEntries(searchParams),
    form: {},
    idempotencyKey: typeof given === 'string' ? given : undefined,
    requestId: idOf('req', String(count)).slice(0, 18),
    status: undefined,
    replayed: false,
    at,
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  request.setEncoding('utf8')
  for await (const chunk of request) text += chunk
  return text
}

function authorized({ headers }: IncomingMessage, key: string): void {
  const [scheme = '', value = ''] = (headers.authorization ?? '').split(' ')
  const given =
    scheme === 'Basic'
      ? Buffer.from(value, 'base64').toString().split(':')[0]
      : scheme === 'Bearer'
        ? value
        : ''
  if (given === key) return
  const shown = given ? `${given.slice(0, 7)}***${given.slice(-4)}` : ''
  throw new Refusal(401, {
    type: 'invalid_request_error',
    message: given ? `Invalid API Key provided: ${shown}` : 'You did not provide an API key.',
  })
}

function route(state: State, { method, path, requestId, idempotencyKey }: Logged, form: Form): unknown {
  const [, version, kind, id, ...more] = path.split('/')
  const request = { id: requestId, idempotency_key: idempotencyKey ?? null }
  const unknown = () =>
    new Refusal(404, {
      type: 'invalid_request_error',
      message: `Unrecognized request URL (${method}: ${path}).`,
    })
  if (version !== 'v1' || more.length > 0) throw unknown()
  if (method === 'POST') {
    if (kind === 'prices')
      return id ? updatePrice(state, id, form, request) : createPrice(state, form, request)
    if (kind === 'products')
      return id ? updateProduct(state, id, form, request) : createProduct(state, form, request)
    throw unknown()
  }
  if (method !== 'GET') throw unknown()
  if (kind !== 'prices' && kind !== 'products' && kind !== 'events') throw unknown()
  if (id) return state[kind].get(id) ?? absent(kind, id)
  return { prices: listPrices, products: listProducts, events: listEvents }[kind](state, form)
}

const absent = (kind: string, id: string): never => {
  if (!/^[\w-]+$/.test(id)) throw invalid(`Invalid id: ${id}`, 'id')
  throw missing(kind.slice(0, -1), id)
}

function send(response: ServerResponse, { status, body, headers }: Answer, { requestId }: Logged): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'request-id': requestId,
    'stripe-version': '2026-10-28.endive',
    ...headers,
  })
  response.end(text)
}
