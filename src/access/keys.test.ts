import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PASSWORD, type TestAccess, testAccess } from '../../test/harness/access.ts'
import { createKey, defaultScopes, listGrants, listKeys, type NewKey } from './keys.ts'
import { countApprovers, createOrganisation, listOrganisations } from './organisations.ts'
import { createUser, type NewUser, removeMember, setMemberRole } from './users.ts'

let test: TestAccess

beforeAll(async () => {
  test = await testAccess()
})
afterAll(() => test.drop())

const key = (input: Partial<NewKey>) =>
  createKey(test.access, { org: 'laurel', role: 'automation', ...input })
const user = (input: Partial<NewUser>) =>
  createUser(test.access, {
    email: 'new@laurel.test',
    password: PASSWORD,
    org: 'laurel',
    role: 'member',
    ...input,
  })
const invalid = (pointer: string, message = '') =>
  expect.objectContaining({
    code: 'validation-failed',
    options: expect.objectContaining({
      errors: expect.arrayContaining([{ pointer, message: expect.stringContaining(message) }]),
    }),
  })

describe('[X-9] createKey', () => {
  it('gives each role its scopes', async () => {
    for (const role of ['automation', 'agent', 'listener', 'artist-admin'] as const) {
      const created = await key({ role })
      expect(created).toEqual({
        id: created.id,
        key: created.key,
        org: 'laurel',
        role,
        scopes: defaultScopes('laurel', role),
      })
      expect(created.id).toMatch(/^key_[0-9a-f]{24}$/)
      expect(created.key).toMatch(/^csk_[a-zA-Z]{64}$/)
    }
  })

  it('takes narrower scopes, each once', async () => {
    const scopes = ['creator:laurel:live:read', 'creator:laurel:live:read']
    expect((await key({ scopes })).scopes).toEqual(['creator:laurel:live:read'])
  })

  it.each<[string, Partial<NewKey>, string, string]>([
    [
      'a scope of another organisation',
      { scopes: ['creator:other:live:read'] },
      '/scopes',
      'another organisation',
    ],
    ['an unknown shape of scope', { scopes: ['laurel:live'] }, '/scopes', 'not a scope'],
    ['no scope', { scopes: [] }, '/scopes', 'at least one'],
    [
      'a creator scope on a listener key',
      { role: 'listener', scopes: ['creator:laurel:live:read'] },
      '/scopes',
      'listener',
    ],
    ['an unknown role', { role: 'root' as never }, '/role', 'one of'],
    ['a delegator where there is none', { for: 'owner@laurel.test' }, '/for', 'agent key'],
    ['a person where there is none', { user: 'owner@laurel.test' }, '/user', 'listener or artist-admin'],
    ['a delegator who is no member', { role: 'agent', for: 'owner@other.test' }, '/for', 'no member'],
    ['a person who is no member', { role: 'listener', user: 'nobody@laurel.test' }, '/user', 'no member'],
    ['an expiry in the past', { expiresAt: new Date(0) }, '/expiresAt', 'ahead'],
    ['a name without end', { name: 'x'.repeat(201) }, '/name', '200'],
  ])('refuses %s', async (_, input, pointer, message) => {
    const before = await listKeys(test.access, 'laurel')
    await expect(key(input)).rejects.toEqual(invalid(pointer, message))
    expect(await listKeys(test.access, 'laurel')).toEqual(before)
  })

  it('refuses an organisation that is not there', async () => {
    await expect(key({ org: 'nobody' })).rejects.toMatchObject({ code: 'not-found' })
  })

  it('lets nobody give what they do not have', async () => {
    await user({ email: 'fan@laurel.test' })
    await expect(key({ role: 'agent', for: 'fan@laurel.test' })).rejects.toEqual(
      invalid('/scopes', 'does not have'),
    )
    const scopes = ['listener:profile:read']
    expect((await key({ role: 'agent', for: 'fan@laurel.test', scopes })).scopes).toEqual(scopes)
    await expect(key({ role: 'artist-admin', user: 'fan@laurel.test' })).rejects.toEqual(
      invalid('/user', 'owner or admin'),
    )
  })

  it('asks for an owner before an agent', async () => {
    await createOrganisation(test.access, { slug: 'empty' })
    await expect(key({ org: 'empty', role: 'agent' })).rejects.toEqual(invalid('/for', 'no owner'))
    expect(await key({ org: 'empty', role: 'automation' })).toMatchObject({ org: 'empty' })
  })

  it('is listed with whom it acts for, and without its bearer', async () => {
    const created = await key({ role: 'agent', name: 'Codex' })
    const listed = (await listKeys(test.access, 'laurel')).find(({ id }) => id === created.id)
    expect(listed).toMatchObject({
      role: 'agent',
      name: 'Codex',
      actsFor: 'owner@laurel.test',
      revokedAt: null,
    })
    expect(JSON.stringify(listed)).not.toContain(created.key)
    const [grant] = (await listGrants(test.access, 'laurel')).filter(({ client }) => client.name === 'Codex')
    expect(grant).toMatchObject({
      client: { id: 'client-codex' },
      delegator: 'owner@laurel.test',
      givenBy: 'key',
    })
  })
})

