import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { covers, intersectScopes, scopeMistakes } from './scopes.ts'

describe('[X-21] covers', () => {
  it.each([
    ['creator:laurel:*', 'creator:laurel:live:write', true],
    ['creator:laurel:*', 'creator:laurel:live:*', true],
    ['creator:laurel:live:*', 'creator:laurel:live:read', true],
    ['creator:laurel:live:read', 'creator:laurel:live:read', true],
    ['creator:laurel:live:read', 'creator:laurel:live:write', false],
    ['creator:laurel:live:read', 'creator:laurel:*', false],
    ['creator:laurel:live:*', 'creator:laurel:livestock:read', false],
    ['creator:laurel:*', 'creator:laurel-two:live:read', false],
    ['creator:laurel:*', 'listener:profile:read', false],
  ])('%s over %s: %s', (held, wanted, expected) => expect(covers(held, wanted)).toBe(expected))
})

describe('[X-22] intersectScopes', () => {
  it('keeps the narrower of two that overlap', () => {
    expect(intersectScopes(['creator:laurel:*'], ['creator:laurel:live:read'])).toEqual([
      'creator:laurel:live:read',
    ])
    expect(intersectScopes(['creator:laurel:live:write'], ['listener:profile:read'])).toEqual([])
  })

  it('never allows what one side does not', () => {
    const scope = fc.constantFrom(
      'creator:a:*',
      'creator:a:live:*',
      'creator:a:live:read',
      'creator:a:chat:read',
      'creator:b:*',
      'listener:profile:read',
    )
    fc.assert(
      fc.property(fc.array(scope), fc.array(scope), scope, (left, right, wanted) => {
        const allowed = (held: string[]) => held.some((each) => covers(each, wanted))
        expect(allowed(intersectScopes(left, right))).toBe(allowed(left) && allowed(right))
      }),
    )
  })
})

describe('[X-23] scopeMistakes', () => {
  it('accepts scopes of the organisation and listener scopes', () => {
    expect(
      scopeMistakes('laurel', [
        'creator:laurel:*',
        'creator:laurel:live:*',
        'creator:laurel:live:read',
        'listener:profile:read',
      ]),
    ).toEqual([])
  })

  it.each([
    ['creator:other:live:read', 'another organisation'],
    ['creator:*', 'not a scope'],
    ['*', 'not a scope'],
    ['creator:laurel:live', 'not a scope'],
    ['creator:laurel:live:read:more', 'not a scope'],
    ['listener:*', 'not a scope'],
    ['creator:laurel:LIVE:read', 'not a scope'],
    ['', 'not a scope'],
  ])('refuses %s', (scope, reason) => expect(scopeMistakes('laurel', [scope]).join()).toContain(reason))

  it('refuses a list that is too long', () => {
    expect(scopeMistakes('laurel', Array(51).fill('creator:laurel:*'))).toHaveLength(1)
  })
})
