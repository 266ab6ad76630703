import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'

export type Received = { id: string; body: any; at: Date; signatures: string[]; verified: boolean }

export type Receiver = {
  url: string
  hits: Received[]
  /** Any of them may have signed. */
  secrets: string[]
  stop(): Promise<void>
}

type Handler = (response: http.ServerResponse, request: http.IncomingMessage) => void

/** A local receiver that reads, verifies with the package and answers by `handler`. */
export async function receiver(handler: Handler = (response) => void response.end()): Promise<Receiver> {
  const hits: Received[] = []
  const secrets: string[] = []
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => {
      hits.push(receivedOf(request, Buffer.concat(chunks).toString(), secrets))
      handler(response, request)
    })
  })
  server.on('clientError', (_error, socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/hook`,
    hits,
    secrets,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function receivedOf(request: http.IncomingMessage, text: string, secrets: string[]): Received {
  const headers = request.headers as Record<string, string>
  const at = new Date(Number(headers['webhook-timestamp']) * 1000)
  return {
    id: headers['webhook-id'] as string,
    body: JSON.parse(text),
    at,
    signatures: (headers['webhook-signature'] ?? '').split(' '),
    verified: secrets.some((secret) => verifies(secret, text, headers, at)),
  }
}

/** The package compares with the real time, and tests set the server's: at the time that was signed. */
function verifies(secret: string, text: string, headers: Record<string, string>, at: Date): boolean {
  const real = Date.now
  Date.now = () => at.getTime()
  try {
    new Webhook(secret).verify(text, headers)
    return true
  } catch {
    return false
  } finally {
    Date.now = real
  }
}
