import { type FieldError, fail } from '../operation/errors.ts'
import type { Access } from './auth.ts'
import { newAccessId } from './ids.ts'
import {
  deleteSecret,
  insertKey,
  insertKeyGrant,
  type KeyRow,
  type ListedGrant,
  type ListedKey,
  revokeGrantRow,
  revokeKeyRow,
  selectGrants,
  selectKeys,
} from './keys-store.ts'
import { requireOrganisation } from './organisations.ts'
import { type Client, clientId, type KeyRole, memberScopes, type Person } from './principal.ts'
import { agentScopes, coveredBy, everything, LISTENER_SCOPES, scopeMistakes } from './scopes.ts'
import { createPersonForKey, requireMember, requireOwner } from './users.ts'

export type NewKey = {
  org: string
  role: KeyRole
  name?: string | undefined
  /** E-mail of the member a listener or artist-admin key acts for; left out, a person is made for the key. */
  user?: string | undefined
  /** E-mail of the delegator of an agent key; left out, an owner of the organisation. */
  for?: string | undefined
  scopes?: readonly string[] | undefined
  expiresAt?: Date | undefined
  /** The agent's client as sessions show it. */
  client?: Client | undefined
}

/** `key` is the bearer: shown here once, kept only as a hash. */
export type CreatedKey = { id: string; key: string; org: string; role: KeyRole; scopes: string[] }

const KEY_ROLES: readonly KeyRole[] = ['automation', 'agent', 'listener', 'artist-admin']

const DEFAULT_NAMES: Record<KeyRole, string> = {
  automation: 'Approved automation',
  agent: 'Agent',
  listener: 'Listener',
  'artist-admin': 'Artist admin',
}

export function defaultScopes(org: string, role: KeyRole): string[] {
  if (role === 'listener') return [...LISTENER_SCOPES]
  // an agent may propose everything: its writes wait for a person whatever its scopes
  return role === 'agent' ? agentScopes(org) : [everything(org)]
}

/**
 * Creates a key of an organisation; an agent key comes with its grant. Errors: validation-failed (with one entry per
 * mistake), not-found (the organisation).
 */
export async function createKey(access: Access, input: NewKey): Promise<CreatedKey> {
  const scopes = [...new Set(input.scopes ?? defaultScopes(input.org, input.role))]
  refuseMistakes(access, input, scopes)
  await requireOrganisation(access, input.org)
  const person = await personOf(access, input, scopes)
  const id = newAccessId('key')
  const secret = await createSecret(access, person?.id ?? `organization:${input.org}`)
  try {
    await store(access, input, { id, secretId: secret.id, scopes, person })
  } catch (error) {
    await deleteSecret(access.db, secret.id)
    throw error
  }
  return { id, key: secret.key, org: input.org, role: input.role, scopes }
}

/** The API-key plugin makes the bearer and keeps its hash; what the bearer may do is ours to say. */
async function createSecret(access: Access, holder: string): Promise<{ id: string; key: string }> {
  const auth = await access.auth()
  return auth.api.createApiKey({ body: { userId: holder } })
}

/** The person named, checked to hold what the key is to have; undefined for automation and where one is to be made. */
async function personOf(access: Access, input: NewKey, scopes: string[]): Promise<Person | undefined> {
  const { org, role } = input
  if (role === 'automation') return undefined
  if (role === 'agent') {
    const delegator =
      input.for === undefined
        ? { person: await requireOwner(access, org, '/for'), role: 'owner' as const }
        : await requireMember(access, org, input.for, '/for')
    const lacking = scopes.filter((scope) => !coveredBy(memberScopes({ org, role: delegator.role }), scope))
    if (lacking.length > 0)
      refuse(
        lacking.map((scope) => ({ pointer: '/scopes', message: `the delegator does not have ${scope}` })),
      )
    return delegator.person
  }
  if (input.user === undefined) return undefined
  const holder = await requireMember(access, org, input.user, '/user')
  if (role === 'artist-admin' && holder.role === 'member')
    refuse([{ pointer: '/user', message: 'must be an owner or admin for an artist-admin key' }])
  return holder.person
}

