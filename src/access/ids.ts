import { createHash, randomBytes } from 'node:crypto'

/** A readable prefix and 96 random bits. */
export const newAccessId = (prefix: 'user' | 'account' | 'member' | 'key' | 'grant'): string =>
  `${prefix}_${randomBytes(12).toString('hex')}`

/** How better-auth's plugins store bearers: SHA-256 in base64url. */
export const bearerHash = (bearer: string): string => createHash('sha256').update(bearer).digest('base64url')

/** Prefixes tell the kinds of bearer apart, for us and for secret scanners. */
export const KEY_PREFIX = 'csk_'
export const OAUTH_TOKEN_PREFIX = 'cso_'
export const REFRESH_TOKEN_PREFIX = 'csr_'
