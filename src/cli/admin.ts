import type { Command } from 'commander'
import { createKey, listGrants, listKeys, revokeGrant, revokeKey } from '../access/keys.ts'
import { createOrganisation, listOrganisations } from '../access/organisations.ts'
import type { KeyRole, MemberRole } from '../access/principal.ts'
import { createUser, removeMember, setMemberRole } from '../access/users.ts'
import type { Deps } from '../deps.ts'
import { type Output, table } from './output.ts'

/** Runs work on the storage itself, whether a server is running on it or not. */
export type WithStorage = <T>(work: (deps: Deps) => Promise<T>) => Promise<T>

/** Organisations, people and keys: administrative commands that need the storage rather than a server. */
export function adminCommands(program: Command, withStorage: WithStorage, output: () => Output): void {
  const orgs = program.command('orgs').description('organisations')
  orgs
    .command('create')
    .description('create an organisation')
    .requiredOption('--slug <slug>', 'its immutable name: the tenant key')
    .option('--name <name>', 'as shown to people')
    .action(async ({ slug, name }) => {
      const created = await withStorage(({ access }) => createOrganisation(access, { slug, name }))
      output().data(created, `Created the organisation ${created.slug}.`)
    })
  orgs
    .command('list')
    .description('list organisations')
    .action(async () => {
      const all = await withStorage(({ access }) => listOrganisations(access))
      output().data(
        all,
        table(
          ['slug', 'name'],
          all.map(({ slug, name }) => [slug, name]),
        ),
      )
    })

  const users = program.command('users').description('people who sign in')
  users
    .command('create')
    .description('create a person, or add one who exists to another organisation')
    .requiredOption('--email <email>')
    .option('--password <password>', 'for a new account')
    .option('--name <name>')
    .requiredOption('--org <slug>')
    .requiredOption('--role <role>', 'owner, admin or member')
    .action(
      async (options: { email: string; password?: string; name?: string; org: string; role: MemberRole }) => {
        const user = await withStorage(({ access }) => createUser(access, options))
        output().data(user, `Created ${user.email} as ${user.role} of ${user.org}.`)
      },
    )

  users
    .command('role')
    .description('change what a person is in an organisation')
    .requiredOption('--email <email>')
    .requiredOption('--org <slug>')
    .requiredOption('--role <role>', 'owner, admin or member')
    .action(async (options: { email: string; org: string; role: MemberRole }) => {
      await withStorage(({ access }) => setMemberRole(access, options))
      output().data({ ok: true, ...options }, `${options.email} is ${options.role} of ${options.org}.`)
    })
  users
    .command('remove')
    .description('take a person out of an organisation; their keys and grants end at once')
    .requiredOption('--email <email>')
    .requiredOption('--org <slug>')
    .action(async (options: { email: string; org: string }) => {
      await withStorage(({ access }) => removeMember(access, options))
      output().data({ ok: true, ...options }, `Removed ${options.email} from ${options.org}.`)
    })

  keyCommands(program, withStorage, output)
  grantCommands(program, withStorage, output)
}

function grantCommands(program: Command, withStorage: WithStorage, output: () => Output): void {
  const grants = program.command('grants').description('what people let agents do, by key or by consent')
  grants
    .command('list')
    .description('list an organisation’s grants')
    .requiredOption('--org <slug>')
    .action(async ({ org }: { org: string }) => {
      const all = await withStorage(({ access }) => listGrants(access, org))
      const rows = all.map(({ id, client, delegator, scopes, revokedAt }) => [
        id,
        client.name,
        delegator,
        scopes.join(' '),
        revokedAt?.toISOString() ?? '—',
      ])
      output().data(all, table(['id', 'client', 'given by', 'scopes', 'revoked'], rows))
    })
  grants
    .command('revoke')
    .description('revoke a grant at once')
    .requiredOption('--org <slug>')
    .requiredOption('--id <id>')
    .action(async ({ org, id }: { org: string; id: string }) => {
      await withStorage(({ access }) => revokeGrant(access, { org, id }))
      output().data({ ok: true, id }, `Revoked ${id}.`)
    })
}

function keyCommands(program: Command, withStorage: WithStorage, output: () => Output): void {
  const keys = program.command('keys').description('bearer credentials')
  keys
    .command('create')
    .description('create a key and print its bearer, once')
    .requiredOption('--org <slug>')
    .requiredOption('--role <role>', 'automation, agent, listener or artist-admin')
    .option(
      '--user <email>',
      'whom a listener or artist-admin key acts for (absent: a person is made for it)',
    )
    .option('--for <email>', 'who delegates to an agent (absent: an owner)')
    .option('--scopes <list>', 'comma-separated, for example creator:laurel:live:read')
    .option('--name <name>', 'as shown in logs and sessions')
    .action(
      async (options: {
        org: string
        role: KeyRole
        user?: string
        for?: string
        scopes?: string
        name?: string
      }) => {
        const scopes = options.scopes?.split(',').map((scope) => scope.trim())
        const {
          id,
          key,
          org,
          role,
          scopes: given,
        } = await withStorage(({ access }) => createKey(access, { ...options, scopes }))
        const text = [
          `Created the ${role} key ${id} of ${org}. Its bearer is shown only now:`,
          '',
          `  ${key}`,
          '',
          `Scopes: ${given.join(', ')}`,
        ]
        output().data({ id, key, org, role, scopes: given }, text.join('\n'))
      },
    )
  keys
    .command('list')
    .description('list an organisation’s keys')
    .requiredOption('--org <slug>')
    .action(async ({ org }: { org: string }) => {
      const all = await withStorage(({ access }) => listKeys(access, org))
      output().data(all, keyTable(all))
    })
  keys
    .command('revoke')
    .description('revoke a key at once')
    .requiredOption('--org <slug>')
    .requiredOption('--id <id>')
    .action(async ({ org, id }: { org: string; id: string }) => {
      await withStorage(({ access }) => revokeKey(access, { org, id }))
      output().data({ ok: true, id }, `Revoked ${id}.`)
    })
}

const keyTable = (keys: Awaited<ReturnType<typeof listKeys>>): string =>
  table(
    ['id', 'role', 'name', 'acts for', 'scopes', 'revoked'],
    keys.map(({ id, role, name, actsFor, scopes, revokedAt }) => [
      id,
      role,
      name,
      actsFor ?? '—',
      scopes.join(' '),
      revokedAt?.toISOString() ?? '—',
    ]),
  )
