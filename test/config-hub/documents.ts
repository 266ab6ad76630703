import fc from 'fast-check'

const scalar = fc.oneof(
  fc.constantFrom('a', 'b', 'c', '', 'x/y', '~'),
  fc.integer({ min: 0, max: 3 }),
  fc.boolean(),
  fc.constant(null),
)
const name = fc.constantFrom('a', 'b', 'id', 'name', 'x/y', '~', '*')

/** Documents that resemble each other often: few names, few values, lists with and without identities. */
export const documents = fc.letrec((tie) => ({
  document: fc.dictionary(name, tie('value'), { maxKeys: 4 }),
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.dictionary(name, tie('value'), { maxKeys: 3 }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { maxLength: 5 }),
    fc.uniqueArray(fc.record({ id: fc.integer({ min: 0, max: 5 }), is: tie('value') }), {
      maxLength: 5,
      selector: (each) => (each as { id: number }).id,
    }),
    fc.array(fc.record({ is: scalar, more: scalar }, { requiredKeys: ['is'] }), { maxLength: 5 }),
  ),
})).document as fc.Arbitrary<Record<string, unknown>>