describe('[X-10] people and organisations', () => {
  it('keep their slug for ever', async () => {
    const change = test.database.db.pool.query(
      `UPDATE auth_organization SET slug = 'x', id = 'x' WHERE id = 'other'`,
    )
    await expect(change).rejects.toThrow(/never changes/)
    await expect(createOrganisation(test.access, { slug: 'laurel' })).rejects.toMatchObject({
      code: 'conflict',
    })
    expect((await listOrganisations(test.access)).map(({ slug }) => slug)).toContain('laurel')
  })

  it.each(['', 'Laurel', '-a', 'a-', 'a--b', 'a_b', '*', 'a:b', 'x'.repeat(64)])(
    'refuse the slug "%s"',
    async (slug) => {
      await expect(createOrganisation(test.access, { slug })).rejects.toEqual(invalid('/slug'))
    },
  )

  it.each<[string, Partial<NewUser>, string]>([
    ['no address', { email: 'maya' }, '/email'],
    ['a short password', { password: 'short' }, '/password'],
    ['a password without end', { password: 'x'.repeat(129) }, '/password'],
    ['no password', { password: undefined }, '/password'],
    ['an unknown role', { role: 'creator' as never }, '/role'],
  ])('refuse a user with %s', async (_, input, pointer) => {
    await expect(user(input)).rejects.toEqual(invalid(pointer))
  })

  it('refuse an address twice, whatever its case, and a second membership', async () => {
    await user({ email: 'twice@laurel.test' })
    await expect(user({ email: 'Twice@Laurel.test' })).rejects.toMatchObject({ code: 'conflict' })
    await expect(user({ email: 'twice@laurel.test', password: undefined })).rejects.toMatchObject({
      code: 'conflict',
    })
    expect(await user({ email: 'twice@laurel.test', password: undefined, org: 'other' })).toMatchObject({
      org: 'other',
    })
  })

  it('always leave an owner', async () => {
    const owner = { org: 'other', email: 'owner@other.test' }
    await expect(removeMember(test.access, owner)).rejects.toMatchObject({ code: 'conflict' })
    await expect(setMemberRole(test.access, { ...owner, role: 'member' })).rejects.toMatchObject({
      code: 'conflict',
    })
  })

  it('count as approvers when they are owners or admins who can sign in', async () => {
    await createOrganisation(test.access, { slug: 'counted' })
    await user({ email: 'o@counted.test', org: 'counted', role: 'owner' })
    await user({ email: 'a@counted.test', org: 'counted', role: 'admin' })
    await user({ email: 'm@counted.test', org: 'counted', role: 'member' })
    await key({ org: 'counted', role: 'artist-admin' })
    expect(await countApprovers(test.database.db, 'counted')).toBe(2)
  })
})
