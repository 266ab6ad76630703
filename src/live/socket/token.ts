import { createECDH } from 'node:crypto'
import { type CryptoKey, importJWK, jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'
import type { Sealing } from '../../operation/sealing.ts'

/** A minute to connect (design); afterwards the socket lives by its own clock. */
export const CONNECT_WITHIN_S = 60

const AUDIENCE = 'countersign-live-room'

/** Who may be in a room, as of the moment the token was made. */
export const Claims = z.object({
  org: z.string(),
  eventId: z.string(),
  /** `user:<id>` or `viewer:<id>`: connections of one are one listener. */
  person: z.string(),
  signedIn: z.boolean(),
  moderates: z.boolean(),
  /** Sees drafts and cancelled events. */
  sees: z.boolean(),
  subscriber: z.boolean(),
  /** The person's generation in the room; a removal makes another one. */
  generation: z.number().int(),
})
export type Claims = z.output<typeof Claims>

type Keys = { sign: CryptoKey; verify: CryptoKey }

/** One pair per deployment, derived from its secret: every process on the database makes and takes the same tokens. */
const pairs = new WeakMap<Sealing, Promise<Keys>>()

function keysOf(sealing: Sealing): Promise<Keys> {
  const known = pairs.get(sealing)
  if (known) return known
  const made = deriveKeys(sealing)
  pairs.set(sealing, made)
  return made
}

/** A P-256 key whose private number is the derived secret; of 2^32 derivations one is no such number, then the next is. */
async function deriveKeys(sealing: Sealing, attempt = 0): Promise<Keys> {
  const curve = createECDH('prime256v1')
  try {
    curve.setPrivateKey(sealing.derive(`live socket token ${attempt}`))
  } catch {
    return deriveKeys(sealing, attempt + 1)
  }
  const point = curve.getPublicKey()
  const text = (bytes: Buffer) => bytes.toString('base64url')
  const open = { kty: 'EC', crv: 'P-256', x: text(point.subarray(1, 33)), y: text(point.subarray(33)) }
  const [sign, verify] = await Promise.all([
    importJWK({ ...open, d: text(sealing.derive(`live socket token ${attempt}`)) }, 'ES256'),
    importJWK(open, 'ES256'),
  ])
  return { sign: sign as CryptoKey, verify: verify as CryptoKey }
}

/** An ES256 token with these claims, good for a minute. */
export async function mintToken(sealing: Sealing, now: Date, claims: Claims): Promise<string> {
  const issued = Math.floor(now.getTime() / 1000)
  const { sign } = await keysOf(sealing)
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', typ: 'JWT' })
    .setAudience(AUDIENCE)
    .setIssuedAt(issued)
    .setExpirationTime(issued + CONNECT_WITHIN_S)
    .sign(sign)
}

/** The claims of a token that holds now, or undefined. */
export async function verifyToken(sealing: Sealing, now: Date, token: string): Promise<Claims | undefined> {
  const { verify } = await keysOf(sealing)
  try {
    const { payload } = await jwtVerify(token, verify, {
      algorithms: ['ES256'],
      audience: AUDIENCE,
      currentDate: now,
    })
    return Claims.parse(payload)
  } catch {
    return undefined
  }
}
