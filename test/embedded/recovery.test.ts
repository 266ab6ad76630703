import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync, existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import pg from 'pg'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { ownerForRoot } from '../../src/db/embedded/owner.ts'
import { isAlive, mayHavePostgres } from '../../src/db/embedded/process.ts'
import { cleanUp, clusterOf, ended, postmaster, spawnHolder, start, tempFolder } from './processes.ts'

const dataFolder = () => path.join(tempFolder(), 'data')
const lockOf = (dataDir: string) => path.join(clusterOf(dataDir), 'postmaster.pid')

/** A cluster that is down, with the lock file that a crash leaves, naming this pid. */
async function crashed(dataDir: string, pid: number): Promise<void> {
  const { child } = await start(dataDir)
  const lock = readFileSync(lockOf(dataDir), 'utf8')
  child.kill('SIGTERM')
  await ended(child)
  expect(postmaster(dataDir)).toBeUndefined()
  writeFileSync(lockOf(dataDir), lock.replace(/^\d+/, String(pid)))
}

const innocents: ChildProcess[] = []

/** A program of PostgreSQL's user that has nothing to do with it: PostgreSQL itself overlooks those of other users. */
function innocent(cwd: string, argv0 = 'sleep'): number {
  const child = spawn('sleep', ['60'], { ...ownerForRoot(), argv0, cwd, stdio: 'ignore' })
  innocents.push(child)
  return child.pid as number
}

/** The guard's shell, and its `cat`, which has the named pipe open. */
const guardsOf = (run: string): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const shell = readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(`\0${run}/holders\0`)
        const parent = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1])
        return [{ pid: Number(name), shell, parent }]
      } catch {
        return []
      }
    })
    .filter(({ shell, parent }, _, all) => shell || all.some((each) => each.shell && each.pid === parent))
    .map(({ pid }) => pid)

afterEach(async () => {
  for (const child of innocents.splice(0)) child.kill('SIGKILL')
  await cleanUp()
})

