import type { ReadStream } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Command, Option } from 'commander'
import { requestOf, type Target } from '../operation/cli.ts'
import type { Operation } from '../operation/define.ts'
import { Problem } from '../operation/errors.ts'
import { type Closure, treeLines } from './config-tree.ts'
import { EXIT, Refused, Unreachable } from './exit.ts'
import { type Output, table } from './output.ts'
import { type Call, count, type Given, named, remoteCommands } from './remote.ts'

type Lines = Record<string, unknown>

const LINES = 'application/x-ndjson'

/** `configs …`: the configuration of an organisation, on a running server. */
export function configCommands(
  program: Command,
  operations: readonly Operation[],
  env: NodeJS.ProcessEnv,
  output: () => Output,
): void {
  // so that "configs show --version 3" is not the program's own --version
  program.enablePositionalOptions()
  const configs = program.command('configs').description('the configuration of an organisation')
  const { command, target: targetOf, calling } = remoteCommands(configs, operations, env)

  command('import', 'create or replace configurations from lines of JSON, as exported')
    .argument('<file>', 'the file, or - for standard input')
    .addOption(
      new Option('--on-conflict <what>', 'what happens to those that are there already')
        .choices(['replace', 'skip', 'fail'])
        .default('replace'),
    )
    .action(async (file: string, { onConflict, ...given }: Given & { onConflict: string }) => {
      const { path } = requestOf(named(operations, 'config-store.documents.import'), {})
      const totals = await importLines(`${path}?on_conflict=${onConflict}`, file, targetOf(given))
      if (totals.refused > 0) process.exitCode = EXIT.refused
      output().data({ ok: totals.refused === 0, ...totals })
    })
  command('export', 'write configurations as lines of JSON')
    .option('--type <type>', 'of this type only')
    .option('--out <file>', 'to this file, which is there once it is complete')
    .action(async ({ type, out, ...given }: Given & { type?: string; out?: string }) => {
      const { path } = requestOf(
        named(operations, 'config-store.documents.export'),
        type === undefined ? {} : { type },
      )
      const lines = await exportLines(path, out, targetOf(given))
      if (out !== undefined) output().data({ ok: true, configurations: lines, file: out })
      else if (lines !== undefined) process.stderr.write(`${lines} configurations\n`)
    })
  command('ls', 'list types, or the configurations of one')
    .argument('[type]')
    .option('--q <text>', 'whose title or id holds this')
    .option('--sort <order>')
    .option('--limit <n>', 'at most so many', count, 100)
    .action(async (type: string | undefined, options: Given & Listing) => {
      if (type === undefined) return listTypes(calling(options), output())
      return listConfigs(calling(options), type, options, output())
    })
  command('show', 'show a configuration of the built-in store')
    .argument('<type>')
    .argument('<id>')
    .option('--version <n>', 'as this version had it', count)
    .action(async (type: string, id: string, { version, ...given }: Given & { version?: number }) => {
      const call = calling(given)
      const document = await (version === undefined
        ? call('config-store.documents.read', { type, id })
        : call('config-store.versions.read', { type, id, version }))
      output().data(document, JSON.stringify(document, null, 2))
    })
  command('graph', 'show what a configuration needs, or what needs it')
    .argument('<type>')
    .argument('<id>')
    .addOption(new Option('--direction <way>').choices(['dependencies', 'used_by']).default('dependencies'))
    .option('--depth <n>', 'at most so many steps', count)
    .action(async (type: string, id: string, { direction, depth, ...given }: Given & Walk) => {
      const input = { type, id, direction, include: 'custom', ...(depth === undefined ? {} : { depth }) }
      const closure = (await calling(given)('config-hub.graph.closure', input)) as Closure
      output().data(closure, treeLines(closure).join('\n'))
      if (closure.deeper) output().say('There is more beyond this depth.')
      if (closure.truncated) output().say('There is more than one answer holds.')
    })
}

type Walk = { direction: string; depth?: number }

type Totals = {
  created: number
  replaced: number
  unchanged: number
  skipped: number
  /** Lines of batches that were refused as a whole. */
  refused: number
  errors: { line?: number; message: string }[]
}

/** What an import answers for each batch of lines. */
type BatchAnswer = {
  first_line: number
  last_line: number
  ok?: false
  detail?: string
} & Partial<Totals> & {
    errors?: { line?: number; pointer: string; message: string }[]
  }

/** More are not worth reading; the next run names the rest. */
const MOST_ERRORS = 100
const COUNTS = ['created', 'replaced', 'unchanged', 'skipped'] as const

/** Sends a file of lines and tells each batch on standard error. Answers what became of the lines. */
async function importLines(path: string, file: string, target: Target): Promise<Totals> {
  const source = file === '-' ? process.stdin : await readable(file)
  const totals: Totals = { created: 0, replaced: 0, unchanged: 0, skipped: 0, refused: 0, errors: [] }
  try {
    const response = await request(path, target, {
      method: 'POST',
      headers: { 'content-type': LINES },
      body: Readable.toWeb(source) as NonNullable<RequestInit['body']>,
      duplex: 'half',
    })
    for await (const line of linesOf(response, target.url)) {
      const answer = JSON.parse(line) as BatchAnswer
      addTo(totals, answer)
      process.stderr.write(`${told(answer)}\n`)
    }
    return totals
  } finally {
    // a refusal is answered before all is sent; who still writes to us would keep us waiting
    source.destroy()
  }
}

