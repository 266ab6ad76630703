import { ConfigError } from '../config.ts'
import { Problem } from '../operation/errors.ts'

/** Exit codes of every command; documented in docs/cli.md. */
export const EXIT = {
  ok: 0,
  refused: 1,
  usage: 2,
  configuration: 3,
  unreachable: 4,
  defect: 5,
  /** A job did a part of what it was to do. */
  partial: 6,
  /** A job waits until people have approved it. */
  waiting: 7,
  /** A plan refuses some of what it was asked for. */
  holes: 8,
  /** A scan found that two sides differ. */
  drift: 9,
  /** A scan goes on by itself later. */
  paused: 10,
  /** Somebody stopped watching, as shells have it: 128 and the number of SIGINT. */
  stopped: 130,
} as const

/** A server that does not answer, with what to do about it. */
export class Unreachable extends Error {
  constructor(url: string, cause: unknown) {
    super(
      `No Countersign answers at ${url}. Start one with "countersign serve", or name another with --url or COUNTERSIGN_URL.`,
      { cause },
    )
    this.name = 'Unreachable'
  }
}

/** A refusal that a server answered. */
export class Refused extends Error {
  readonly body: Record<string, unknown>
  constructor(body: Record<string, unknown>) {
    super(String(body.detail ?? body.error ?? 'refused'))
    this.name = 'Refused'
    this.body = body
  }
}

/** Somebody no longer wants to wait for a job, which goes on. */
export class Stopped extends Error {
  readonly id: string
  constructor(id: string) {
    super(
      `No longer watching; ${id} goes on. Look again with "countersign sync status ${id} --watch", stop it with "countersign sync cancel ${id}".`,
    )
    this.name = 'Stopped'
    this.id = id
  }
}

type Ending = { code: number; lines: string[]; body: Record<string, unknown> }

/** How a thrown value ends a command: its exit code, its lines for people, its object for `--json`. */
export function endingOf(error: unknown): Ending {
  if (error instanceof ConfigError)
    return ending(EXIT.configuration, [error.message], { code: 'configuration', mistakes: error.mistakes })
  if (error instanceof Unreachable) return ending(EXIT.unreachable, [error.message], { code: 'unreachable' })
  if (error instanceof Stopped)
    return ending(EXIT.stopped, [error.message], { code: 'stopped', job: error.id })
  if (error instanceof Refused) return refused(error.body)
  if (error instanceof Problem) return refused(error.toBody())
  return fromSystem(error) ?? ending(EXIT.defect, [messageOf(error)], { code: 'internal' })
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const NO_ANSWER = ['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ETIMEDOUT']

/** What the configured database refuses, in terms of the setting that is to be changed. */
function fromSystem(error: unknown): Ending | undefined {
  const { code } = (error ?? {}) as { code?: unknown }
  if (typeof code !== 'string') return undefined
  if (NO_ANSWER.includes(code))
    return ending(EXIT.unreachable, [`The database does not answer (${code}). See DATABASE_URL.`], {
      code: 'unreachable',
    })
  // PostgreSQL's classes 28 (invalid authorization) and 3D (no such database)
  if (/^(28|3D)\w{3}$/.test(code))
    return ending(
      EXIT.configuration,
      [`The database refuses the connection: ${messageOf(error)}. See DATABASE_URL.`],
      {
        code: 'configuration',
      },
    )
  return undefined
}

/** A command line that cannot be read. People have been told by the parser. */
export const usageEnding = (message: string): Ending => ending(EXIT.usage, [message], { code: 'usage' })

const ending = (code: number, lines: string[], extra: Record<string, unknown>): Ending => ({
  code,
  lines,
  body: { ok: false, error: lines[0], ...extra },
})

function refused(body: Record<string, unknown>): Ending {
  const fields = (body.errors as { pointer: string; message: string }[] | undefined) ?? []
  const lines = [
    `Refused (${body.code}): ${body.detail}`,
    ...fields.map(({ pointer, message }) => `  ${pointer || '/'}: ${message}`),
    ...(body.nextAction ? [`Next: ${body.nextAction}`] : []),
  ]
  return { code: EXIT.refused, lines, body: { ...body, ok: false } }
}
