import { apiKey } from '@better-auth/api-key'
import { mcp } from '@better-auth/mcp'
import { APIError, type BetterAuthOptions, type BetterAuthPlugin, betterAuth } from 'better-auth'
import { createAuthMiddleware, isAPIError } from 'better-auth/api'
import { organization } from 'better-auth/plugins/organization'
import type { Access } from './auth.ts'
import { CLIENT_ADDRESS_HEADER } from './forward.ts'
import { KEY_PREFIX, OAUTH_TOKEN_PREFIX, REFRESH_TOKEN_PREFIX } from './ids.ts'
import {
  CONSENT_PAGE,
  CONSENT_SECONDS,
  grantInConsent,
  OAUTH_ERROR_PAGE,
  SIGN_IN_PAGE,
  TOKEN_SECONDS,
} from './oauth.ts'
import { AUTH_PATH, allowsOAuth, isLoopback, mcpResources, trustedOrigins } from './origins.ts'
import { OAUTH_SCOPES } from './scopes.ts'
import { COOKIE_PREFIX, SESSION_SECONDS } from './session-cookie.ts'
import { coreTables, inOurNames } from './table-names.ts'
import { PASSWORD_LENGTH } from './users.ts'

export type BetterAuth = Awaited<ReturnType<typeof startBetterAuth>>

/** Starts better-auth on the application's pool. Rejects when the database is not there. */
export async function startBetterAuth(access: Access) {
  const auth = betterAuth({ ...authOptions(access), plugins: authPlugins(access) })
  await auth.$context
  return auth
}

/** Everything but the plugins; exported with them for the test that compares the migration with the schema. */
export const authOptions = (access: Access) =>
  ({
    appName: 'Countersign',
    database: access.db.pool,
    baseURL: access.origin(),
    basePath: AUTH_PATH,
    secret: access.secret,
    trustedOrigins: async (request?: Request) =>
      trustedOrigins(access.origin(), request?.headers.get('host')),
    ...coreTables,
    // people are made by owners and the command line, never by themselves
    emailAndPassword: {
      enabled: true,
      disableSignUp: true,
      minPasswordLength: PASSWORD_LENGTH.min,
      maxPasswordLength: PASSWORD_LENGTH.max,
    },
    session: { ...coreTables.session, expiresIn: SESSION_SECONDS, disableSessionRefresh: true },
    rateLimit: {
      enabled: true,
      window: 60,
      max: 300,
      storage: 'memory',
      customRules: { '/sign-in/email': access.limits.signIn },
    },
    advanced: {
      cookiePrefix: COOKIE_PREFIX,
      ipAddress: { ipAddressHeaders: [CLIENT_ADDRESS_HEADER] },
      // stated because better-auth turns these checks off by itself where it believes to be in a test
      disableOriginCheck: false,
      disableCSRFCheck: false,
    },
    hooks: { before: nativeClients },
    onAPIError: { errorURL: OAUTH_ERROR_PAGE, onError: (error) => logDefect(access, error) },
    telemetry: { enabled: false },
    logger: { level: 'warn', disableColors: true, log: (level, message) => forward(access, level, message) },
  }) satisfies BetterAuthOptions

export function authPlugins(access: Access) {
  return [
    inOurNames(organization({ allowUserToCreateOrganization: false, disableOrganizationDeletion: true })),
    inOurNames(
      apiKey({
        defaultPrefix: KEY_PREFIX,
        // nothing of a bearer is kept but its hash
        startingCharactersConfig: { shouldStore: false },
        rateLimit: { enabled: false },
      }),
    ),
    ...(allowsOAuth(access.origin()) ? [inOurNames(oauthPlugin(access))] : []),
  ] satisfies BetterAuthPlugin[]
}

/**
 * Opaque tokens instead of JWTs, so that revoking a grant counts at once. The person chooses the organisation when
 * consenting; the consent's reference is our grant, which the tokens then carry.
 */
function oauthPlugin(access: Access) {
  const [resource = '', ...others] = mcpResources(access.origin())
  return mcp({
    resource,
    resources: others,
    // every client may ask for every name of our one resource
    enforcePerClientResources: false,
    loginPage: SIGN_IN_PAGE,
    consentPage: CONSENT_PAGE,
    scopes: [...Object.keys(OAUTH_SCOPES), 'offline_access'],
    grantTypes: ['authorization_code', 'refresh_token'],
    disableJwtPlugin: true,
    allowDynamicClientRegistration: true,
    allowUnauthenticatedClientRegistration: true,
    accessTokenExpiresIn: TOKEN_SECONDS,
    refreshTokenExpiresIn: CONSENT_SECONDS,
    rateLimit: { register: access.limits.register, token: access.limits.token },
    prefix: { opaqueAccessToken: OAUTH_TOKEN_PREFIX, refreshToken: REFRESH_TOKEN_PREFIX },
    postLogin: { page: CONSENT_PAGE, shouldRedirect: () => false, consentReferenceId: consentedGrant },
  })
}

function consentedGrant(): string {
  const grant = grantInConsent.getStore()
  if (!grant) throw new APIError('FORBIDDEN', { message: 'Consent is given on the consent page only.' })
  return grant
}

/**
 * A client that redirects to loopback or to a scheme of its own is native, whether it says so or not: clients of the
 * MCP revisions before 2026-07-28 do not send `application_type`, and the default of RFC 7591 would refuse them.
 */
const nativeClients = createAuthMiddleware(async (ctx) => {
  if (ctx.path !== '/oauth2/register') return
  const body = ctx.body as { application_type?: unknown; redirect_uris?: unknown } | undefined
  if (!body || body.application_type !== undefined || !Array.isArray(body.redirect_uris)) return
  if (!body.redirect_uris.some((uri) => typeof uri === 'string' && isNativeRedirect(uri))) return
  return { context: { ...ctx, body: { ...body, application_type: 'native' } } }
})

function isNativeRedirect(uri: string): boolean {
  if (!URL.canParse(uri)) return false
  const { protocol, hostname } = new URL(uri)
  return protocol === 'http:' ? isLoopback(hostname) : protocol !== 'https:'
}

/** A refusal is in its answer; only what is no refusal is worth a line. */
function logDefect(access: Access, error: unknown): void {
  if (isAPIError(error) && error.statusCode < 500) return
  access.log.error({ err: error }, 'better-auth failed')
}

/** Messages only: what better-auth passes besides can hold rows and request bodies. */
function forward(access: Access, level: string, message: string): void {
  const line = `better-auth: ${message.slice(0, 300)}`
  if (level === 'error') access.log.error(line)
  else access.log.warn(line)
}
