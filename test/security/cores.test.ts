import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const pattern = process.platform === 'linux' ? readFileSync('/proc/sys/kernel/core_pattern', 'utf8') : '|'
const CORES = fileURLToPath(new URL('../../src/cores.ts', import.meta.url))
const BIN = fileURLToPath(new URL('../../bin/countersign.mjs', import.meta.url))

/** The core dump of a process that had a secret in its memory and aborted. */
function coreOf(before: string): Buffer {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'cs-core-'))
  try {
    const script = `${before}; globalThis.kept = ['c4n4ry', 'of', 'memory'].join('-'); process.abort()`
    const run = [
      '-c',
      'ulimit -c unlimited; exec "$0" "$@"',
      process.execPath,
      '--input-type=module',
      '-e',
      script,
    ]
    spawnSync('/bin/sh', run, { cwd: folder })
    const [core] = readdirSync(folder)
    return core === undefined ? Buffer.alloc(0) : readFileSync(path.join(folder, core))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

// where dumps go to a program or another folder, a test cannot look at them
test.skipIf(/^[|/]/.test(pattern))('[SJ-44] a core dump has nothing of what was in memory', () => {
  const without = coreOf('')
  // there may be a hard limit, and then there is nothing to show
  if (without.length > 0) expect(without.includes('c4n4ry-of-memory')).toBe(true)
  const core = coreOf(`(await import(${JSON.stringify(CORES)})).withoutCores()`)
  expect(core.length).toBeLessThan(4_000_000)
  expect(core.includes('c4n4ry-of-memory')).toBe(false)
})

test('[SJ-44] the program runs with a limit of 0 for them, whatever the limit was', () => {
  const shown = spawnSync('/bin/sh', [
    ...['-c', 'ulimit -c unlimited 2>/dev/null; exec "$0" "$@"', process.execPath, BIN, '--version'],
  ])
  expect([shown.status, shown.stdout.toString()]).toEqual([0, expect.stringMatching(/^\d+\.\d+/)])
  const limited = spawnSync('/bin/sh', ['-c', `${limitIn(BIN)}; ulimit -c; ulimit -Hc`])
  expect(limited.stdout.toString()).toBe('0\n0\n')
})

/** What the wrapper has a shell do before the program takes its place. */
function limitIn(file: string): string {
  const [, command] = /'(ulimit [^;]*);/.exec(readFileSync(file, 'utf8')) ?? []
  return command as string
}