function addTo(totals: Totals, answer: BatchAnswer): void {
  for (const name of COUNTS) totals[name] += answer[name] ?? 0
  if (answer.ok !== false) return
  totals.refused += answer.last_line - answer.first_line + 1
  const errors = answer.errors ?? [{ line: answer.first_line, pointer: '', message: String(answer.detail) }]
  totals.errors.push(...errors.slice(0, MOST_ERRORS - totals.errors.length))
}

function told(answer: BatchAnswer): string {
  const lines = `lines ${answer.first_line}-${answer.last_line}`
  if (answer.ok === false) return `${lines}: refused: ${answer.detail}`
  return `${lines}: ${COUNTS.map((name) => `${answer[name]} ${name}`).join(', ')}`
}

/** Writes the lines to a file or to standard output; answers how many. */
async function exportLines(
  path: string,
  out: string | undefined,
  target: Target,
): Promise<number | undefined> {
  if (out === undefined) return written(path, process.stdout, target).catch(unlessClosed)
  const partial = `${out}.part`
  const file = await opening(partial, 'w')
  try {
    const lines = await written(path, file.createWriteStream(), target)
    await rename(partial, out)
    return lines
  } finally {
    await rm(partial, { force: true })
  }
}

async function written(path: string, to: NodeJS.WritableStream, target: Target): Promise<number> {
  const response = await request(path, target, { headers: { accept: LINES } })
  let lines = 0
  async function* counted(chunks: AsyncIterable<Uint8Array>) {
    for await (const chunk of chunks) {
      for (const byte of chunk) if (byte === 0x0a) lines++
      yield chunk
    }
  }
  await pipeline(bytesOf(response, target.url), counted, to, { end: to !== process.stdout })
  return lines
}

/** A reader that has enough, as `head` has, is no error. */
function unlessClosed(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'EPIPE') throw error
}

/** A request whose answer is a stream. Throws `Refused` with the problem, `Unreachable` when nothing answers. */
async function request(
  path: string,
  { url, key }: Target,
  init: RequestInit & { duplex?: 'half' },
): Promise<Response> {
  const headers = { ...init.headers, ...(key ? { authorization: `Bearer ${key}` } : {}) }
  const response = await fetch(`${url}${path}`, { ...init, headers }).catch((error: unknown) => {
    throw new Unreachable(url, error)
  })
  if (response.ok) return response
  throw new Refused((await response.json().catch(() => ({ detail: `HTTP ${response.status}` }))) as Lines)
}

async function readable(file: string): Promise<ReadStream> {
  const opened = await opening(file, 'r')
  if (!(await opened.stat()).isDirectory()) return opened.createReadStream()
  await opened.close()
  throw new Problem('malformed-request', { detail: `${file} is a directory.` })
}

const opening = (file: string, flags: 'r' | 'w'): Promise<FileHandle> =>
  open(file, flags).catch((error: NodeJS.ErrnoException) => {
    throw new Problem('malformed-request', { detail: `${file} cannot be opened (${error.code}).` })
  })

async function* bytesOf(response: Response, url: string): AsyncGenerator<Uint8Array> {
  if (!response.body) return
  try {
    yield* response.body
  } catch (error) {
    // an answer that breaks off in the middle
    throw new Unreachable(url, error)
  }
}

async function* linesOf(response: Response, url: string): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of bytesOf(response, url)) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = parts.pop() as string
    yield* parts.filter((part) => part !== '')
  }
  if (rest !== '') yield rest
}

type Listing = { q?: string; sort?: string; limit: number }
type Listed = { id: string; title: string; updated_at?: string; active?: boolean }

async function listTypes(call: Call, output: Output): Promise<void> {
  const answer = (await call('config-hub.types.list', { include: 'custom' })) as {
    results: { type: string; label: string }[]
  }
  output.data(
    answer,
    table(
      ['type', 'label'],
      answer.results.map(({ type, label }) => [type, label]),
    ),
  )
}

/** Pages as far as the limit. */
async function listConfigs(
  call: Call,
  type: string,
  { q, sort, limit }: Listing,
  output: Output,
): Promise<void> {
  const filter = { type, include: 'custom', ...(q === undefined ? {} : { q }), ...(sort ? { sort } : {}) }
  const results: Listed[] = []
  let total = 0
  let cursor: string | undefined
  do {
    const size = Math.min(limit - results.length, 100)
    const page = (await call('config-hub.configs.list', {
      ...filter,
      size,
      ...(cursor === undefined ? {} : { cursor }),
    })) as { results: Listed[]; total: number; next_cursor?: string }
    results.push(...page.results)
    total = page.total
    cursor = page.next_cursor
  } while (cursor !== undefined && results.length < limit)
  const rows = results.map(({ id, title, updated_at = '' }) => [id, title, updated_at])
  output.data({ type, total, results }, table(['id', 'title', 'updated'], rows))
  if (total > results.length) output.say(`${results.length} of ${total}; --limit shows more.`)
}
