import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { commandApp } from '../../test/config-sync/commands.ts'
import { MAIN, ROOT } from '../../test/harness/command.ts'

/** Processes of the program, beside other tests. */
vi.setConfig({ testTimeout: 120_000 })

/** What util-linux has to give a process a terminal. */
const hasScript = spawnSync('script', ['--version']).stdout?.toString().includes('util-linux') === true

describe.skipIf(!hasScript)('at a terminal', () => {
  let app: Awaited<ReturnType<typeof commandApp>>

  beforeAll(async () => {
    app = await commandApp()
    await app.forms.put('typed', { key: 'typed', name: 'Typed' })
  })
  afterAll(() => app.close())

  /** Runs at a terminal: types each answer once its question is there. */
  async function typing(args: string, env: Record<string, string>, answers: [string, string][] = []) {
    const command = [process.execPath, ...MAIN, 'sync', args].join(' ')
    const child = spawn('script', ['-qec', command, '/dev/null'], {
      cwd: ROOT,
      env: { PATH: process.env.PATH, TERM: 'xterm', ...app.environment(), ...env },
    })
    let text = ''
    child.stdout.on('data', (chunk) => {
      text += chunk
    })
    const ending = once(child, 'close')
    for (const [question, answer] of answers) {
      await vi.waitFor(() => expect(text).toContain(question), { timeout: 60_000 })
      child.stdin.write(answer)
    }
    const [code] = await ending
    return { code, text }
  }

  test('[CLI-11] the token is asked for, and is not shown', async () => {
    const answers: [string, string][] = [['Token of the other organisation: ', `${app.world.live.bearer}\n`]]
    const planned = await typing('plan form/typed --to live', { COUNTERSIGN_OTHER_TOKEN: '' }, answers)
    expect([planned.code, planned.text]).toEqual([0, expect.stringContaining('1 to create')])
    expect(planned.text).not.toContain(app.world.live.bearer)
  })

  test('[CLI-8] there is colour, unless NO_COLOR is set', async () => {
    const coloured = await typing('plan form/typed --to live', {})
    expect(coloured.text).toContain('\u001b[32m+ typed')
    const plain = await typing('plan form/typed --to live', { NO_COLOR: '1' })
    expect(plain.text).not.toContain('\u001b')
  })

  test('[CLI-12] whoever does not say yes has nothing written, whoever does sees how it goes', async () => {
    const id = await app.plan('typed')
    for (const answer of ['n\n', '\n', '\u0003']) {
      const declined = await typing(`apply ${id}`, {}, [['[y/N] ', answer]])
      expect([declined.code, declined.text]).toEqual([1, expect.stringContaining('Nothing was written.')])
    }
    expect((await app.theirs.get('typed')).status).toBe(404)
    const applied = await typing(`apply ${id} --watch`, {}, [['[y/N] ', 'y\n']])
    expect([applied.code, (await app.theirs.get('typed')).status]).toEqual([0, 200])
    expect(applied.text).toContain('[########################] 1/1 100 %')
    // the cursor and the wrapping of lines are given back
    expect(applied.text.lastIndexOf('\u001b[?25h')).toBeGreaterThan(applied.text.lastIndexOf('\u001b[?25l'))
  })
})
