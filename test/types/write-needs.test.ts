import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const file = fileURLToPath(new URL('write-needs.test-d.ts', import.meta.url))
const project = fileURLToPath(new URL('tsconfig.json', import.meta.url))
const compiler = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url))

/** What the compiler says; empty when it is content. */
const compile = (): Promise<string> =>
  promisify(execFile)(process.execPath, [compiler, '--project', project]).then(
    ({ stdout }) => stdout,
    (error: { stdout?: string }) => error.stdout || String(error),
  )

test('[K-8] a write without preview, confirmation, audit or apply does not compile, nor an unknown error code', async () => {
  expect(await compile()).toBe('')
  const expectations = readFileSync(file, 'utf8').match(/^\/\/ @ts-expect-error/gm) ?? []
  expect(expectations.length).toBe(17)
})
