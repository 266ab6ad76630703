import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export type Finished = { code: number | null; stdout: string; stderr: string }
export type Environment = Record<string, string | undefined>

/** The program by its two entries: the wrapper that npm links, and the file that it runs. */
export const BIN = [path.join(ROOT, 'bin', 'countersign.mjs')]
export const MAIN = [path.join(ROOT, 'src', 'main.ts')]

/** Variables of ours that the machine or the test run has set are not the program's. */
const OURS =
  /^(COUNTERSIGN_.*|DATABASE_URL|TEST_DATABASE_URL|PORT|HOST|LOG_LEVEL|NODE_OPTIONS|NODE_ENV|VITEST.*)$/
const cleanEnvironment = (): Environment =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !OURS.test(name)))

export function start(args: readonly string[], env: Environment = {}, entry = MAIN): ChildProcess {
  return spawn(process.execPath, [...entry, ...args], { env: { ...cleanEnvironment(), ...env }, cwd: ROOT })
}

/** What a process says until it ends. */
export async function finished(child: ChildProcess, input = ''): Promise<Finished> {
  const said = { stdout: '', stderr: '' }
  child.stdout?.on('data', (chunk) => {
    said.stdout += chunk
  })
  child.stderr?.on('data', (chunk) => {
    said.stderr += chunk
  })
  child.stdin?.end(input)
  const [code] = await once(child, 'close')
  return { code, ...said }
}

/** The first line on standard output that is an object with this member. */
export function line(child: ChildProcess, member: string): Promise<Record<string, any>> {
  return new Promise((resolve, reject) => {
    let text = ''
    let errors = ''
    child.stderr?.on('data', (chunk) => {
      errors += chunk
    })
    child.stdout?.on('data', (chunk) => {
      text += chunk
      const lines = text.split('\n').slice(0, -1)
      const found = lines.map((each) => JSON.parse(each)).find((each) => member in each)
      if (found) resolve(found)
    })
    child.once('close', (code) => reject(new Error(`ended with ${code}: ${text}${errors}`)))
  })
}

/** A server that holds a port and never answers. */
export async function occupied(): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return { port, close: async () => void (await new Promise((resolve) => server.close(resolve))) }
}
