import { fail } from '../operation/errors.ts'
import type { Access } from './auth.ts'
import { insertOrganisation, type OrganisationRow, organisationExists, selectOrganisations } from './store.ts'

const SLUG = /^[a-z0-9](-?[a-z0-9])*$/
const MAX_SLUG_LENGTH = 63

export const isSlug = (text: string): boolean => text.length <= MAX_SLUG_LENGTH && SLUG.test(text)

export type Organisation = { slug: string; name: string; createdAt: Date }

/**
 * Creates an organisation. The slug becomes its id, the tenant key everywhere, and never changes. The name is the
 * slug capitalised unless given. Errors: validation-failed, conflict.
 */
export async function createOrganisation(
  access: Pick<Access, 'db' | 'clock'>,
  input: { slug: string; name?: string | undefined },
): Promise<Organisation> {
  const { slug } = input
  if (!isSlug(slug))
    fail('validation-failed', {
      detail: 'A slug is 1 to 63 lower-case letters, digits and single inner hyphens.',
      errors: [
        { pointer: '/slug', message: 'must be 1 to 63 lower-case letters, digits and single inner hyphens' },
      ],
    })
  const name = input.name?.trim() || `${slug[0]?.toUpperCase()}${slug.slice(1)}`
  if (name.length > 200)
    fail('validation-failed', {
      detail: 'The name is too long.',
      errors: [{ pointer: '/name', message: 'at most 200 characters' }],
    })
  const now = access.clock()
  if (!(await insertOrganisation(access.db, { org: slug, name, now })))
    fail('conflict', `The organisation ${slug} exists already.`)
  return { slug, name, createdAt: now }
}

export async function listOrganisations(access: Pick<Access, 'db'>): Promise<Organisation[]> {
  const present = ({ org, name, createdAt }: OrganisationRow) => ({ slug: org, name, createdAt })
  return (await selectOrganisations(access.db)).map(present)
}

/** How many people could resolve an approval; people made for a key cannot sign in and do not count. */
export { countApprovers } from './store.ts'

/** Refuses with not-found when there is no such organisation. */
export async function requireOrganisation(access: Pick<Access, 'db'>, org: string): Promise<void> {
  if (!(await organisationExists(access.db, org))) fail('not-found', 'There is no such organisation.')
}
