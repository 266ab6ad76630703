import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
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

const METHOD = `startup: from spawning what "npm start" runs to the first 200 of /readyz, on a fresh folder (cold) and again on the
same one (warm, median of 3); resident memory of the Node process after ${IDLE_MS / 1000} s of idling.`

async function start(dataDir: string): Promise<{ child: ChildProcess; seconds: number }> {
  const from = performance.now()
  const child = spawn(process.execPath, START, {
    cwd: ROOT,
    env: { ...process.env, PORT: String(PORT), COUNTERSIGN_DATA_DIR: dataDir, LOG_LEVEL: 'warn' },
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
  try {
    const cold = await start(dataDir)
    await stop(cold.child)
    const warm: number[] = []
    let memory = 0
    let stopped = 0
    for (let round = 0; round < 3; round++) {
      const { child, seconds } = await start(dataDir)
      warm.push(seconds)
      if (round === 2) {
        await setTimeout(IDLE_MS)
        memory = residentMb(child.pid as number)
      }
      stopped = Math.max(stopped, await stop(child))
    }
    const median = warm.sort((a, b) => a - b)[1] as number
    report({ bench: 'startup-cold', ratio: cold.seconds, goal: 6, unit: 's' }, cold.seconds <= 6)
    report(
      { bench: 'startup-warm', ratio: median, goal: 2, unit: 's', all: warm, slowestStop: stopped },
      median <= 2,
    )
    report({ bench: 'startup-memory', ratio: memory, goal: 150, unit: 'MB' }, memory <= 150)
  } finally {
    removeDataFolder(dataDir)
  }
}
