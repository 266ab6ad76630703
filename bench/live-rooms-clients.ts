import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'

/**
 * Many sockets in a process of their own that drain what they are sent without looking at it, so that what is measured
 * is the server; every fiftieth reads the times in it. Asked for `latencies`, it answers those since it was last asked.
 */
type Ask = { do: 'open'; url: string; first: string[][] } | { do: 'latencies' } | { do: 'close' }

let sockets: Socket[] = []
let latencies: number[] = []

/** A masked text frame (RFC 6455, 5.2): clients mask, and these send a few hundred bytes at most. */
function frame(text: string): Buffer {
  const body = Buffer.from(text)
  const mask = randomBytes(4)
  const masked = Buffer.from(body.map((byte, n) => byte ^ (mask[n % 4] as number)))
  const length = body.length < 126 ? [0x80 | body.length] : [0x80 | 126, body.length >> 8, body.length & 0xff]
  return Buffer.concat([Buffer.from([0x81, ...length]), mask, masked])
}

function open(url: URL, first: readonly string[], reads: boolean): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(url.port), url.hostname)
    socket.once('error', reject)
    socket.write(
      `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    )
    socket.once('data', (data) => {
      if (!String(data).startsWith('HTTP/1.1 101')) return reject(new Error(String(data)))
      for (const text of first) socket.write(frame(text))
      socket.on('data', reads ? readTimes : () => {})
      resolve(socket)
    })
  })
}

/** An empty pong nobody asked for (RFC 6455, 5.5.3): says that the socket is alive, without reading the pings. */
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0])
setInterval(() => {
  for (const socket of sockets) socket.write(PONG)
}, 15_000).unref()

/** Notes begin with the time they were said at. */
function readTimes(data: Buffer): void {
  const now = Date.now()
  for (const [, at] of String(data).matchAll(/"body":"(\d{13}) /g)) latencies.push(now - Number(at))
}

process.on('message', async (ask: Ask) => {
  if (ask.do === 'open') {
    const url = new URL(ask.url)
    for (let n = 0; n < ask.first.length; n += 50) {
      const batch = ask.first.slice(n, n + 50).map((first, k) => open(url, first, k === 0))
      sockets.push(...(await Promise.all(batch)))
    }
    process.send?.({ open: sockets.length })
  } else if (ask.do === 'latencies') {
    process.send?.({ latencies })
    latencies = []
  } else {
    for (const socket of sockets) socket.destroy()
    sockets = []
    process.send?.({ open: 0 })
  }
})
