import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Caller } from '../harness/app.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** A server process of its own, as `npm start` runs it. */
export type Server = {
  url: string
  pid: number
  /** All that it wrote, its log too. */
  written(): string
  /** From the start of the process until `/readyz` answered 200. */
  readyMs: number
  /** kill -9, and nothing else; resolves once the process is gone. */
  kill(): Promise<void>
  /** SIGTERM; answers the exit code. */
  stop(): Promise<number | null>
}

/** 30 s: far above the 5 s that a restart may take, so that a slow one is reported as slow rather than as missing. */
const START_DEADLINE_MS = 30_000

export async function startServer(env: NodeJS.ProcessEnv, more: readonly string[] = []): Promise<Server> {
  const from = performance.now()
  const child = spawn(process.execPath, [MAIN, '--json', 'serve', ...more], {
    env: { PATH: process.env.PATH, LOG_LEVEL: 'error', ...env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: '/',
  })
  let written = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => {
      written += text
    })
  const gone = once(child, 'exit') as Promise<[number | null]>
  try {
    const url = await announcedUrl(child)
    while (!(await isReady(url))) await setTimeout(5)
    return {
      url,
      pid: child.pid as number,
      written: () => written,
      readyMs: Math.round(performance.now() - from),
      async kill() {
        child.kill('SIGKILL')
        await gone
      },
      async stop() {
        child.kill('SIGTERM')
        const [code] = await gone
        return code
      },
    }
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
}

/** The URL that the process announces; fails with what it wrote when it ends or stays silent. */
async function announcedUrl(child: ChildProcess): Promise<string> {
  let written = ''
  const announced = new Promise<string>((resolve, reject) => {
    const onData = (data: Buffer) => {
      written += data
      const line = /^\{"ok":true,"url":"([^"]+)"\}$/m.exec(written)
      if (line) resolve(line[1] as string)
    }
    child.stdout?.on('data', onData)
    child.stderr?.on('data', onData)
    child.once('exit', (code) => reject(new Error(`The server ended with ${code}: ${written}`)))
  })
  const late = setTimeout(START_DEADLINE_MS, undefined, { ref: false }).then(() => {
    throw new Error(`The server did not start in ${START_DEADLINE_MS} ms: ${written}`)
  })
  return Promise.race([announced, late])
}

const isReady = (url: string): Promise<boolean> =>
  fetch(`${url}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  )

/** A caller of one server process. A process that is killed meanwhile makes its calls throw. */
export const callerAt = (url: string, own: Record<string, string>): Caller => ({
  headers: own,
  async call(method, path, body, headers = {}) {
    const response = await fetch(url + path, {
      method,
      headers: { ...own, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, body: JSON.parse(text), headers: response.headers }
  },
})
