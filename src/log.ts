import { type DestinationStream, type Logger, pino } from 'pino'
import type { Config } from './config.ts'

/** Fields whose values never reach a log, at any depth. A second wall: few fields are logged at all. */
const SECRET = /authorization|cookie|passw|secret|token|credential|connectionstring|(^|[a-z_-])key$/i
const DEEPEST = 4

/** Structured logs, one JSON object a line: `level`, `time`, `msg` and what is passed; children add request ids. */
export function createLogger(config: Pick<Config, 'logLevel'>, destination?: DestinationStream): Logger {
  const options = {
    level: config.logLevel,
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: errorFields, req: () => undefined, res: () => undefined },
    formatters: {
      log: (fields: Record<string, unknown>) => withoutSecrets(fields) as Record<string, unknown>,
    },
  }
  return destination ? pino(options, destination) : pino(options)
}

function withoutSecrets(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Error || value instanceof Date)
    return value
  if (depth >= DEEPEST) return '[deep]'
  if (Array.isArray(value)) return value.map((each) => withoutSecrets(each, depth + 1))
  // what Fastify passes whole is for the serializers, which drop it
  if (!isPlain(value)) return depth === 0 ? value : undefined
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => {
      if (name === 'req' || name === 'res') return [name, each]
      const hidden = SECRET.test(name) && each !== undefined && each !== null
      return [name, hidden ? '[redacted]' : withoutSecrets(each, depth + 1)]
    }),
  )
}

const isPlain = (value: object): boolean => [Object.prototype, null].includes(Object.getPrototypeOf(value))

/** Name, message, code and stack; never the fields that drivers hang on errors (`detail` quotes row values). */
function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) }
  const { code } = error as { code?: unknown }
  // SQLSTATE class 22, data exceptions: the message itself quotes the value that did not fit
  const plain = typeof code === 'string' && /^22[0-9A-Z]{3}$/.test(code) ? withoutQuotes : String
  return {
    type: error.name,
    message: plain(error.message),
    ...(code === undefined ? {} : { code }),
    stack: plain(error.stack),
  }
}

const withoutQuotes = (text: unknown): string => String(text).replace(/"[\s\S]*"/, '"…"')
