import { createHmac, timingSafeEqual } from 'node:crypto'

export const COOKIE_PREFIX = 'countersign'
/** A sign-in lasts a week and is not prolonged by use: reading a session stays one statement that writes nothing. */
export const SESSION_SECONDS = 7 * 24 * 3600

/** `__Secure-` is what better-auth puts before the name where the origin is https. */
const NAMES = [`__Secure-${COOKIE_PREFIX}.session_token`, `${COOKIE_PREFIX}.session_token`]

/** Far above a token and its signature, far below what is worth hashing for somebody else. */
const MAX_LENGTH = 400

/**
 * The session token of a Cookie header, if its signature (HMAC-SHA256, as better-auth writes it) is ours.
 * Anything else is no session.
 */
export function sessionToken(cookieHeader: string | undefined, secret: string): string | undefined {
  const value = cookieHeader && findCookie(cookieHeader)
  if (!value || value.length > MAX_LENGTH) return undefined
  const signed = decode(value)
  const dot = signed?.lastIndexOf('.') ?? -1
  if (!signed || dot < 1) return undefined
  const token = signed.slice(0, dot)
  const given = Buffer.from(signed.slice(dot + 1), 'base64')
  const expected = createHmac('sha256', secret).update(token).digest()
  return given.length === expected.length && timingSafeEqual(given, expected) ? token : undefined
}

function findCookie(header: string): string | undefined {
  for (const pair of header.split(';')) {
    const separator = pair.indexOf('=')
    if (separator > 0 && NAMES.includes(pair.slice(0, separator).trim()))
      return pair.slice(separator + 1).trim()
  }
  return undefined
}

function decode(value: string): string | undefined {
  try {
    return decodeURIComponent(value)
  } catch {
    return undefined
  }
}
