import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook, WebhookVerificationError } from 'standardwebhooks'
import { Problem } from '../operation/errors.ts'
import type { Output } from './output.ts'
import { plain } from './sync-text.ts'

/** Payloads have a few kilobytes. */
const MOST_BYTES = 262_144
/** Ids that are remembered to know repeats by. */
const MOST_IDS = 10_000

type Trigger = { type: string; timestamp: string; subject: { title: string }; session: { id: string } | null }

/**
 * Receives triggers on 127.0.0.1 until the signal ends it. Bad signatures and times more than five minutes off are
 * answered 400 and told; a repeated id is answered 200, as a receiver should, and shown once.
 */
export async function listen(
  { port, secret }: { port: number; secret: string },
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  const webhook = webhookOf(secret)
  const seen = new Set<string>()
  const server = http.createServer(async (request, response) => {
    const text = await bodyOf(request).catch(() => undefined)
    const answer = (status: number) => void response.writeHead(status).end()
    if (request.method !== 'POST') return answer(405)
    if (text === undefined) return answer(413)
    const headers = request.headers as Record<string, string>
    let trigger: Trigger
    try {
      trigger = webhook.verify(text, headers) as Trigger
    } catch (error) {
      const why = error instanceof WebhookVerificationError ? error.message : 'The body is no JSON'
      output.say(`Refused: ${why}.`)
      return answer(400)
    }
    const id = headers['webhook-id'] as string
    if (seen.has(id)) {
      output.say(`${plain(id)} again: nothing to do.`)
      return answer(200)
    }
    seen.add(id)
    for (const oldest of seen) {
      if (seen.size <= MOST_IDS) break
      seen.delete(oldest)
    }
    output.data({ id, ...trigger }, lineOf(id, trigger))
    answer(200)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  output.say(`Listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  if (!signal.aborted) await once(signal, 'abort')
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}

function webhookOf(secret: string): Webhook {
  try {
    return new Webhook(secret)
  } catch {
    throw new Problem('validation-failed', { detail: 'The secret must be a whsec_ secret.' })
  }
}

async function bodyOf(request: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MOST_BYTES) throw new Error('too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Titles do not control the terminal. */
function lineOf(id: string, { type, timestamp, subject, session }: Trigger): string {
  const at = String(timestamp).slice(11, 19)
  const woken = session ? ` (session ${plain(String(session.id))})` : ''
  return `${at}  ${plain(String(type))}: ${plain(String(subject?.title))}  ${plain(id)}${woken}`
}
