import type { Queryable } from '../db/pool.ts'
import { type FieldError, fail } from '../operation/errors.ts'
import type { Access } from './auth.ts'
import { newAccessId } from './ids.ts'
import { requireOrganisation } from './organisations.ts'
import type { MemberRole, Person } from './principal.ts'
import {
  deleteMember,
  findMember,
  findMemberById,
  findUserByEmail,
  insertMember,
  insertPassword,
  insertUser,
  selectOwners,
  updateMemberRole,
} from './store.ts'

export { emailOfUser, findUserByEmail } from './store.ts'

const EMAIL = /^[^\s@"<>\\]{1,64}@[^\s@"<>\\]{1,190}$/
const MEMBER_ROLES: readonly MemberRole[] = ['owner', 'admin', 'member']

/** NIST SP 800-63B asks for at least 8 and for no less than 64 as the upper bound. */
export const PASSWORD_LENGTH = { min: 8, max: 128 }

export type NewUser = {
  email: string
  /** Left out for somebody who has an account already and joins another organisation. */
  password?: string | undefined
  name?: string | undefined
  org: string
  role: MemberRole
}

export type User = { id: string; email: string; name: string; org: string; role: MemberRole }

/**
 * Creates a person who signs in with a password and is a member of an organisation, or adds a person who exists
 * already (then without password). Errors: validation-failed, not-found (the organisation), conflict.
 */
export async function createUser(access: Pick<Access, 'db' | 'clock'>, input: NewUser): Promise<User> {
  refuseMistakes(input)
  await requireOrganisation(access, input.org)
  const known = await findUserByEmail(access.db, input.email)
  const person = known ?? newPerson(input.email, input.name)
  if (known && input.password !== undefined)
    fail(
      'conflict',
      'This e-mail address has an account; leave the password out to add it to the organisation.',
    )
  if (!known && input.password === undefined) refuse('/password', 'is needed for a new account')
  const hash = input.password === undefined ? undefined : await hashPassword(input.password)
  const now = access.clock()
  return access.db.transaction(async (tx) => {
    if (!known) await addPerson(tx, person, hash, now)
    const member = { id: newAccessId('member'), org: input.org, userId: person.id, role: input.role, now }
    if (!(await insertMember(tx, member)))
      fail('conflict', `This person is a member of ${input.org} already.`)
    return { ...person, org: input.org, role: input.role }
  })
}

/** better-auth's own hash (scrypt), loaded only where a password is set. */
async function hashPassword(password: string): Promise<string> {
  const crypto = await import('better-auth/crypto')
  return crypto.hashPassword(password)
}

const newPerson = (email: string, name?: string): Person => ({
  id: newAccessId('user'),
  email: email.toLowerCase(),
  name: name?.trim() || (email.split('@')[0] as string),
})

/** Adds somebody to the organisation for a key to act for: a person in every respect, but with no way to sign in. */
export async function createPersonForKey(
  tx: Queryable,
  input: { org: string; role: MemberRole; keyId: string; name: string; now: Date },
): Promise<Person> {
  const { org, role, now } = input
  // RFC 2606: no mail can ever go there
  const person = { ...newPerson(`${input.keyId}@keys.invalid`), name: input.name }
  await addPerson(tx, person, undefined, now)
  await insertMember(tx, { id: newAccessId('member'), org, userId: person.id, role, now })
  return person
}

async function addPerson(tx: Queryable, person: Person, hash: string | undefined, now: Date): Promise<void> {
  if (!(await insertUser(tx, { ...person, now })))
    fail('conflict', 'This e-mail address has an account already.')
  if (hash !== undefined)
    await insertPassword(tx, { id: newAccessId('account'), userId: person.id, hash, now })
}

/** The member of an organisation with this e-mail address. Refuses with validation-failed, naming `pointer`. */
export async function requireMember(
  access: Pick<Access, 'db'>,
  org: string,
  email: string,
  pointer: string,
): Promise<{ person: Person; role: MemberRole }> {
  const person = await findUserByEmail(access.db, email)
  const role = person && (await findMember(access.db, org, person.id))
  if (!person || !role) return refuse(pointer, `is no member of ${org}`)
  return { person, role }
}

/** The first owner who can sign in: whom an agent key acts for when nobody is named. */
export async function requireOwner(
  access: Pick<Access, 'db'>,
  org: string,
  pointer: string,
): Promise<Person> {
  const [owner] = await selectOwners(access.db, org)
  return owner ?? refuse(pointer, `is needed: ${org} has no owner yet (users create … --role owner)`)
}

/** Changes what a member may do, and with it what the member's keys and grants may do, at once. */
export async function setMemberRole(
  access: Pick<Access, 'db'>,
  input: { org: string; email: string; role: MemberRole },
): Promise<void> {
  if (!MEMBER_ROLES.includes(input.role)) refuse('/role', `must be one of ${MEMBER_ROLES.join(', ')}`)
  const { person } = await requireMember(access, input.org, input.email, '/email')
  await access.db.transaction(async (tx) => {
    await updateMemberRole(tx, input.org, person.id, input.role)
    await requireSomeOwner(tx, input.org)
  })
}

/** Ends a membership: the person's keys and grants in this organisation stop working at once. */
export async function removeMember(
  access: Pick<Access, 'db'>,
  input: { org: string; email: string },
): Promise<void> {
  const { person } = await requireMember(access, input.org, input.email, '/email')
  await access.db.transaction(async (tx) => {
    await deleteMember(tx, input.org, person.id)
    await requireSomeOwner(tx, input.org)
  })
}

async function requireSomeOwner(tx: Queryable, org: string): Promise<void> {
  if ((await selectOwners(tx, org)).length === 0) fail('conflict', `${org} would be left without an owner.`)
}

function refuseMistakes(input: NewUser): void {
  const errors: FieldError[] = []
  const mistake = (pointer: string, message: string) => errors.push({ pointer, message })
  if (!EMAIL.test(input.email)) mistake('/email', 'must be an e-mail address')
  if (input.name !== undefined && input.name.length > 200) mistake('/name', 'at most 200 characters')
  if (!MEMBER_ROLES.includes(input.role)) mistake('/role', `must be one of ${MEMBER_ROLES.join(', ')}`)
  const length = input.password?.length
  if (length !== undefined && (length < PASSWORD_LENGTH.min || length > PASSWORD_LENGTH.max))
    mistake('/password', `must have ${PASSWORD_LENGTH.min} to ${PASSWORD_LENGTH.max} characters`)
  if (errors.length > 0)
    fail('validation-failed', {
      detail: errors.map((each) => `${each.pointer.slice(1)} ${each.message}`).join('; '),
      errors,
    })
}

function refuse(pointer: string, message: string): never {
  return fail('validation-failed', {
    detail: `${pointer.slice(1)} ${message}`,
    errors: [{ pointer, message }],
  })
}

/** The member of an organisation who signs in with that address, or has that id. */
export async function findAccount(
  db: Queryable,
  org: string,
  by: { email: string } | { userId: string },
): Promise<Person | undefined> {
  const userId = 'userId' in by ? by.userId : (await findUserByEmail(db, by.email))?.id
  return userId === undefined ? undefined : (await findMemberById(db, org, userId))?.person
}
