import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { keptFile } from './kept-file.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'cs-kept-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('[D-39] processes that start together read one text, and nothing else is left behind', async () => {
  const file = path.join(folder, 'secret')
  const module = fileURLToPath(new URL('./kept-file.ts', import.meta.url))
  const script = `const { keptFile } = await import(${JSON.stringify(module)})
    process.stdout.write(keptFile(${JSON.stringify(file)}, () => String(process.pid), 0o600))`
  const run = () => spawn(process.execPath, ['--input-type=module', '-e', script]).stdout
  const texts = await Promise.all(Array.from({ length: 6 }, () => text(run())))
  expect(new Set(texts).size).toBe(1)
  expect(texts[0]).toMatch(/^\d+$/)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(readdirSync(folder)).toEqual(['secret'])
})

test('[D-40] what a killed process left half made is not taken for the file', () => {
  const file = path.join(folder, 'secret')
  writeFileSync(`${file}.${process.pid}`, 'ha')
  expect(keptFile(file, () => 'whole', 0o600)).toBe('whole')
  expect(keptFile(file, () => 'another', 0o600)).toBe('whole')
})
