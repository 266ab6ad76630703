import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A road to a server on which answers to writes get lost: the server did what it was asked for, and nobody hears of it. */
export type ForgetfulRoad = {
  url: string
  /** The answers of the next so many writes. */
  lose(writes: number): void
  /** Answers that were lost so far. */
  lost: number
  close(): Promise<void>
}

export async function forgetful(target: string): Promise<ForgetfulRoad> {
  let toLose = 0
  const pass = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { host: _, connection: __, 'content-length': ___, ...headers } = request.headers
    const answer = await fetch(`${target}${request.url}`, {
      method: request.method as string,
      headers: headers as Record<string, string>,
      ...(chunks.length > 0 ? { body: Buffer.concat(chunks) } : {}),
    })
    const body = Buffer.from(await answer.arrayBuffer())
    if (request.method !== 'GET' && toLose > 0) {
      toLose--
      road.lost++
      request.socket.destroy()
      return
    }
    const {
      'content-encoding': ____,
      'transfer-encoding': _____,
      ...rest
    } = Object.fromEntries(answer.headers)
    response.writeHead(answer.status, { ...rest, 'content-length': body.length }).end(body)
  }
  const server = createServer((request, response) => void pass(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const road: ForgetfulRoad = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lose(writes) {
      toLose = writes
    },
    lost: 0,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return road
}
