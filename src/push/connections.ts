import { type ClientHttp2Session, connect } from 'node:http2'

export type Answer = { status: number; retryAfter: string | undefined; body: unknown }

/** Posts over HTTP/2, one connection for each origin, opened again after it was lost. */
export type Connections = {
  /** Rejects when the provider cannot be reached or does not answer in time. */
  post(url: string, headers: Record<string, string>, body: string): Promise<Answer>
  close(): void
}

const TIMEOUT_MS = 10_000

export function createConnections(): Connections {
  const open = new Map<string, ClientHttp2Session>()
  const sessionTo = (origin: string): ClientHttp2Session => {
    const known = open.get(origin)
    if (known && !known.closed && !known.destroyed) return known
    const session = connect(origin)
    // the requests on it fail with the same error; without a listener it would end the process
    session.on('error', () => {})
    session.on('close', () => open.get(origin) === session && open.delete(origin))
    session.unref()
    open.set(origin, session)
    return session
  }
  return {
    post(url, headers, body) {
      const { origin, pathname, search } = new URL(url)
      return new Promise((resolve, reject) => {
        const request = sessionTo(origin).request({
          ...headers,
          ':method': 'POST',
          ':path': pathname + search,
        })
        let status = 0
        let retryAfter: string | undefined
        const chunks: Buffer[] = []
        request.on('response', (answer) => {
          status = Number(answer[':status'])
          retryAfter = answer['retry-after']
        })
        request.on('data', (chunk) => chunks.push(chunk))
        request.on('end', () =>
          status === 0
            ? reject(new Error('The provider closed the request without an answer.'))
            : resolve({ status, retryAfter, body: parsed(Buffer.concat(chunks).toString('utf8')) }),
        )
        request.on('error', reject)
        request.setTimeout(TIMEOUT_MS, () =>
          request.destroy(new Error('The provider did not answer in time.')),
        )
        request.end(body)
      })
    },
    close() {
      for (const session of open.values()) session.destroy()
      open.clear()
    },
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
