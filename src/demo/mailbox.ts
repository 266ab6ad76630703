import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'

export type Mail = { id: string; body: Record<string, unknown>; verified: boolean }

/** Where an agent that sleeps is woken: a receiver on this machine that checks signatures. */
export type Mailbox = {
  url: string
  received: Mail[]
  checkBy(secret: string): void
  close(): Promise<void>
}

export async function openMailbox(): Promise<Mailbox> {
  const received: Mail[] = []
  let webhook: Webhook | undefined
  const verifies = (text: string, headers: Record<string, string>): boolean => {
    try {
      webhook?.verify(text, headers)
      return webhook !== undefined
    } catch {
      return false
    }
  }
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    const headers = request.headers as Record<string, string>
    const id = headers['webhook-id'] ?? ''
    if (!received.some((each) => each.id === id))
      received.push({
        id,
        body: JSON.parse(text) as Record<string, unknown>,
        verified: verifies(text, headers),
      })
    response.writeHead(204).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/wake`,
    received,
    checkBy(secret) {
      webhook = new Webhook(secret)
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
