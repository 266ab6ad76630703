import { hkdfSync } from 'node:crypto'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { Db } from '../db/pool.ts'
import type { BetterAuth } from './better-auth.ts'

/** Requests that one address may make in a window, in seconds. */
type Limit = { window: number; max: number }
export type Limits = { signIn: Limit; register: Limit; token: Limit }

/** Enough for an office behind one address, hopeless for guessing a password or filling the table of clients. */
const LIMITS: Limits = {
  signIn: { window: 60, max: 20 },
  register: { window: 60, max: 10 },
  token: { window: 60, max: 60 },
}

export type Access = {
  db: Db
  log: Logger
  clock: () => Date
  /** Signs cookies and encrypts what better-auth keeps encrypted; derived from the deployment's secret. */
  secret: string
  /** The organisation that guests see. */
  defaultOrg: string | undefined
  /** Public origin, without a slash at its end. */
  origin: () => string
  /** Tells the port that the system chose, where configuration left it open (port 0). */
  listensOn: (port: number) => void
  limits: Limits
  /**
   * better-auth, loaded and started on first use: reading a session or a bearer does not need it, and it is about
   * 0.4 s and 50 MB. A failed start (say, without a database) is tried again on the next call.
   */
  auth: () => Promise<BetterAuth>
}

export type AccessDeps = {
  db: Db
  config: Pick<Config, 'url' | 'secret' | 'defaultOrg' | 'port' | 'host'>
  log: Logger
  clock?: () => Date
  limits?: Limits
}

export function createAccess(deps: AccessDeps): Access {
  const { db, log, config } = deps
  let started: Promise<BetterAuth> | undefined
  let { port } = config
  const access: Access = {
    db,
    log,
    clock: deps.clock ?? (() => new Date()),
    secret: Buffer.from(hkdfSync('sha256', config.secret, 'countersign', 'access', 32)).toString('base64url'),
    defaultOrg: config.defaultOrg,
    origin: () => originOf({ ...config, port }),
    listensOn(chosen) {
      if (chosen === port) return
      port = chosen
      // started under the former origin, if at all
      started = undefined
    },
    limits: deps.limits ?? LIMITS,
    auth() {
      started ??= start(access).catch((error: unknown) => {
        started = undefined
        throw error
      })
      return started
    },
  }
  return access
}

async function start(access: Access): Promise<BetterAuth> {
  const { startBetterAuth } = await import('./better-auth.ts')
  return startBetterAuth(access)
}

function originOf(config: AccessDeps['config']): string {
  if (config.url) return new URL(config.url).origin
  const anywhere = config.host === '0.0.0.0' || config.host === '::'
  const host = anywhere ? 'localhost' : config.host
  return `http://${host.includes(':') ? `[${host}]` : host}:${config.port}`
}
