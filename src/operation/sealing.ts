import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'

/** Keyed hashing, encryption and signing under keys derived from the deployment's secret. */
export type Sealing = {
  /** 32 bytes for a purpose of its own, the same in every process of the deployment. */
  derive(purpose: string): Buffer
  /** HMAC-SHA256, hex: equality of secret values without keeping them. */
  hash(text: string): string
  /** AES-256-GCM: nonce, tag, ciphertext. */
  seal(text: string): Buffer
  unseal(sealed: Buffer): string
  /** Opaque, tamper-proof text for cursors: base64url of the payload and its signature. */
  sign(payload: unknown): string
  /** The payload, or undefined when the text was not signed here. */
  verify(text: string): unknown
}

/** Said outright: a decipher that is not told accepts tags cut down to 4 bytes, which can be guessed. */
const TAG = { authTagLength: 16 }

export function createSealing(secret: string): Sealing {
  const derive = (purpose: string) => Buffer.from(hkdfSync('sha256', secret, 'countersign', purpose, 32))
  // as a key object: the key as bytes is prepared again for each hash, which takes longer than most texts
  const hashKey = createSecretKey(derive('hash'))
  const sealKey = derive('seal')
  const cursorKey = derive('cursor')
  const mac = (body: string) => createHmac('sha256', cursorKey).update(body).digest().subarray(0, 16)
  return {
    derive: (purpose) => derive(`for ${purpose}`),
    hash: (text) => createHmac('sha256', hashKey).update(text).digest('hex'),
    seal(text) {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', sealKey, nonce, TAG)
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([nonce, cipher.getAuthTag(), body])
    },
    unseal(sealed) {
      const decipher = createDecipheriv('aes-256-gcm', sealKey, sealed.subarray(0, 12), TAG)
      decipher.setAuthTag(sealed.subarray(12, 28))
      return Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]).toString('utf8')
    },
    sign(payload) {
      const body = Buffer.from(JSON.stringify(payload)).toString('base64url')
      return `${body}.${mac(body).toString('base64url')}`
    },
    verify(text) {
      const [body, signature] = text.split('.')
      if (!body || !signature) return undefined
      const given = Buffer.from(signature, 'base64url')
      const expected = mac(body)
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined
      return JSON.parse(Buffer.from(body, 'base64url').toString('utf8'))
    },
  }
}
