import { expect, test } from 'vitest'
import { OPERATIONS } from '../../operations.ts'
import { fixFor } from './fixes.ts'
import { CLASSES } from './rules.ts'

const KINDS = ['lesson-offering', 'membership-tier', 'shop-product', 'stripe-price']

test('[DR-9] every fix names operations that there are, and its arguments are theirs', () => {
  const fixes = CLASSES.flatMap((found) =>
    KINDS.flatMap((sourceKind) => {
      const fix = fixFor({
        class: found,
        sourceKind,
        key: 'intro',
        evidence: { stripe: { amountCents: 8000 } },
      })
      return fix ? [{ found, sourceKind, ...fix }] : []
    }),
  )
  for (const { preview, confirm } of fixes) {
    const previewing = OPERATIONS.find(({ id }) => id === preview.operationId)
    const confirming = OPERATIONS.find(({ id }) => id === confirm.operationId)
    expect(previewing).toMatchObject({ effect: 'preview', tool: preview.tool })
    expect(confirming).toMatchObject({ effect: 'write', tool: confirm.tool })
    expect(previewing?.input.safeParse(preview.input).success).toBe(true)
  }
  const fixed = fixes.map(({ found, sourceKind }) => `${sourceKind} ${found}`)
  expect(fixed).toEqual(
    expect.arrayContaining([
      'lesson-offering missing-price',
      'membership-tier interval',
      'shop-product amount',
    ]),
  )
  expect(fixed.some((each) => /orphaned|duplicate|stripe-price/.test(each))).toBe(false)
})

test('[DR-9] an amount that Stripe does not fix is none to take', () => {
  const finding = {
    class: 'amount',
    sourceKind: 'shop-product',
    key: 'score',
    evidence: { stripe: { amountCents: null } },
  }
  expect(fixFor(finding)).toBeNull()
})
