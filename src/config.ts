import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import type { MediaConfig } from './embedded/media.ts'
import { keptFile } from './kept-file.ts'
import { type PushConfig, readPush } from './push/config.ts'
import { readStripe, type StripeConfig, StripeEnv } from './stripe/config.ts'

export type Config = {
  port: number
  host: string
  /** Absent: embedded PostgreSQL in `dataDir`. */
  databaseUrl?: string
  dataDir: string
  /** Public origin; absent: links follow the host that a request came in on. */
  url?: string
  secret: string
  /** The organisation that guests see when they name none. */
  defaultOrg?: string
  logLevel: (typeof LOG_LEVELS)[number]
  /** Believe X-Forwarded-* of a proxy in front. */
  trustProxy: boolean
  /** Let connectors reach addresses of the deployment's own network. */
  allowPrivateConnectors?: boolean
  /** Let triggers be delivered to addresses of the deployment's own network, and without encryption. */
  allowPrivateTriggers?: boolean
  /** How long feeds keep tombstones, batches of changes and cursors; 30 unless told. */
  feedDays?: number
  /** Who hands out media tokens for embedded rooms; absent: nobody. */
  media?: MediaConfig
  /** Credentials of push providers; what is absent is told as `provider-not-configured`. */
  push?: PushConfig
  /** Which organisation has which Stripe account; absent: none has one. */
  stripe?: StripeConfig
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

/** Every mistake of the configuration, one line each. */
export class ConfigError extends Error {
  readonly mistakes: readonly string[]
  constructor(mistakes: readonly string[]) {
    super(`The configuration has mistakes:\n${mistakes.map((line) => `  ${line}`).join('\n')}`)
    this.name = 'ConfigError'
    this.mistakes = mistakes
  }
}

const isOrigin = (text: string): boolean =>
  URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && new URL(text).origin === text

/** Tokens travel to it, so it is encrypted unless it is on this machine. */
const isMediaUrl = (text: string): boolean => {
  if (!URL.canParse(text)) return false
  const { protocol, hostname } = new URL(text)
  const isLoopback = ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
  return /^(wss|https):$/.test(protocol) || (isLoopback && /^(ws|http):$/.test(protocol))
}

const Env = z.object({
  PORT: z
    .string()
    .regex(/^\d+$/, 'must be a port number')
    .transform(Number)
    .refine((port) => port <= 65_535, 'must be a port number')
    .default(4000),
  HOST: z.string().min(1, 'must be a host name or address').default('127.0.0.1'),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must be a postgres:// URL')
    .optional(),
  COUNTERSIGN_DATA_DIR: z.string().min(1, 'must be a folder').default('.countersign'),
  COUNTERSIGN_URL: z
    .string()
    .refine(isOrigin, 'must be an origin such as https://countersign.example')
    .optional(),
  COUNTERSIGN_SECRET: z.string().min(32, 'must have at least 32 characters').optional(),
  COUNTERSIGN_DEFAULT_ORG: z
    .string()
    .regex(/^[a-z0-9](-?[a-z0-9])*$/, 'must be an organisation’s slug')
    .optional(),
  COUNTERSIGN_TRUST_PROXY: z.enum(['true', 'false'], 'must be true or false').default('false'),
  COUNTERSIGN_ALLOW_PRIVATE_CONNECTORS: z.enum(['true', 'false'], 'must be true or false').default('false'),
  COUNTERSIGN_ALLOW_PRIVATE_TRIGGERS: z.enum(['true', 'false'], 'must be true or false').default('false'),
  COUNTERSIGN_FEED_DAYS: z
    .string()
    .regex(/^\d{1,4}$/, 'must be a number of days')
    .transform(Number)
    .refine((days) => days >= 1, 'must be at least 1')
    .default(30),
  COUNTERSIGN_MEDIA_URL: z
    .string()
    .refine(isMediaUrl, 'must be a wss:// or https:// URL (ws:// and http:// on loopback)')
    .optional(),
  COUNTERSIGN_MEDIA_KEY: z.string().max(200, 'must have at most 200 characters').optional(),
  COUNTERSIGN_MEDIA_SECRET: z.string().min(32, 'must have at least 32 characters').optional(),
  COUNTERSIGN_APNS_KEY_FILE: z.string().max(4000).optional(),
  COUNTERSIGN_APNS_KEY_ID: z.string().max(100).optional(),
  COUNTERSIGN_APNS_TEAM_ID: z.string().max(100).optional(),
  COUNTERSIGN_APNS_TOPIC: z.string().max(300).optional(),
  COUNTERSIGN_APNS_ENDPOINT: z
    .string()
    .refine(isOrigin, 'must be an origin such as https://api.push.apple.com')
    .default('https://api.push.apple.com'),
  COUNTERSIGN_FCM_CREDENTIALS_FILE: z.string().max(4000).optional(),
  COUNTERSIGN_FCM_ENDPOINT: z
    .string()
    .refine(isOrigin, 'must be an origin such as https://fcm.googleapis.com')
    .default('https://fcm.googleapis.com'),
  ...StripeEnv,
  LOG_LEVEL: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`).default('info'),
})

/** The configuration of a process. Throws `ConfigError` naming every mistake at once. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const result = Env.safeParse(given)
  const mistakes = result.success
    ? []
    : result.error.issues.map((issue) => `${String(issue.path[0])} ${issue.message}`)
  if (given.DATABASE_URL && !given.COUNTERSIGN_SECRET)
    mistakes.push(
      'COUNTERSIGN_SECRET is required with DATABASE_URL: every process on one database needs the same one',
    )
  const media = MEDIA.filter((name) => given[name] !== undefined)
  if (media.length > 0 && media.length < MEDIA.length)
    mistakes.push(
      `${MEDIA.filter((name) => !media.includes(name)).join(' and ')} must be set with ${media.join(' and ')}`,
    )
  const push = result.success ? readPush(result.data, mistakes) : undefined
  const stripe = result.success ? readStripe(result.data, mistakes) : undefined
  if (!result.success || mistakes.length > 0) throw new ConfigError(mistakes)
  const values = result.data
  const dataDir = path.resolve(values.COUNTERSIGN_DATA_DIR)
  return {
    port: values.PORT,
    host: values.HOST,
    databaseUrl: values.DATABASE_URL,
    dataDir,
    url: values.COUNTERSIGN_URL,
    secret: values.COUNTERSIGN_SECRET ?? keptSecret(dataDir),
    defaultOrg: values.COUNTERSIGN_DEFAULT_ORG,
    logLevel: values.LOG_LEVEL,
    trustProxy: values.COUNTERSIGN_TRUST_PROXY === 'true',
    allowPrivateConnectors: values.COUNTERSIGN_ALLOW_PRIVATE_CONNECTORS === 'true',
    allowPrivateTriggers: values.COUNTERSIGN_ALLOW_PRIVATE_TRIGGERS === 'true',
    feedDays: values.COUNTERSIGN_FEED_DAYS,
    ...(values.COUNTERSIGN_MEDIA_URL && values.COUNTERSIGN_MEDIA_KEY && values.COUNTERSIGN_MEDIA_SECRET
      ? {
          media: {
            url: values.COUNTERSIGN_MEDIA_URL,
            key: values.COUNTERSIGN_MEDIA_KEY,
            secret: values.COUNTERSIGN_MEDIA_SECRET,
          },
        }
      : {}),
    ...(push ? { push } : {}),
    ...(stripe ? { stripe } : {}),
  }
}

/** Of one provider: all of them or none. */
const MEDIA = ['COUNTERSIGN_MEDIA_URL', 'COUNTERSIGN_MEDIA_KEY', 'COUNTERSIGN_MEDIA_SECRET'] as const

/** The data folder's own secret, made once. */
function keptSecret(dataDir: string): string {
  // root's PostgreSQL runs as another user, who must be able to pass through; the files in it are private each
  mkdirSync(dataDir, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 })
  const file = path.join(dataDir, 'secret')
  const secret = keptFile(file, () => randomBytes(32).toString('hex'), 0o600)
  if (secret.length < 32) throw new ConfigError([`${file} is damaged; restore it from your backup`])
  return secret
}
