import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createSealing } from '../operation/sealing.ts'
import { pseudonym, redactPriceId } from './redact.ts'

describe('ids of Stripe', () => {
  test('[CA-1] are shown by their last four characters, as the contract shows them', () => {
    expect(redactPriceId('price_abcdintro')).toBe('price_...ntro')
    expect(redactPriceId('price_1OaBcD_studio_circle')).toBe('price_...rcle')
  })

  test('[CA-1] never give away more, whatever the id is', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9_]{5,60}$/), (body) => {
        expect(redactPriceId(`price_${body}`)).toBe(`price_...${body.slice(-4)}`)
      }),
    )
  })

  test('[CA-2] have a name that is the same in every process and differs under another secret', () => {
    const [one, same, other] = ['a', 'a', 'b'].map((letter) => createSealing(letter.repeat(32)))
    const name = pseudonym(one!, 'price_abcdintro')
    expect(name).toMatch(/^price-[0-9a-f]{16}$/)
    expect(pseudonym(same!, 'price_abcdintro')).toBe(name)
    expect(pseudonym(other!, 'price_abcdintro')).not.toBe(name)
    expect(pseudonym(one!, 'price_abcdintr0')).not.toBe(name)
    expect(pseudonym(one!, 'without a prefix')).toMatch(/^id-[0-9a-f]{16}$/)
  })
})
