import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createSealing } from './sealing.ts'

const sealing = createSealing('the secret of this deployment, long enough')
const other = createSealing('the secret of another deployment, also long')

const flipped = (bytes: Buffer, bit: number): Buffer => {
  const copy = Buffer.from(bytes)
  const at = Math.floor(bit / 8) % copy.length
  copy[at] = (copy[at] as number) ^ (1 << (bit % 8))
  return copy
}

describe('sealed values', () => {
  test('[K-28] unseal to what was sealed, and look different each time', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const [one, two] = [sealing.seal(text), sealing.seal(text)]
        expect(sealing.unseal(one)).toBe(text)
        expect(one.equals(two)).toBe(false)
        if (text.length > 3) expect(one.includes(Buffer.from(text))).toBe(false)
      }),
    )
  })

  test('[K-28] one changed bit anywhere, a missing end or another secret: refused', () => {
    const sealed = sealing.seal('canary')
    for (let bit = 0; bit < sealed.length * 8; bit++)
      expect(() => sealing.unseal(flipped(sealed, bit))).toThrow()
    for (const whole of [sealed, sealing.seal('')])
      for (let length = 0; length < whole.length; length++)
        expect(() => sealing.unseal(whole.subarray(0, length))).toThrow()
    expect(() => other.unseal(sealed)).toThrow()
  })
})

describe('signed cursors', () => {
  test('[K-29] verify to their payload', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (payload) => {
        expect(sealing.verify(sealing.sign(payload))).toEqual(JSON.parse(JSON.stringify(payload)))
      }),
    )
  })

  test('[K-29] anything else is undefined, and never throws', () => {
    const text = sealing.sign(['laurel', '2026-05-16T08:00:00.000Z', 'agent-session-1'])
    const [body, signature] = text.split('.') as [string, string]
    const forged = Buffer.from(JSON.stringify(['other', 'x', 'y'])).toString('base64url')
    for (const wrong of [
      `${forged}.${signature}`,
      body,
      `${body}.`,
      `.${signature}`,
      '',
      '.',
      `${body}.${signature.slice(0, -2)}`,
      other.sign(['laurel']),
    ])
      expect(sealing.verify(wrong)).toBeUndefined()
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (random) => {
        expect(sealing.verify(random)).toBeUndefined()
      }),
    )
  })
})

describe('keyed hashes', () => {
  test('[K-28] equal values are equal, and tell nothing without the secret', () => {
    expect(sealing.hash('canary')).toBe(sealing.hash('canary'))
    expect(sealing.hash('canary')).not.toBe(sealing.hash('canarz'))
    expect(sealing.hash('canary')).not.toBe(other.hash('canary'))
  })
})
