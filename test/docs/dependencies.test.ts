import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from './examples.ts'

const textOf = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8')

function packagesOf(file: string): string[] {
  const { dependencies, devDependencies, optionalDependencies } = JSON.parse(textOf(file))
  return Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies })
}

test('[W-4] docs/dependencies.md has every dependency, each once, and none besides', () => {
  const listed = [...textOf('docs/dependencies.md').matchAll(/^\| (`[^|]+`) \| ([^|]+)/gm)].flatMap(
    ([, names = '', reason = '']) => {
      expect(reason.trim(), names).not.toBe('')
      return names.replaceAll('`', '').split(', ')
    },
  )
  const used = [...packagesOf('package.json'), ...packagesOf('bench/package.json')]
  expect(listed.sort()).toEqual(used.sort())
})
