import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { removeDataFolder, temporaryDataFolder } from '../src/db/embedded/folder.ts'
import { report } from './measure.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** What `npm start` runs, flags included. */
const [, ...START] = (JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')).scripts.start as string).split(
  ' ',
)
const PORT = 41_877
const IDLE_MS = 10_000

const METHOD = `startup: from spawning what "npm start" runs to the first 200 of /readyz, with no data folder and no compile cache (cold)
and again with both (warm, median of 3); resident memory of the Node process after ${IDLE_MS / 1000} s of idling, after the cold
start and after a warm one: the larger counts.`

async function start(dataDir: string, cache: string): Promise<{ child: ChildProcess; seconds: number }> {
  const from = performance.now()
  const child = spawn(process.execPath, START, {
    cwd: ROOT,
    env: {
      ...process.env,
      PORT: String(PORT),
      COUNTERSIGN_DATA_DIR: dataDir,
      LOG_LEVEL: 'warn',
      // a newcomer's machine has none of earlier runs
      NODE_COMPILE_CACHE: cache,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  for (;;) {
    const ready = await fetch(`http://127.0.0.1:${PORT}/readyz`).catch(() => undefined)
    if (ready?.ok) return { child, seconds: Math.round(performance.now() - from) / 1000 }
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`)
    await setTimeout(10)
  }
}

async function stop(child: ChildProcess): Promise<number> {
  const from = performance.now()
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await ended
  return Math.round(performance.now() - from) / 1000
}

const residentMb = (pid: number): number => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024)
}

export async function startup(): Promise<void> {
  console.log(METHOD)
  const dataDir = temporaryDataFolder('countersign-bench-')
  const cache = mkdtempSync(join(tmpdir(), 'countersign-bench-cache-'))
  const memory = { cold: 0, warm: 0 }
  const warm: number[] = []
  let slowestStop = 0
  const idle = async (child: ChildProcess) => {
    await setTimeout(IDLE_MS)
    return residentMb(child.pid as number)
  }
  try {
    const cold = await start(dataDir, cache)
    memory.cold = await idle(cold.child)
    await stop(cold.child)
    for (let round = 0; round < 3; round++) {
      const { child, seconds } = await start(dataDir, cache)
      warm.push(seconds)
      if (round === 2) memory.warm = await idle(child)
      slowestStop = Math.max(slowestStop, await stop(child))
    }
    const median = [...warm].sort((a, b) => a - b)[1] as number
    const most = Math.max(memory.cold, memory.warm)
    report({ bench: 'startup-cold', ratio: cold.seconds, goal: 6, unit: 's' }, cold.seconds <= 6)
    report({ bench: 'startup-warm', ratio: median, goal: 2, unit: 's', all: warm, slowestStop }, median <= 2)
    report({ bench: 'startup-memory', ratio: most, goal: 150, unit: 'MB', ...memory }, most <= 150)
  } finally {
    removeDataFolder(dataDir)
    rmSync(cache, { recursive: true, force: true })
  }
}
