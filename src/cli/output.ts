/** Where a command writes, and how. */
export type Output = {
  json: boolean
  /** Data: with `--json` as one JSON document, else as text for people. */
  data(value: unknown, text?: string): void
  /** A line for people; nothing with `--json`. */
  say(line: string): void
}

export function createOutput(
  json: boolean,
  stream: Pick<NodeJS.WriteStream, 'write'> = process.stdout,
): Output {
  const line = (text: string) => void stream.write(`${text}\n`)
  return {
    json,
    data: (value, text) => line(json ? JSON.stringify(value) : (text ?? readable(value))),
    say: (text) => {
      if (!json) line(text)
    },
  }
}

/** Any value as indented text, instants as in JSON: `key: value` lines, lists with dashes. */
export function readable(value: unknown, indent = ''): string {
  if (Array.isArray(value))
    return value.length === 0 ? `${indent}(none)` : value.map((each) => item(each, indent)).join('\n')
  if (typeof value !== 'object' || value === null) return `${indent}${flat(value)}`
  return Object.entries(value)
    .map(([key, each]) =>
      isFlat(each) ? `${indent}${key}: ${flat(each)}` : `${indent}${key}:\n${readable(each, `${indent}  `)}`,
    )
    .join('\n')
}

const item = (value: unknown, indent: string): string =>
  isFlat(value)
    ? `${indent}- ${flat(value)}`
    : readable(value, `${indent}  `).replace(`${indent}  `, `${indent}- `)

const isFlat = (value: unknown): boolean =>
  value instanceof Date || typeof value !== 'object' || value === null || Object.keys(value).length === 0

const flat = (value: unknown): string => {
  if (value === null || value === undefined) return '—'
  if (value instanceof Date) return value.toISOString()
  if (typeof value === 'object') return Array.isArray(value) ? '(none)' : '{}'
  return String(value)
}

/** Rows as aligned columns under their headings. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  const render = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return [render(headings), render(widths.map((width) => '─'.repeat(width))), ...rows.map(render)].join('\n')
}
