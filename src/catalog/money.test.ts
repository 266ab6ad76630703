import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { amountMistake, digitsOf, formatMoney, formatPrice, isCurrency } from './money.ts'

describe('amounts', () => {
  test.each([
    [8000, 'usd', '$80.00'],
    [8000, 'jpy', '¥8,000'],
    [1234, 'kwd', 'KWD 1.234'],
    [50, 'chf', 'CHF 0.50'],
    [0, 'eur', '€0.00'],
  ])('[CA-6] %i of %s is read as %s', (amount, currency, text) => {
    expect(formatMoney(amount, currency)).toBe(text)
  })

  test('[CA-6] are as many of the smallest unit as they say, in every currency', () => {
    const codes = ['usd', 'eur', 'jpy', 'krw', 'bhd', 'tnd', 'isk', 'huf', 'vnd', 'chf']
    fc.assert(
      fc.property(fc.constantFrom(...codes), fc.integer({ min: 0, max: 99_999_999 }), (currency, amount) => {
        const text = formatMoney(amount, currency)
        const [whole = '', part = ''] = text.replace(/[^0-9.]/g, '').split('.')
        expect(part.length).toBe(digitsOf(currency))
        expect(Number(whole + part)).toBe(amount)
      }),
    )
  })

  test('[CA-6] that Stripe would not take are told apart', () => {
    expect(amountMistake(1235, 'kwd')).toBe('must be a multiple of 10 in KWD')
    expect(amountMistake(1230, 'kwd')).toBeUndefined()
    expect(amountMistake(150, 'isk')).toBe('must be a multiple of 100 in ISK')
    expect(amountMistake(7501, 'usd')).toBeUndefined()
  })

  test('[CA-6] are of currencies that ISO 4217 has today', () => {
    expect(['usd', 'jpy', 'kwd', 'xof'].every(isCurrency)).toBe(true)
    expect(['dem', 'xau', 'xxx', 'USD', 'abc', ''].some(isCurrency)).toBe(false)
  })

  test('[CA-6] of tiers say how often they are paid', () => {
    expect(formatPrice({ amountCents: 1200, currency: 'usd', interval: 'month' })).toBe('$12.00 a month')
    expect(formatPrice({ amountCents: 1200, currency: 'usd', interval: null })).toBe('$12.00')
  })
})
