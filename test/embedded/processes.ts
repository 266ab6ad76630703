import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, vi } from 'vitest'
import { noteOf, removeDataFolder } from '../../src/db/embedded/folder.ts'
import { postmasterOf } from '../../src/db/embedded/process.ts'

const HOLDER = fileURLToPath(new URL('./holder.ts', import.meta.url))

export type Started = {
  child: ChildProcess
  adopted: boolean
  /** Rows that earlier holders had committed. */
  before: number
  socket: string
  tookMs: number
}

const folders: string[] = []
const children: ChildProcess[] = []

/** A folder of the test's own; its data folder is `data` in it. */
export function tempFolder(mode = 0o755): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'cs-emb-'))
  chmodSync(folder, mode)
  folders.push(folder)
  return folder
}

/** Kills what the test started, waits until each PostgreSQL has followed, removes the folders. */
export async function cleanUp(): Promise<void> {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  for (const folder of folders.splice(0)) {
    const dataDir = path.join(folder, 'data')
    await vi.waitFor(() => expect(postmaster(dataDir)).toBeUndefined(), { timeout: 15_000 })
    removeDataFolder(dataDir)
    rmSync(folder, { recursive: true, force: true })
  }
}

export function clusterOf(dataDir: string): string {
  const note = noteOf(dataDir)
  return path.join(existsSync(note) ? readFileSync(note, 'utf8').trim() : dataDir, 'pg18')
}

/** The pid of the folder's living PostgreSQL. */
export const postmaster = (dataDir: string) => postmasterOf({ data: clusterOf(dataDir) })

type Options = { uid?: number; gid?: number; env?: NodeJS.ProcessEnv }

/** A process that is about to hold the data folder's PostgreSQL. */
export function spawnHolder(dataDir: string, options: Options = {}): ChildProcess {
  const child = spawn(process.execPath, [HOLDER, dataDir], {
    ...options,
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: '/',
  })
  children.push(child)
  return child
}

/** A process that holds the data folder's PostgreSQL; resolves once it has added a row. */
export async function start(dataDir: string, options: Options = {}): Promise<Started> {
  const from = Date.now()
  const child = spawnHolder(dataDir, options)
  let errors = ''
  child.stderr?.on('data', (data) => {
    errors += data
  })
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout?.once('data', (data) => resolve(String(data)))
    child.once('exit', (code) => reject(new Error(`holder ended with ${code}: ${errors}`)))
  })
  return { child, ...JSON.parse(line), tookMs: Date.now() - from }
}

export const ended = (child: ChildProcess) =>
  new Promise<void>((resolve) => child.once('exit', () => resolve()))
