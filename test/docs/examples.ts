import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/**
 * A fenced block marked `test` is run; the block after it, if it is `http`, `json` or `text`, is what it answers:
 * the status and the headers named; JSON: at least these members; text: these lines in this order. In an answer
 * `$NAME` takes or repeats a value and `…` stands for anything.
 */
export type Example = {
  language: string
  code: string
  line: number
  /** Marked `approver`: a person approves what it asks for, meanwhile. */
  approver: boolean
  answer?: { kind: string; text: string }
}

type Block = { info: string; text: string; line: number }

const ANSWERS = ['http', 'json', 'text']

export function examplesOf(file: string): Example[] {
  const blocks = fencedBlocks(readFileSync(path.join(ROOT, file), 'utf8'))
  return blocks.flatMap(({ info, text, line }, index) => {
    const [language = '', mark, more] = info.split(' ')
    if (mark !== 'test') return []
    const after = blocks[index + 1]
    const answer = after && ANSWERS.includes(after.info) ? { kind: after.info, text: after.text } : undefined
    return [{ language, code: text, line, approver: more === 'approver', answer }]
  })
}

function fencedBlocks(markdown: string): Block[] {
  const blocks: Block[] = []
  let open: Block | undefined
  for (const [index, text] of markdown.split('\n').entries()) {
    const fence = /^```(.*)$/.exec(text)
    if (!fence && open) open.text += `${text}\n`
    else if (fence && open) {
      blocks.push(open)
      open = undefined
    } else if (fence) open = { info: fence[1] ?? '', text: '', line: index + 1 }
  }
  return blocks
}

/** Runs an example as a reader would, in `folder`, with these variables; answers what it printed. */
export async function runExample(
  { language, code }: Example,
  variables: Record<string, string>,
  folder: string,
): Promise<string> {
  const env = { ...variables, PATH: `${commands(folder)}:${process.env.PATH}`, HOME: folder }
  if (language === 'sh') return printed('/bin/sh', ['-e', '-c', code], folder, env)
  // in the project, where packages are found
  return printed(process.execPath, ['--input-type=module', '--eval', code], ROOT, env)
}

/** `curl` and `npx countersign` as the examples call them. */
function commands(folder: string): string {
  const bin = path.join(folder, 'bin')
  mkdirSync(bin, { recursive: true })
  const node = JSON.stringify(process.execPath)
  const scripts = {
    curl: `exec ${node} ${JSON.stringify(path.join(ROOT, 'test/docs/curl.ts'))} "$@"`,
    npx: `shift; exec ${node} ${JSON.stringify(path.join(ROOT, 'src/main.ts'))} "$@"`,
  }
  for (const [name, line] of Object.entries(scripts))
    writeFileSync(path.join(bin, name), `#!/bin/sh\n${line}\n`, { mode: 0o755 })
  return bin
}

function printed(file: string, args: string[], cwd: string, env: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(file, args, { cwd, env, timeout: 25_000 }, (error, stdout, stderr) =>
      error ? reject(new Error(`${error.message}\n${stdout}\n${stderr}`)) : resolve(stdout),
    )
    child.stdin?.end()
  })
}

/** What an answer gives that its example does not say; values of `$NAME` are added to `variables`. Empty: all is well. */
export function differences(
  { answer }: Example,
  output: string,
  variables: Record<string, string>,
): string[] {
  if (!answer) return []
  if (answer.kind === 'text') return textDifferences(answer.text, output, variables)
  if (answer.kind === 'json')
    return jsonDifferences(JSON.parse(answer.text), JSON.parse(output), '', variables)
  const [wantedHead, wantedBody] = halves(answer.text)
  const [head, body] = halves(output)
  const found = textDifferences(wantedHead, head, variables, { ordered: false })
  if (wantedBody.trim() === '') return found
  const isJson = wantedBody.trimStart().startsWith('{')
  return isJson
    ? [...found, ...jsonDifferences(JSON.parse(wantedBody), JSON.parse(body), '', variables)]
    : [...found, ...textDifferences(wantedBody, body, variables)]
}

const halves = (text: string): [string, string] => {
  const at = text.indexOf('\n\n')
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 2)]
}

function textDifferences(
  wanted: string,
  output: string,
  variables: Record<string, string>,
  { ordered } = { ordered: true },
): string[] {
  let rest = output.split('\n')
  for (const line of wanted.split('\n').filter((each) => each.trim() !== '')) {
    const at = rest.findIndex((each) => matches(line.trim(), each.trim(), variables))
    if (at < 0) return [`no line reads ${line.trim()} in:\n${rest.join('\n')}`]
    if (ordered) rest = rest.slice(at + 1)
  }
  return []
}

function jsonDifferences(
  wanted: unknown,
  given: unknown,
  at: string,
  variables: Record<string, string>,
): string[] {
  if (typeof wanted === 'string' && ['string', 'number'].includes(typeof given))
    return matches(wanted, String(given), variables) ? [] : [`${at}: ${wanted} is ${JSON.stringify(given)}`]
  if (typeof wanted !== 'object' || wanted === null)
    return Object.is(wanted, given) ? [] : [`${at}: ${wanted} is ${JSON.stringify(given)}`]
  if (typeof given !== 'object' || given === null) return [`${at} is ${JSON.stringify(given)}`]
  if (Array.isArray(wanted) && (!Array.isArray(given) || wanted.length !== given.length))
    return [`${at} has other elements: ${JSON.stringify(given)}`]
  return Object.entries(wanted).flatMap(([key, each]) =>
    jsonDifferences(each, (given as Record<string, unknown>)[key], `${at}/${key}`, variables),
  )
}

const literal = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** Whether a text is the one wanted; on success the names in it have their values. */
function matches(wanted: string, given: string, variables: Record<string, string>): boolean {
  const names: string[] = []
  const pattern = wanted
    .split(/(…|\$[A-Z][A-Z0-9_]*)/)
    .map((part) => {
      if (part === '…') return '.*'
      if (!/^\$[A-Z]/.test(part)) return literal(part)
      const name = part.slice(1)
      const known = variables[name]
      if (known !== undefined) return literal(known)
      names.push(name)
      return '(.+)'
    })
    .join('')
  const match = new RegExp(`^${pattern}$`).exec(given)
  if (!match) return false
  for (const [index, name] of names.entries()) variables[name] = match[index + 1] as string
  return true
}
