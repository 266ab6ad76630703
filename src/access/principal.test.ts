import { describe, expect, it } from 'vitest'
import {
  automationPrincipal,
  clientId,
  communityId,
  communityName,
  grantPrincipal,
  guestPrincipal,
  hasScope,
  isPerson,
  type MemberRole,
  personKeyPrincipal,
  personPrincipal,
} from './principal.ts'

const maya = { id: 'user_1', name: 'Maya', email: 'maya@laurel.test' }
const member = (role: MemberRole) => ({ org: 'laurel', role })
const key = { id: 'key_1', org: 'laurel', name: 'Nightly', scopes: ['creator:laurel:*'] }
const client = { id: 'client-codex', name: 'Codex', kind: 'codex' }

describe('[X-13] principals', () => {
  it.each([
    ['owner', 'creator', 'owner', true],
    ['admin', 'artist-admin', 'admin', true],
    ['member', 'listener', null, false],
  ] as const)('a person who is %s is %s', (role, named, adminRole, writes) => {
    const person = personPrincipal(maya, member(role))
    expect(person).toMatchObject({
      kind: 'person',
      source: 'first-party-session',
      role: named,
      adminRole,
      id: 'user:user_1',
    })
    expect(hasScope(person, 'creator:laurel:live:write')).toBe(writes)
    expect(hasScope(person, 'creator:other:live:write')).toBe(false)
  })

  it('only a person is a person', () => {
    expect(isPerson(personPrincipal(maya, member('owner')))).toBe(true)
    const others = [
      guestPrincipal('laurel'),
      automationPrincipal(key),
      personKeyPrincipal({ ...key, role: 'artist-admin' }, maya, member('owner')),
      personKeyPrincipal({ ...key, role: 'listener' }, maya, member('owner')),
      grantPrincipal(
        { id: 'grant_1', org: 'laurel', client, scopes: ['creator:laurel:*'] },
        maya,
        member('owner'),
      ),
    ]
    expect(others.filter(isPerson)).toEqual([])
  })

  it('a listener key of an owner stays a listener', () => {
    const scopes = ['listener:profile:read', 'creator:laurel:live:write']
    const principal = personKeyPrincipal(
      { ...key, role: 'listener', scopes: scopes.slice(0, 1) },
      maya,
      member('owner'),
    )
    expect(principal).toMatchObject({
      kind: 'key',
      source: 'listener-key',
      role: 'listener',
      adminRole: null,
    })
    expect(principal.scopes).toEqual(['listener:profile:read'])
  })

  it('an artist-admin key is no more than its person', () => {
    const of = (role: MemberRole) => personKeyPrincipal({ ...key, role: 'artist-admin' }, maya, member(role))
    expect(of('owner')).toMatchObject({
      role: 'artist-admin',
      adminRole: 'admin',
      scopes: ['creator:laurel:*'],
    })
    expect(of('member')).toMatchObject({ role: 'listener', adminRole: null, scopes: [] })
  })

  it('a grant follows its delegator', () => {
    const grant = {
      id: 'grant_1',
      org: 'laurel',
      client,
      scopes: ['creator:laurel:live:read', 'listener:profile:read'],
    }
    const ofOwner = grantPrincipal(grant, maya, member('owner'))
    expect(ofOwner).toMatchObject({
      kind: 'grant',
      role: 'creator',
      id: 'grant:grant_1',
      grantId: 'grant_1',
      client,
      email: null,
    })
    expect(ofOwner.scopes).toEqual(['creator:laurel:live:read'])
    expect(grantPrincipal(grant, maya, member('member')).scopes).toEqual(['listener:profile:read'])
  })
})

describe('[X-14] names', () => {
  it('follow from the slug', () => {
    expect(communityId('laurel')).toBe('community_laurel_public')
    expect(communityName('laurel')).toBe('Laurel public community')
    expect(communityName('north-pier')).toBe('North Pier public community')
  })

  it('of a client say what it calls itself', () => {
    expect(clientId('Agent Experience!')).toBe('client-agent-experience')
    expect(clientId('  ')).toBe('client-agent')
  })
})
