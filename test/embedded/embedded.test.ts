import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { isPostgres } from '../../src/db/embedded/owner.ts'

const HOLDER = fileURLToPath(new URL('./holder.ts', import.meta.url))
const isRoot = process.getuid?.() === 0

type Started = { child: ChildProcess; adopted: boolean; before: number; socket: string; tookMs: number }

const folders: string[] = []
const children: ChildProcess[] = []
const tempFolder = (mode = 0o755): string => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'cs-emb-'))
  chmodSync(folder, mode)
  folders.push(folder)
  return folder
}

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  for (const folder of folders.splice(0)) {
    const note = path.join(folder, 'data', 'postgres-location')
    await vi.waitFor(() => expect(postmaster(path.join(folder, 'data'))).toBeUndefined(), { timeout: 8_000 })
    if (existsSync(note)) rmSync(readFileSync(note, 'utf8').trim(), { recursive: true, force: true })
    rmSync(folder, { recursive: true, force: true })
  }
})

const homeOf = (dataDir: string): string => {
  const note = path.join(dataDir, 'postgres-location')
  return existsSync(note) ? readFileSync(note, 'utf8').trim() : dataDir
}

/** The pid of the folder's living PostgreSQL. */
function postmaster(dataDir: string): number | undefined {
  const file = path.join(homeOf(dataDir), 'pg18', 'postmaster.pid')
  if (!existsSync(file)) return undefined
  const pid = Number.parseInt(readFileSync(file, 'utf8'), 10)
  return isPostgres(pid) ? pid : undefined
}

async function start(dataDir: string, user: { uid?: number; gid?: number } = {}): Promise<Started> {
  const from = Date.now()
  const child = spawn(process.execPath, [HOLDER, dataDir], {
    ...user,
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: '/',
  })
  children.push(child)
  let errors = ''
  child.stderr?.on('data', (data) => {
    errors += data
  })
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout?.once('data', (data) => resolve(String(data)))
    child.once('exit', (code) => reject(new Error(`holder ended with ${code}: ${errors}`)))
  })
  return {
    child,
    ...(JSON.parse(line) as { adopted: boolean; before: number; socket: string }),
    tookMs: Date.now() - from,
  }
}

const ended = (child: ChildProcess) => new Promise<void>((resolve) => child.once('exit', () => resolve()))

describe('embedded PostgreSQL', () => {
  test('[D-11] after kill -9 of its parent it stops, and the next start serves every committed row within 5 s', async () => {
    const dataDir = path.join(tempFolder(), 'data')
    const first = await start(dataDir)
    expect(first).toMatchObject({ adopted: false, before: 0 })
    first.child.kill('SIGKILL')
    const second = await start(dataDir)
    expect(second.before).toBe(1)
    expect(second.tookMs).toBeLessThan(5_000)
    second.child.kill('SIGKILL')
    await vi.waitFor(() => expect(postmaster(dataDir)).toBeUndefined(), { timeout: 5_000 })
  })

  test('[D-12] several processes share one; it outlives the one that started it and stops with the last', async () => {
    const dataDir = path.join(tempFolder(), 'data')
    const [first, second] = [await start(dataDir), await start(dataDir)]
    expect([first.adopted, second.adopted]).toEqual([false, true])
    const pid = postmaster(dataDir)
    first.child.kill('SIGKILL')
    await ended(first.child)
    const third = await start(dataDir)
    expect(third).toMatchObject({ adopted: true, before: 2 })
    expect(postmaster(dataDir)).toBe(pid)
    for (const { child } of [second, third]) {
      child.kill('SIGTERM')
      await ended(child)
    }
    await vi.waitFor(() => expect(postmaster(dataDir)).toBeUndefined(), { timeout: 5_000 })
  })

  test('[D-13] several processes starting at once on a new folder end up on one', async () => {
    const dataDir = path.join(tempFolder(), 'data')
    const started = await Promise.all([start(dataDir), start(dataDir), start(dataDir)])
    expect(started.filter(({ adopted }) => !adopted)).toHaveLength(1)
    expect((await start(dataDir)).before).toBe(3)
  })

  test('[D-14] a lock file whose pid belongs to somebody else does not keep it from starting', async () => {
    const dataDir = path.join(tempFolder(), 'data')
    const first = await start(dataDir)
    const pid = postmaster(dataDir) as number
    process.kill(pid, 'SIGKILL')
    first.child.kill('SIGKILL')
    await vi.waitFor(() => expect(isPostgres(pid)).toBe(false), { timeout: 5_000 })
    const lock = path.join(homeOf(dataDir), 'pg18', 'postmaster.pid')
    const text = existsSync(lock) ? readFileSync(lock, 'utf8') : `${pid}\n`
    writeFileSync(lock, text.replace(/^\d+/, String(process.pid)))
    expect((await start(dataDir)).before).toBe(1)
  })

  test('[D-15] data of another major version is refused with advice', async () => {
    const dataDir = path.join(tempFolder(), 'data')
    mkdirSync(path.join(dataDir, 'pg17'), { recursive: true })
    await expect(start(dataDir)).rejects.toThrow(/pg17 holds data of PostgreSQL 17, this release runs 18/)
  })

  test('[D-16] it listens on a socket in a private folder and nowhere else', async () => {
    const dataDir = path.join(tempFolder(), 'data')
    const { socket } = await start(dataDir)
    expect(statSync(socket).mode & 0o077).toBe(0)
    const options = readFileSync(`/proc/${postmaster(dataDir)}/cmdline`, 'utf8')
    expect(options).toContain('listen_addresses=\0')
  })

  test.runIf(isRoot)(
    '[D-17] root can keep data below a folder that only root may enter, and nobody’s permissions change',
    async () => {
      const folder = tempFolder(0o700)
      const dataDir = path.join(folder, 'data')
      const first = await start(dataDir)
      first.child.kill('SIGTERM')
      await ended(first.child)
      expect(statSync(folder).mode & 0o777).toBe(0o700)
      expect((await start(dataDir)).before).toBe(1)
    },
  )

  test.runIf(isRoot)('[D-18] an ordinary user can run it', async () => {
    const folder = tempFolder()
    const [uid, gid] = [
      Number(execFileSync('id', ['-u', 'nobody'])),
      Number(execFileSync('id', ['-g', 'nobody'])),
    ]
    chownSync(folder, uid, gid)
    const dataDir = path.join(folder, 'data')
    await start(dataDir, { uid, gid })
    expect(statSync(`/proc/${postmaster(dataDir)}`).uid).toBe(uid)
  })
})
