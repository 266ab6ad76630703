import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const textOf = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8')

const rules = [...textOf('docs/behaviour.md').matchAll(/^- \*\*([A-Z]+-\d+)\*\* (.*)$/gm)].map(
  ([, id = '', sentence = '']) => ({ id, sentence }),
)
const ids = rules.map(({ id }) => id)

/** Where tests name rules. */
const cited = ['src/**/*.test.ts', 'test/**/*.test.ts', 'client/**/*.test.ts']
  .flatMap((pattern) => globSync(pattern, { cwd: ROOT }))
  .flatMap((file) => [...textOf(file).matchAll(/\[([A-Z]+-\d+)\]/g)].map(([, id = '']) => ({ id, file })))

describe('[W-5] docs/behaviour.md', () => {
  test('has rules, each once, as one sentence in its family', () => {
    expect(rules.length).toBeGreaterThan(100)
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([])
    expect(rules.filter(({ sentence }) => !/^\S.*\.$/.test(sentence)).map(({ id }) => id)).toEqual([])
    const families = [...textOf('docs/behaviour.md').matchAll(/^## ([A-Z]+):[\s\S]*?(?=^## |(?![\s\S]))/gm)]
    for (const [section, family] of families)
      for (const [, id = ''] of section.matchAll(/^- \*\*([A-Z]+-\d+)\*\*/gm))
        expect(id).toMatch(new RegExp(`^${family}-`))
  })

  test('has every rule that a test cites', () => {
    expect(cited.filter(({ id }) => !ids.includes(id)).map(({ id, file }) => `${id} in ${file}`)).toEqual([])
  })

  test('has no rule that no test cites', () => {
    expect(ids.filter((id) => !cited.some((each) => each.id === id))).toEqual([])
  })
})
