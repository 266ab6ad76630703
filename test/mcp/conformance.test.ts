import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runBin } from './command.ts'
import { startConformanceServer } from './conformance-server.ts'

/** A run takes about 3 s; the suite itself gives up on a scenario after 30 s. */
const LIMIT_MS = 180_000

type Outcome = { passed: string[]; failed: string[]; code: number | null; output: string }

/** Runs what a revision requires against our handler. Only its scored scenarios are answered. */
async function conformance(revision: string, how: { sessions: boolean }): Promise<Outcome> {
  const server = await startConformanceServer(how)
  const results = await mkdtemp(join(tmpdir(), 'conformance-'))
  try {
    const args = ['server', '--url', server.url, '--requirements', revision, '--output-dir', results]
    const { code, stdout, stderr } = await runBin('@modelcontextprotocol/conformance', 'conformance', args)
    const [, report = ''] = stdout.split('=== SUMMARY ===')
    const [all = '', unscored = ''] = report.split('Not scored')
    const named = (mark: string, text: string) =>
      [...text.matchAll(new RegExp(`^\\s*${mark} ([a-z0-9-]+)`, 'gm'))].map((match) => match[1] as string)
    const skipped = new Set([...named('✓', unscored), ...named('✗', unscored)])
    const scored = (mark: string) => named(mark, all).filter((name) => !skipped.has(name))
    return { passed: scored('✓'), failed: scored('✗'), code, output: stdout + stderr }
  } finally {
    await server.stop()
    await rm(results, { recursive: true })
  }
}

/** In these the server sends a request of its own and waits for the answer, which needs a session it remembers. */
const NEED_SESSIONS = [
  'elicitation-sep1034-defaults',
  'elicitation-sep1330-enums',
  'tools-call-elicitation',
  'tools-call-sampling',
]

test('[M-13] every scored scenario of 2026-07-28 passes', { timeout: LIMIT_MS }, async () => {
  const { passed, failed, code, output } = await conformance('2026-07-28', { sessions: false })
  expect(failed, output).toEqual([])
  expect(passed).toHaveLength(37)
  expect(code).toBe(0)
})

test('[M-13] served statelessly, 2025-11-25 passes but for the scenarios that need sessions', {
  timeout: LIMIT_MS,
}, async () => {
  const { passed, failed, output } = await conformance('2025-11-25', { sessions: false })
  expect(failed.sort(), output).toEqual(NEED_SESSIONS)
  expect(passed).toHaveLength(26)
})

test('[M-13] with sessions on the same handler, every scored scenario of 2025-11-25 passes', {
  timeout: LIMIT_MS,
}, async () => {
  const { passed, failed, code, output } = await conformance('2025-11-25', { sessions: true })
  expect(failed, output).toEqual([])
  expect(passed).toHaveLength(30)
  expect(code).toBe(0)
})

test('[M-13] docs/deviations.md names exactly those scenarios', async () => {
  const deviations = await readFile(new URL('../../docs/deviations.md', import.meta.url), 'utf8')
  const [, section = ''] = deviations.split(/^## MCP.*$/m)
  const named = [...section.matchAll(/`((?:tools-call|elicitation)-[a-z0-9-]+)`/g)].map((match) => match[1])
  expect(named.sort()).toEqual(NEED_SESSIONS)
})