type Prepared = { id: string; secretId: string; scopes: string[]; person: Person | undefined }

async function store(
  access: Access,
  input: NewKey,
  { id, secretId, scopes, person }: Prepared,
): Promise<void> {
  const { org, role } = input
  const now = access.clock()
  const name = input.name?.trim() || DEFAULT_NAMES[role]
  const expiresAt = input.expiresAt ?? null
  await access.db.transaction(async (tx) => {
    const actsForPerson = role === 'listener' || role === 'artist-admin'
    const memberRole = role === 'artist-admin' ? 'admin' : 'member'
    const holder = actsForPerson
      ? (person ?? (await createPersonForKey(tx, { org, role: memberRole, keyId: id, name, now })))
      : undefined
    const row: KeyRow = {
      org,
      id,
      secretId,
      role,
      name,
      userId: holder?.id ?? null,
      scopes,
      createdAt: now,
      expiresAt,
    }
    await insertKey(tx, row)
    if (role !== 'agent' || !person) return
    const client = input.client ?? { id: clientId(name), name, kind: 'agent' }
    const grant = {
      org,
      id: newAccessId('grant'),
      delegatorUserId: person.id,
      client,
      scopes,
      createdAt: now,
      expiresAt,
    }
    await insertKeyGrant(tx, { ...grant, keyId: id })
  })
}

/** Revokes a key at once, with its grant. Errors: not-found, also when it is revoked already. */
export async function revokeKey(
  access: Pick<Access, 'db' | 'clock'>,
  input: { org: string; id: string },
): Promise<void> {
  if (!(await revokeKeyRow(access.db, input.org, input.id, access.clock())))
    fail('not-found', 'There is no such living key.')
}

export const listKeys = (access: Pick<Access, 'db'>, org: string): Promise<ListedKey[]> =>
  selectKeys(access.db, org)

/** Revokes a grant: the agent's bearers stop working at once. Errors: not-found. */
export async function revokeGrant(
  access: Pick<Access, 'db' | 'clock'>,
  input: { org: string; id: string },
): Promise<void> {
  if (!(await revokeGrantRow(access.db, input.org, input.id, access.clock())))
    fail('not-found', 'There is no such living grant.')
}

export const listGrants = (access: Pick<Access, 'db'>, org: string): Promise<ListedGrant[]> =>
  selectGrants(access.db, org)

function refuseMistakes(access: Access, input: NewKey, scopes: string[]): void {
  const { org, role } = input
  const errors: FieldError[] = scopeMistakes(org, scopes).map((message) => ({ pointer: '/scopes', message }))
  const mistake = (pointer: string, message: string) => errors.push({ pointer, message })
  if (!KEY_ROLES.includes(role)) mistake('/role', `must be one of ${KEY_ROLES.join(', ')}`)
  if (input.for !== undefined && role !== 'agent') mistake('/for', 'only an agent key has a delegator')
  if (input.user !== undefined && role !== 'listener' && role !== 'artist-admin')
    mistake('/user', 'only a listener or artist-admin key acts for a person')
  if (input.client !== undefined && role !== 'agent') mistake('/client', 'only an agent key has a client')
  if (input.name !== undefined && input.name.length > 200) mistake('/name', 'at most 200 characters')
  if (scopes.length === 0) mistake('/scopes', 'at least one scope')
  if (role === 'listener' && scopes.some((scope) => !scope.startsWith('listener:')))
    mistake('/scopes', 'a listener key has listener scopes only')
  if (input.expiresAt !== undefined && !(input.expiresAt > access.clock()))
    mistake('/expiresAt', 'must lie ahead')
  if (errors.length > 0) refuse(errors)
}

const refuse = (errors: FieldError[]): never =>
  fail('validation-failed', {
    detail: errors.map((each) => `${each.pointer.slice(1)}: ${each.message}`).join('; '),
    errors,
  })
