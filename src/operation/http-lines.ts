import { Readable } from 'node:stream'
import type { Deps } from '../deps.ts'
import type { Call, Operation } from './define.ts'
import { asProblem, type ErrorCode, fail, Problem, type ProblemBody } from './errors.ts'
import { run } from './run.ts'

/** Newline-delimited JSON, in and out. */
export const LINES = 'application/x-ndjson'

/** 4 MiB: twenty times the largest configuration that our own measurements use. */
const MAX_LINE_BYTES = 4_194_304

/** Text that a batch holds before it is run, however many lines are missing to it. */
const MAX_BATCH_TEXT = 16_777_216

export const isStream = (body: unknown): body is Readable => body instanceof Readable

/** Each value as one line. */
export const sendLines = (values: AsyncIterable<unknown>): Readable =>
  Readable.from(
    (async function* () {
      for await (const value of values) yield `${JSON.stringify(value)}\n`
    })(),
  )

/** What every later batch would be refused for as well. */
const ENDS_ALL: ReadonlySet<ErrorCode> = new Set([
  'unauthenticated',
  'forbidden',
  'scope-missing',
  'approval-required',
  'unavailable',
])

type Lines = { operation: Operation; raw: Record<string, unknown>; call: Call; body: Readable }

/**
 * Runs an operation over a body of lines, so many in each call, each batch a transaction of its own. Answers a line per
 * batch: what the operation answered, or the problem, with the lines it is about. Throws when the first batch is
 * refused for who asks; an idempotency key stands for the whole body, each batch having its own below it.
 */
export async function runLines(deps: Deps, lines: Lines): Promise<Readable> {
  const answers = answer(deps, lines)
  const first = await answers.next()
  return sendLines(
    (async function* () {
      if (first.done) return
      yield first.value
      yield* answers
    })(),
  )
}

async function* answer(deps: Deps, { operation, raw, call, body }: Lines): AsyncGenerator<unknown> {
  const { field, batch } = operation.http.lines as { field: string; batch: number }
  let number = 0
  for await (const { firstLine, texts } of batches(body, batch)) {
    const lastLine = firstLine + texts.length - 1
    const at = { first_line: firstLine, last_line: lastLine }
    const key = call.idempotencyKey && { idempotencyKey: `${call.idempotencyKey}:${number}` }
    try {
      const input = { ...raw, [field]: texts.map((text, index) => parseLine(text, `/${field}/${index}`)) }
      const reply = await run(deps, operation, input, { ...call, ...key })
      yield { ...at, ...reply.body }
    } catch (error) {
      const problem = asProblem(error)
      if (number === 0 && ENDS_ALL.has(problem.code)) throw error
      yield { ...at, ok: false, ...withLines(problem.toBody(), field, firstLine) }
      if (ENDS_ALL.has(problem.code)) return
    }
    number++
  }
  // an empty body is a mistake that somebody should hear of
  if (number === 0) fail('malformed-request', 'The body has no lines.')
}

function parseLine(text: string, pointer: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return fail('validation-failed', {
      detail: `Invalid input: ${pointer} is not valid JSON`,
      errors: [{ pointer, message: 'is not valid JSON' }],
    })
  }
}

/** The line of the body that each error is about. */
function withLines(problem: ProblemBody, field: string, firstLine: number): Record<string, unknown> {
  const errors = problem.errors?.map((each) => {
    const [, name, index] = each.pointer.split('/')
    return name === field && index !== undefined ? { ...each, line: firstLine + Number(index) } : each
  })
  return { ...problem, ...(errors ? { errors } : {}) }
}

type Batch = { firstLine: number; texts: string[] }

/** Lines that are not blank, so many together or as much as a batch may hold; lines are counted from 1, blank ones too. */
async function* batches(body: Readable, size: number): AsyncGenerator<Batch> {
  let texts: string[] = []
  let length = 0
  let line = 0
  let firstLine = 1
  for await (const text of splitLines(body)) {
    line++
    if (text.trim() === '') {
      // a batch is a run of lines without gaps, so that its line numbers are true
      if (texts.length > 0) yield { firstLine, texts }
      texts = []
      length = 0
      continue
    }
    if (texts.length === 0) firstLine = line
    texts.push(text)
    length += text.length
    if (texts.length < size && length < MAX_BATCH_TEXT) continue
    yield { firstLine, texts }
    texts = []
    length = 0
  }
  if (texts.length > 0) yield { firstLine, texts }
}

/** Lines of a UTF-8 body, however its bytes are cut into chunks. */
async function* splitLines(body: Readable): AsyncGenerator<string> {
  let parts: Buffer[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    let start = 0
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
      yield decode(Buffer.concat([...parts, chunk.subarray(start, end)]))
      parts = []
      bytes = 0
      start = end + 1
    }
    parts.push(chunk.subarray(start))
    bytes += chunk.length - start
    if (bytes > MAX_LINE_BYTES)
      throw new Problem('too-large', { detail: `A line has more than ${MAX_LINE_BYTES} bytes.` })
  }
  if (bytes > 0) yield decode(Buffer.concat(parts))
}

function decode(bytes: Buffer): string {
  if (bytes.length > MAX_LINE_BYTES) fail('too-large', `A line has more than ${MAX_LINE_BYTES} bytes.`)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return fail('malformed-request', 'The body is not valid UTF-8.')
  }
}
