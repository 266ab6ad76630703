import { hkdfSync } from 'node:crypto'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { Db } from '../db/pool.ts'
import type { BetterAuth } from './better-auth.ts'

/** Attempts to sign in that one address may make in a window, in seconds. */
export type SignInLimit = { window: number; max: number }

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
  signInLimit: SignInLimit
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
  signInLimit?: SignInLimit
}

/** 20 a minute lets a family or an office behind one address in, and makes guessing a password hopeless. */
const SIGN_IN_LIMIT: SignInLimit = { window: 60, max: 20 }

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
      port = chosen
    },
    signInLimit: deps.signInLimit ?? SIGN_IN_LIMIT,
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