describe('embedded PostgreSQL', () => {
  test('[D-27] killed while two processes hold it, it is started again, and holds for either of them', async () => {
    const dataDir = dataFolder()
    const [first, second] = [await start(dataDir), await start(dataDir)]
    const killed = postmaster(dataDir) as number
    process.kill(killed, 'SIGKILL')
    await vi.waitFor(() => expect([undefined, killed]).not.toContain(postmaster(dataDir)), {
      timeout: 10_000,
    })
    const again = postmaster(dataDir)
    const third = await start(dataDir)
    expect(third).toMatchObject({ adopted: true, before: 2 })
    for (const { child } of [first, third]) {
      child.kill('SIGKILL')
      await ended(child)
    }
    expect(await start(dataDir)).toMatchObject({ adopted: true, before: 3 })
    expect(postmaster(dataDir)).toBe(again)
    expect(second.child.exitCode).toBeNull()
  })

  test('[D-41] when the guard is killed too, the next start adopts what runs on, and it ends with its new holder', async () => {
    const dataDir = dataFolder()
    const first = await start(dataDir)
    const pid = postmaster(dataDir)
    for (const guard of guardsOf(first.socket)) process.kill(guard, 'SIGKILL')
    first.child.kill('SIGKILL')
    await ended(first.child)
    const second = await start(dataDir)
    expect(second).toMatchObject({ adopted: true, before: 1 })
    expect(postmaster(dataDir)).toBe(pid)
    second.child.kill('SIGKILL')
    await vi.waitFor(() => expect(postmaster(dataDir)).toBeUndefined(), { timeout: 15_000 })
  })

  test('[D-47] killed while it starts PostgreSQL, a process leaves none behind', async () => {
    const dataDir = dataFolder()
    const { child } = await start(dataDir)
    child.kill('SIGTERM')
    await ended(child)
    const starting = spawnHolder(dataDir)
    await vi.waitFor(() => expect(postmaster(dataDir)).toBeDefined(), { timeout: 15_000, interval: 1 })
    starting.kill('SIGKILL')
    await vi.waitFor(() => expect(postmaster(dataDir)).toBeUndefined(), { timeout: 15_000 })
    expect((await start(dataDir)).before).toBe(1)
  })

  test('[D-14] a lock file whose pid belongs to another program does not keep it from starting', async () => {
    const dataDir = dataFolder()
    await crashed(dataDir, innocent('/'))
    expect((await start(dataDir)).before).toBe(1)
  })

  test('[D-28] a stale lock file that names another cluster’s PostgreSQL does not keep it from starting', async () => {
    const [other, dataDir] = [dataFolder(), dataFolder()]
    await start(other)
    await crashed(dataDir, postmaster(other) as number)
    expect((await start(dataDir)).before).toBe(1)
    expect(isAlive(postmaster(other) as number)).toBe(true)
  })

  test('[D-29] a lock file is kept while a process of its PostgreSQL lives', async () => {
    const dataDir = dataFolder()
    await crashed(dataDir, innocent('/'))
    // what a backend that outlived its postmaster looks like: it works in the data directory, under that name
    const survivor = innocent(clusterOf(dataDir), 'postgres: survivor')
    await vi.waitFor(() => expect(mayHavePostgres(clusterOf(dataDir))).toBe(true))
    const starting = start(dataDir)
    const log = path.join(path.dirname(clusterOf(dataDir)), 'postgres.log')
    await vi.waitFor(() => expect(readFileSync(log, 'utf8')).toMatch(/lock file ".*" already exists/), {
      timeout: 15_000,
    })
    expect(existsSync(lockOf(dataDir))).toBe(true)
    process.kill(survivor, 'SIGKILL')
    expect((await starting).before).toBe(1)
  })

  test('[D-30] a damaged lock file does not keep it from starting', async () => {
    const dataDir = dataFolder()
    await crashed(dataDir, process.pid)
    writeFileSync(lockOf(dataDir), '')
    expect((await start(dataDir)).before).toBe(1)
  })

  test('[D-31] when it cannot run, its own reason is told at once', async () => {
    const dataDir = dataFolder()
    await crashed(dataDir, process.pid)
    appendFileSync(path.join(clusterOf(dataDir), 'postgresql.conf'), '\nnonsense = 1\n')
    const from = Date.now()
    await expect(start(dataDir)).rejects.toThrow(
      /did not start: .*unrecognized configuration parameter "nonsense"/,
    )
    expect(Date.now() - from).toBeLessThan(25_000)
  })

  test('[D-32] one data folder reached by two names is one cluster', async () => {
    const folder = tempFolder()
    const dataDir = path.join(folder, 'data')
    await start(dataDir)
    symlinkSync(folder, path.join(folder, 'link'))
    expect(await start(path.join(folder, 'link', 'data'))).toMatchObject({ adopted: true, before: 1 })
  })

  test('[D-33] neither our secrets nor the machine’s settings reach it, nor does the environment steer us', async () => {
    const dataDir = dataFolder()
    const env = {
      COUNTERSIGN_SECRET: 'canary-secret',
      TZ: 'Asia/Tokyo',
      LC_ALL: 'xx_XX',
      PGSSLMODE: 'require',
    }
    await start(dataDir, { env: { ...process.env, ...env } })
    const environment = readFileSync(`/proc/${postmaster(dataDir)}/environ`, 'utf8')
    expect(environment).toContain('LC_ALL=C\0')
    expect(environment).not.toContain('canary-secret')
  })

  test('[D-48] its log does not quote what a failed statement was given', async () => {
    const dataDir = dataFolder()
    const { socket } = await start(dataDir)
    const client = new pg.Client({
      host: socket,
      port: 5432,
      user: 'countersign',
      database: 'postgres',
      ssl: false,
    })
    await client.connect()
    await client.query('CREATE TABLE secrets (value text PRIMARY KEY)')
    for (const [code, statement] of [
      ['22P02', "SELECT 'canary-secret'::int"],
      ['23505', "INSERT INTO secrets VALUES ('canary-secret'), ('canary-secret')"],
      ['P0001', "DO $$ BEGIN RAISE 'canary-secret'; END $$"],
    ] as const)
      await expect(client.query(statement)).rejects.toMatchObject({ code })
    await client.end()
    const log = readFileSync(path.join(path.dirname(clusterOf(dataDir)), 'postgres.log'), 'utf8')
    expect(log).toContain('ready to accept connections')
    expect(log).not.toContain('canary-secret')
  })
})
