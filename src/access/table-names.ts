import type { BetterAuthOptions, BetterAuthPlugin } from 'better-auth'

/** better-auth's tables carry this prefix: its "session" and "user" are not the product's. */
const TABLE_PREFIX = 'auth_'

const snakeCase = (name: string): string =>
  name.replaceAll(/(?<=[a-z])PKCE/g, '_pkce').replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const tableName = (model: string): string => `${TABLE_PREFIX}${snakeCase(model)}`

const columns = (...fields: string[]): Record<string, string> =>
  Object.fromEntries(fields.map((field) => [field, snakeCase(field)]))

/** The four tables of better-auth itself, named as everything else in this database. */
export const coreTables = {
  user: { modelName: tableName('user'), fields: columns('emailVerified', 'createdAt', 'updatedAt') },
  session: {
    modelName: tableName('session'),
    fields: columns('expiresAt', 'createdAt', 'updatedAt', 'ipAddress', 'userAgent', 'userId'),
  },
  account: {
    modelName: tableName('account'),
    fields: columns(
      'accountId',
      'providerId',
      'userId',
      'accessToken',
      'refreshToken',
      'idToken',
      'accessTokenExpiresAt',
      'refreshTokenExpiresAt',
      'createdAt',
      'updatedAt',
    ),
  },
  verification: {
    modelName: tableName('verification'),
    fields: columns('expiresAt', 'createdAt', 'updatedAt'),
  },
} satisfies Pick<BetterAuthOptions, 'user' | 'session' | 'account' | 'verification'>

/** The plugin with its tables and columns named by the same rule. */
export function inOurNames<P extends Pick<BetterAuthPlugin, 'schema'>>(plugin: P): P {
  const schema = Object.entries(plugin.schema ?? {}).map(([model, table]) => {
    const fields = Object.entries(table.fields).map(([field, attributes]) => [
      field,
      { ...attributes, fieldName: snakeCase(field) },
    ])
    return [model, { ...table, modelName: tableName(model), fields: Object.fromEntries(fields) }]
  })
  return { ...plugin, schema: Object.fromEntries(schema) }
}
