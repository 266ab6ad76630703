import http from 'node:http'
import https from 'node:https'
import { guardedLookup, refuseLiteral } from '../../outgoing/addresses.ts'
import { ConnectorError } from './connector.ts'
import type { Answer, Asked, Place } from './request.ts'

/** A dot segment, which URLs resolve away, also when it is encoded. */
const DOTS = /^(?:\.|%2e){1,2}$/i

/** The URL of a path below the base, or a whole URL there. Errors: `invalid`. */
export function urlOf(place: Place, path: string): URL {
  const base = new URL(place.baseUrl)
  const below = base.pathname.replace(/\/$/, '')
  const whole = /^https?:\/\//i.test(path)
  const url = URL.parse(whole ? path : `${base.origin}${below}${path}`)
  if (!url || url.username || url.password || (path.split('?')[0] as string).split('/').some(isDots))
    throw new ConnectorError('invalid', 'The request has no address at the place.')
  if (url.origin !== base.origin) throw new ConnectorError('invalid', 'The place points to another origin.')
  if (!`${url.pathname}/`.startsWith(`${below}/`))
    throw new ConnectorError('invalid', 'The place points outside of its base URL.')
  return url
}
const isDots = (segment: string): boolean => DOTS.test(segment)

/**
 * Our own agents: no proxy of the environment, which would resolve names by itself, and a connection that was made where
 * private addresses are allowed serves nobody else.
 */
const agents = [false, true].map((allowPrivate) => {
  const options = { keepAlive: true, maxSockets: 64, lookup: guardedLookup(allowPrivate) }
  return { 'http:': new http.Agent(options), 'https:': new https.Agent(options) }
})

/**
 * One request and its whole answer. `sent.whole` becomes true when the request may have reached somebody: once there is a
 * connection. Throws PrivateAddressError, TooLarge, and what the connection fails with.
 */
export async function exchange(
  place: Place,
  asked: Asked,
  url: URL,
  signal: AbortSignal,
  sent: { whole: boolean },
): Promise<Answer> {
  refuseLiteral(url, place.allowPrivate)
  const response = await responseTo(place, asked, url, signal, sent)
  const text = await readBody(response, place.maxBytes)
  return { status: response.statusCode ?? 0, headers: response.headers, body: parsed(text) }
}

function responseTo(
  place: Place,
  { method, body, headers }: Asked,
  url: URL,
  signal: AbortSignal,
  sent: { whole: boolean },
): Promise<http.IncomingMessage> {
  const text = body === undefined ? undefined : JSON.stringify(body)
  const secure = url.protocol === 'https:'
  return new Promise((resolve, reject) => {
    const request = (secure ? https : http).request(url, {
      method,
      headers: {
        accept: 'application/json',
        'accept-encoding': 'identity',
        'user-agent': 'countersign',
        ...place.headers,
        ...(text === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
        ...headers,
      },
      agent: agents[Number(place.allowPrivate)]?.[secure ? 'https:' : 'http:'],
      signal,
    })
    request.once('socket', (socket) => {
      const connected = () => {
        sent.whole = true
      }
      if (socket.connecting) socket.once(secure ? 'secureConnect' : 'connect', connected)
      else connected()
    })
    request.once('error', reject)
    request.once('response', resolve)
    request.end(text)
  })
}

export class TooLarge extends Error {}

async function readBody(response: http.IncomingMessage, most: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > most) {
      response.destroy()
      throw new TooLarge(`The place answers more than ${most} bytes.`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** What is no JSON is nothing: error pages of proxies, empty answers. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
