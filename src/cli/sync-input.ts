import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { Problem } from '../operation/errors.ts'

const refuse = (detail: string): never => {
  throw new Problem('validation-failed', { detail })
}

/** `type/id` or `type:id`; the id as it is, whatever it has. */
export function selected(text: string): { type: string; id: string } {
  const [, type, id] = /^([a-z][a-z0-9_]*)[/:](.+)$/s.exec(text) ?? []
  if (type !== undefined && id !== undefined) return { type, id }
  return refuse(`${text} is not of the form type/id.`)
}

/** `type/id#/pointer=choice`; without a pointer the whole document. */
export function choice(text: string): { type: string; id: string; pointer: string; choice: string } {
  const found = /^([a-z][a-z0-9_]*)[/:](.+?)#((?:\/.*)?)=(source|target|fail)$/s.exec(text)
  const [, type, id, pointer, side] = found ?? []
  if (type !== undefined && id !== undefined && pointer !== undefined && side !== undefined)
    return { type, id, pointer, choice: side }
  return refuse(`${text} is not of the form type/id#/pointer=source, =target or =fail.`)
}

/** A JSON object from a file. */
export async function objectIn(file: string): Promise<Record<string, unknown>> {
  try {
    const value = JSON.parse(await textIn(file))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch (error) {
    if (error instanceof Problem) throw error
  }
  return refuse(`${file} is not a JSON object.`)
}

const textIn = (file: string): Promise<string> =>
  readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Problem('malformed-request', { detail: `${file} cannot be read (${error.code}).` })
  })

export type TokenOptions = { tokenEnv?: string; tokenFile?: string }

/** The variable that is looked at without being told. */
export const TOKEN = 'COUNTERSIGN_OTHER_TOKEN'

/**
 * A token of the other organisation, from where other processes do not see it: a variable, a file, or whoever sits at
 * the terminal. Undefined when there is none.
 */
export async function otherToken(
  { tokenEnv, tokenFile }: TokenOptions,
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  if (tokenFile !== undefined)
    return (await textIn(tokenFile)).trim() || refuse(`${tokenFile} holds no token.`)
  if (tokenEnv === undefined) return env[TOKEN] || undefined
  return env[tokenEnv] || refuse(`The variable ${tokenEnv} holds no token.`)
}

/** Whether somebody can be asked. */
export const isAttended = (json: boolean): boolean =>
  !json && process.stdin.isTTY === true && process.stderr.isTTY === true

/** Asks at the terminal, on standard error; what is typed is not shown when it is a secret. */
export async function ask(question: string, secret = false): Promise<string> {
  // the terminal echoes nothing while lines are edited here
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  if (secret) process.stderr.write(question)
  const asking = createInterface({
    input: process.stdin,
    output: secret ? silent : process.stderr,
    terminal: true,
  })
  // who leaves, by Ctrl-C or Ctrl-D, has answered nothing
  const left = new Promise<undefined>((resolve) => asking.once('close', () => resolve(undefined)))
  try {
    const answer = await Promise.race([asking.question(secret ? '' : question), left])
    if (secret || answer === undefined) process.stderr.write('\n')
    return answer?.trim() ?? ''
  } finally {
    asking.close()
  }
}

/** Lets people decide before something is written. Answers whether to go on. */
export async function agreed(question: string, yes: boolean | undefined, json: boolean): Promise<boolean> {
  if (yes) return true
  if (!isAttended(json)) return refuse('It writes, and nobody can be asked here: say so with --yes.')
  return /^y(es)?$/i.test(await ask(`${question} [y/N] `))
}
