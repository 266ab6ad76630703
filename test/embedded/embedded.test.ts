import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type Owner, reaches } from '../../src/db/embedded/owner.ts'
import { cleanUp, ended, postmaster, start, tempFolder } from './processes.ts'

const isRoot = process.getuid?.() === 0
const idOf = (flag: string): number => Number(execFileSync('id', [flag, 'nobody']))
const nobody: Owner | undefined = isRoot ? { uid: idOf('-u'), gid: idOf('-g') } : undefined

afterEach(cleanUp)

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
    const from = Date.now()
    for (const { child } of [second, third]) {
      child.kill('SIGTERM')
      await ended(child)
    }
    // the last one out has waited for it
    expect(postmaster(dataDir)).toBeUndefined()
    expect(Date.now() - from).toBeLessThan(5_000)
  })

  test('[D-13] several processes starting at once on a new folder end up on one', async () => {
    const dataDir = path.join(tempFolder(), 'data')
    const started = await Promise.all([start(dataDir), start(dataDir), start(dataDir)])
    expect(started.filter(({ adopted }) => !adopted)).toHaveLength(1)
    expect((await start(dataDir)).before).toBe(3)
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
    expect(statSync(path.join(socket, '.s.PGSQL.5432')).mode & 0o077).toBe(0)
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
      // once made, the cluster stays in its place, whatever becomes of the permissions
      chmodSync(folder, 0o755)
      expect((await start(dataDir)).before).toBe(2)
    },
  )

  test.runIf(isRoot)(
    '[D-26] data that PostgreSQL can enter no more is not replaced by an empty cluster',
    async () => {
      const folder = tempFolder(0o755)
      const dataDir = path.join(folder, 'data')
      const { child } = await start(dataDir)
      child.kill('SIGTERM')
      await ended(child)
      chmodSync(folder, 0o700)
      await expect(start(dataDir)).rejects.toThrow(/cannot enter .* any more, which holds its data/)
      chmodSync(folder, 0o755)
      expect((await start(dataDir)).before).toBe(1)
    },
  )

  // another user than ours can run it only where that user may read the project (not in /root)
  test.runIf(nobody && reaches(import.meta.dirname, nobody))(
    '[D-18] an ordinary user can run it',
    async () => {
      const folder = tempFolder()
      const { uid, gid } = nobody as Owner
      chownSync(folder, uid, gid)
      const dataDir = path.join(folder, 'data')
      await start(dataDir, { uid, gid })
      expect(statSync(`/proc/${postmaster(dataDir)}`).uid).toBe(uid)
    },
  )
})
