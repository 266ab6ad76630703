import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { createMetrics } from '../../src/metrics.ts'
import { actionLiteral, type Operation, routePath } from '../../src/operation/define.ts'
import { ERRORS } from '../../src/operation/errors.ts'
import { OPERATIONS } from '../../src/operations.ts'
import { ROOT } from './examples.ts'

const textOf = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8')

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
const table = (headings: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(headings), `|${'---|'.repeat(headings.length)}`, ...rows.map(row)].join('\n')

const code = (text: string): string => `\`${text}\``

function routeOf(operation: Operation): string {
  const action = actionLiteral(operation)
  return `${code(`${operation.http.method} ${routePath(operation.http)}`)}${action ? `<br>${code(action)}` : ''}`
}

const accessOf = ({ access }: Operation): string =>
  [access.auth, access.scope && code(access.scope), access.owner && 'owners'].filter(Boolean).join(', ')

/** Tables that follow from the code, by the name between the marks in the document. */
const TABLES: Record<string, () => string> = {
  operations: () =>
    table(
      ['operation', 'request', 'effect', 'who, with which scope'],
      OPERATIONS.map((each) => [code(each.id), routeOf(each), each.effect, accessOf(each)]),
    ),
  errors: () =>
    table(
      ['code', 'status', 'retryable', 'what to do'],
      Object.entries(ERRORS).map(([name, { status, retryable, nextAction }]) => [
        code(name),
        String(status),
        retryable ? 'yes' : 'no',
        nextAction,
      ]),
    ),
  metrics: () => {
    const { registry } = createMetrics({ pool: {} } as never)
    const own = registry.getMetricsAsArray().filter(({ name }) => name.startsWith('countersign_'))
    return table(
      ['metric', 'type', 'labels', 'meaning'],
      own.map((metric) => {
        const { name, type, help, labelNames } = metric as typeof metric & { labelNames: string[] }
        return [code(name), String(type), labelNames.map(code).join(', ') || '–', help]
      }),
    )
  },
}

const MARKED = /<!-- (\w+)(?: (\S+))? -->\n[\s\S]*?<!-- \/\1 -->/g

/** The text with what is between marks made anew: a table, or the content of the file named. */
const filled = (text: string): string =>
  text.replaceAll(MARKED, (_, name: string, file: string | undefined) => {
    const made = file ? `\`\`\`ts\n${textOf(file)}\`\`\`` : TABLES[name]?.()
    if (made === undefined) throw new Error(`there is no table ${name}`)
    return `<!-- ${name}${file ? ` ${file}` : ''} -->\n${made}\n<!-- /${name} -->`
  })

// "vitest run test/docs -u" writes them
test.each([
  ['CONTRIBUTING.md', ['file src/sessions/cancel.ts']],
  ['docs/api.md', ['operations']],
  ['docs/agents.md', ['errors']],
  ['docs/operating.md', ['metrics']],
])('[W-2] what %s takes from the code is that of the code', async (file, names) => {
  const text = textOf(file)
  for (const name of names) expect(text).toContain(`<!-- ${name} -->`)
  await expect(filled(text)).toMatchFileSnapshot(path.join(ROOT, file))
})

test('[W-2] the section on the configuration hub says what each of its requests is for, and names no other', () => {
  const [section = ''] = /^## Configuration hub$[\s\S]*?(?=^## )/m.exec(textOf('docs/api.md')) ?? []
  const named = [...section.matchAll(/^\|(?! to ).*\|$/gm)].flatMap(([line]) =>
    [...line.matchAll(/`([A-Z]+ \/[^`]+)`/g)].map((match) => match[1] as string),
  )
  const hub = OPERATIONS.filter(({ surface }) => surface === 'configuration-hub')
  expect(named.sort()).toEqual(hub.map(({ http }) => `${http.method} ${http.path}`).sort())
})

test('[W-2] the configuration that is described is the configuration that is read', () => {
  const sources = textOf('src/config.ts') + textOf('src/stripe/config.ts')
  const read = [...sources.matchAll(/^ {2}([A-Z_]+): z$|^ {2}([A-Z_]+): z\./gm)].map(
    (match) => match[1] ?? match[2],
  )
  expect(read).toContain('COUNTERSIGN_SECRET')
  for (const file of ['README.md', 'docs/operating.md']) {
    const described = [...textOf(file).matchAll(/^\| (`[A-Z_]+`(?:, `[A-Z_]+`)*) \|/gm)].flatMap((match) =>
      (match[1] as string).replaceAll('`', '').split(', '),
    )
    expect(described.sort(), file).toEqual(read.sort())
  }
})

const documents = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md']
  .concat(readdirSync(path.join(ROOT, 'docs')).map((name) => `docs/${name}`))
  .filter((name) => name.endsWith('.md'))

/** As GitHub makes them of headings. */
const anchorsOf = (text: string): string[] =>
  [...text.matchAll(/^#+ (.*)$/gm)].map((match) =>
    (match[1] as string)
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )

test.each(documents)('[W-3] the links of %s lead somewhere', (file) => {
  const links = [...textOf(file).matchAll(/\]\(([^)\s]+)\)|src="([^"]+)"/g)].map(
    (match) => (match[1] ?? match[2]) as string,
  )
  for (const link of links.filter((each) => !/^https?:/.test(each))) {
    const [target = '', anchor] = link.split('#')
    const at = target === '' ? file : path.join(path.dirname(file), target)
    expect(() => textOf(at), `${file} links ${link}`).not.toThrow()
    if (anchor) expect(anchorsOf(textOf(at)), `${file} links ${link}`).toContain(anchor)
  }
})

test('[W-2] the picture of the demo shows the steps that it has', () => {
  const picture = textOf('docs/demo.svg').replaceAll('&amp;', '&')
  const acts = ['schedule', 'drift', 'promotion'].map((act) => textOf(`src/demo/${act}-act.ts`)).join('\n')
  const steps = [...acts.matchAll(/screen\.step\(\s*[^,]+,\s*'([^']+)'/g)]
  expect(steps.length).toBeGreaterThan(5)
  for (const [, what] of steps) expect(picture, 'node docs/record-demo.ts draws it anew').toContain(what)
})
