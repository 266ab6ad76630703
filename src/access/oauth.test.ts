import {
  auth,
  Client,
  type OAuthClientInformationMixed,
  type OAuthClientProvider,
  type OAuthDiscoveryState,
  type OAuthTokens,
  StreamableHTTPClientTransport,
  UnauthorizedError,
} from '@modelcontextprotocol/client'
import { McpServer } from '@modelcontextprotocol/server'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { accessApp, PASSWORD, type TestAccess, testAccess } from '../../test/harness/access.ts'
import { fail } from '../operation/errors.ts'
import { mcpHttp } from '../operation/mcp-http.ts'
import { authenticate } from './authenticate.ts'
import { listGrants, revokeGrant } from './keys.ts'
import { createUser, setMemberRole } from './users.ts'

const REDIRECT = 'http://localhost:43210/callback'

let test: TestAccess
let app: FastifyInstance
let origin: string

beforeAll(async () => {
  test = await testAccess()
  await createUser(test.access, {
    email: 'maya@laurel.test',
    password: PASSWORD,
    name: 'Maya',
    org: 'laurel',
    role: 'owner',
  })
  await createUser(test.access, { email: 'maya@laurel.test', org: 'other', role: 'member' })
  // started before the port is known, as where a key is made first
  await test.access.auth()
  app = await accessApp(test.access)
  await app.register((scope) =>
    mcpHttp(scope, {
      serverFor: ({ principal }) => {
        const server = new McpServer({ name: 'who', version: '1' })
        server.registerTool('whoami', { inputSchema: z.object({}) }, () => ({
          content: [{ type: 'text', text: JSON.stringify({ ...principal, email: null }) }],
        }))
        return server
      },
      async authenticate({ authorization }) {
        const principal = await authenticate(test.access, { headers: { authorization } })
        return principal.kind === 'guest' ? fail('unauthenticated', 'Sign in first.') : principal
      },
      originOf: (request) => `http://${request.host}`,
    }),
  )
  origin = await app.listen({ port: 0, host: '127.0.0.1' })
})
afterAll(async () => {
  await app.close()
  await test.drop()
})

/** An MCP client's side of OAuth, as a command-line agent would keep it. */
function agent(clientName = 'Test agent', scope?: string) {
  const kept: {
    client?: OAuthClientInformationMixed
    tokens?: OAuthTokens
    verifier?: string
    url?: URL
    discovery?: OAuthDiscoveryState
  } = {}
  const provider: OAuthClientProvider = {
    redirectUrl: REDIRECT,
    clientMetadata: {
      client_name: clientName,
      redirect_uris: [REDIRECT],
      token_endpoint_auth_method: 'none',
      ...(scope ? { scope } : {}),
    },
    state: () => 'state-of-the-client',
    clientInformation: () => kept.client,
    saveClientInformation: (information) => {
      kept.client = information
    },
    tokens: () => kept.tokens,
    saveTokens: (tokens) => {
      kept.tokens = tokens
    },
    redirectToAuthorization: (url) => {
      kept.url = url
    },
    saveCodeVerifier: (verifier) => {
      kept.verifier = verifier
    },
    codeVerifier: () => kept.verifier ?? '',
    saveDiscoveryState: (state) => {
      kept.discovery = state
    },
    discoveryState: () => kept.discovery,
    invalidateCredentials: (what) => {
      if (what === 'all' || what === 'tokens') kept.tokens = undefined
      if (what === 'all' || what === 'client') kept.client = undefined
    },
  }
  return { kept, provider }
}

/** A browser without scripts: follows redirects within this server, keeps cookies, fills forms. */
function browser() {
  const cookies = new Map<string, string>()
  async function go(
    url: string,
    init: RequestInit = {},
  ): Promise<{ status: number; url: string; text: string }> {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = {
      accept: 'text/html',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-site': 'same-origin',
      ...(cookie ? { cookie } : {}),
      ...(init.method === 'POST' ? { origin } : {}),
    }
    const response = await fetch(url, {
      ...init,
      headers: { ...headers, ...init.headers },
      redirect: 'manual',
    })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      cookies.set(name, value)
    }
    const location = response.headers.get('location')
    if (location === null) return { status: response.status, url, text: await response.text() }
    const next = new URL(location, url)
    return next.origin === origin ? go(next.href) : { status: response.status, url: next.href, text: '' }
  }
  const submit = (action: string, fields: [string, string][]) =>
    go(`${origin}${action}`, { method: 'POST', body: new URLSearchParams(fields) })
  return { go, submit, cookies }
}

const unescapeHtml = (text: string): string =>
  text
    .replaceAll('&amp;', '&')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
const hidden = (page: string, name: string): string =>
  unescapeHtml(new RegExp(`name="${name}" value="([^"]*)"`).exec(page)?.[1] ?? '')

type Answer = { org?: string; scopes?: string[]; decision?: string; email?: string }

/** Signs in where asked to and answers the consent page; the last place the browser was sent to. */
async function consent(url: URL | undefined, answer: Answer = {}) {
  const {
    org = 'laurel',
    scopes = ['live:read', 'live:write'],
    decision = 'allow',
    email = 'maya@laurel.test',
  } = answer
  const person = browser()
  let page = await person.go(String(url))
  expect(page.text).toContain('<h1>Sign in</h1>')
  page = await person.submit('/sign-in', [
    ['next', hidden(page.text, 'next')],
    ['email', email],
    ['password', PASSWORD],
  ])
  expect(page.text).toContain('act for you?')
  const shown = page.text
  const fields: [string, string][] = [
    ['oauth_query', hidden(shown, 'oauth_query')],
    ['org', org],
    ['decision', decision],
  ]
  page = await person.submit('/oauth/consent', [
    ...fields,
    ...scopes.map((scope): [string, string] => ['scope', scope]),
  ])
  return { ...page, shown, person }
}

async function authorise(answer: Answer = {}, client = agent()) {
  expect(await auth(client.provider, { serverUrl: `${origin}/mcp` })).toBe('REDIRECT')
  const { url } = await consent(client.kept.url, answer)
  const { searchParams } = new URL(url)
  expect(searchParams.get('state')).toBe('state-of-the-client')
  const authorizationCode = searchParams.get('code')
  if (!authorizationCode) return { ...client, refusal: searchParams.get('error') }
  expect(
    await auth(client.provider, {
      serverUrl: `${origin}/mcp`,
      authorizationCode,
      iss: searchParams.get('iss') ?? undefined,
    }),
  ).toBe('AUTHORIZED')
  return { ...client, refusal: null }
}

const principalOf = (token: string | undefined) =>
  authenticate(test.access, { headers: { authorization: `Bearer ${token}` } })
const livingGrants = async (org = 'laurel') =>
  (await listGrants(test.access, org)).filter(
    ({ givenBy, revokedAt }) => givenBy === 'consent' && revokedAt === null,
  )

describe('[X-11] an MCP client', () => {
  it('is told where to get a token', async () => {
    const response = await fetch(`${origin}/mcp`, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    })
    expect(response.status).toBe(401)
    const metadata = /resource_metadata="([^"]+)"/.exec(response.headers.get('www-authenticate') ?? '')?.[1]
    const resource = (await (await fetch(String(metadata))).json()) as Record<string, unknown>
    expect(resource).toMatchObject({
      resource: `${origin}/mcp`,
      authorization_servers: [`${origin}/api/auth`],
      scopes_supported: [
        'live:read',
        'live:write',
        'config:read',
        'config:write',
        'sync:read',
        'sync:write',
        'catalog:read',
        'catalog:write',
      ],
    })
    for (const path of [
      '/.well-known/oauth-authorization-server/api/auth',
      '/.well-known/oauth-authorization-server',
    ]) {
      const server = (await (await fetch(`${origin}${path}`)).json()) as Record<string, unknown>
      expect(server).toMatchObject({
        issuer: `${origin}/api/auth`,
        code_challenge_methods_supported: ['S256'],
        grant_types_supported: ['authorization_code', 'refresh_token'],
        registration_endpoint: `${origin}/api/auth/oauth2/register`,
      })
    }
  })

  it('registers, is allowed by a person, and calls tools as a grant of that person', async () => {
    const { kept, provider } = agent('Codex <script>')
    const connect = async () => {
      const client = new Client({ name: 'codex', version: '1' })
      const transport = new StreamableHTTPClientTransport(new URL(`${origin}/mcp`), {
        authProvider: provider,
      })
      await client.connect(transport).catch((error: unknown) => {
        if (!(error instanceof UnauthorizedError)) throw error
        return Promise.reject(transport)
      })
      return client
    }
    const first = await connect().then(
      () => undefined,
      (transport: StreamableHTTPClientTransport) => transport,
    )
    const { url, shown } = await consent(kept.url)
    expect(shown).toContain('Codex &lt;script&gt;')
    expect(shown).toContain('localhost:43210')
    expect(shown).not.toContain('<script>')
    await first?.finishAuth(new URL(url).searchParams)
    const client = await connect()
    const result = await client.callTool({ name: 'whoami', arguments: {} })
    await client.close()
    const [content] = result.content as { text: string }[]
    expect(JSON.parse(content?.text ?? '')).toMatchObject({
      kind: 'grant',
      source: 'scoped-agent-grant',
      role: 'creator',
      org: 'laurel',
      displayName: 'Maya',
      scopes: ['creator:laurel:live:read', 'creator:laurel:live:write'],
      client: { id: 'client-codex-script', name: 'Codex <script>', kind: 'mcp' },
    })
  })

  it('gets what was ticked and no more', async () => {
    const { kept } = await authorise({ scopes: ['live:read'] })
    expect((await principalOf(kept.tokens?.access_token)).scopes).toEqual(['creator:laurel:live:read'])
  })

  it('gets nothing when the person refuses, or may not do it in that organisation', async () => {
    const before = await livingGrants()
    expect((await authorise({ decision: 'refuse' })).refusal).toBe('access_denied')
    const { kept, provider } = agent()
    await auth(provider, { serverUrl: `${origin}/mcp` })
    const page = await consent(kept.url, { org: 'other' })
    expect(page).toMatchObject({
      status: 400,
      text: expect.stringContaining('In other you may not do this yourself'),
    })
    expect(await livingGrants()).toEqual(before)
    expect(await livingGrants('other')).toEqual([])
  })

  it('refreshes while the grant lives, and is sent back to the person once it is revoked', async () => {
    const { kept, provider } = await authorise()
    const old = kept.tokens
    expect(await auth(provider, { serverUrl: `${origin}/mcp` })).toBe('AUTHORIZED')
    expect(kept.tokens?.access_token).not.toBe(old?.access_token)
    const principal = await principalOf(kept.tokens?.access_token)
    await revokeGrant(test.access, { org: 'laurel', id: principal.grantId ?? '' })
    for (const token of [old, kept.tokens])
      await expect(principalOf(token?.access_token)).rejects.toMatchObject({ code: 'unauthenticated' })
    expect(await auth(provider, { serverUrl: `${origin}/mcp` })).toBe('REDIRECT')
  })

  it('goes on with its grant when allowed again, and with a new one after a revocation', async () => {
    const client = await authorise({ scopes: ['live:read'] })
    const first = await principalOf(client.kept.tokens?.access_token)
    client.kept.tokens = undefined
    const second = await principalOf((await authorise({}, client)).kept.tokens?.access_token)
    expect(second).toMatchObject({
      grantId: first.grantId,
      scopes: ['creator:laurel:live:read', 'creator:laurel:live:write'],
    })
    await revokeGrant(test.access, { org: 'laurel', id: first.grantId ?? '' })
    client.kept.tokens = undefined
    const third = await principalOf((await authorise({}, client)).kept.tokens?.access_token)
    expect(third.grantId).not.toBe(first.grantId)
  })

  it('loses what its delegator loses, and everything at the expiry', async () => {
    await createUser(test.access, {
      email: 'admin@laurel.test',
      password: PASSWORD,
      org: 'laurel',
      role: 'admin',
    })
    const { kept } = await authorise({ email: 'admin@laurel.test' })
    expect(await principalOf(kept.tokens?.access_token)).toMatchObject({ role: 'artist-admin' })
    await setMemberRole(test.access, { org: 'laurel', email: 'admin@laurel.test', role: 'member' })
    expect(await principalOf(kept.tokens?.access_token)).toMatchObject({ role: 'listener', scopes: [] })
    test.advance(3601_000)
    await expect(principalOf(kept.tokens?.access_token)).rejects.toMatchObject({ code: 'unauthenticated' })
    test.advance(-3601_000)
  })
})

describe('[X-12] the authorization server', () => {
  const register = (metadata: Record<string, unknown>) =>
    fetch(`${origin}/api/auth/oauth2/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ client_name: 'x', token_endpoint_auth_method: 'none', ...metadata }),
    })

  it('refuses redirects that others could read', async () => {
    for (const uri of ['http://example.com/callback', 'javascript:alert(1)', 'https://example.com/#fragment'])
      expect((await register({ redirect_uris: [uri] })).status).toBe(400)
  })

  it('asks the person even where prompt=none, and refuses a changed request', async () => {
    const client = await authorise()
    client.kept.tokens = undefined
    await auth(client.provider, { serverUrl: `${origin}/mcp` })
    const url = new URL(String(client.kept.url))
    url.searchParams.set('prompt', 'none')
    const { shown, person } = await consent(url, { decision: 'refuse' })
    const changed = hidden(shown, 'oauth_query').replace('live%3Aread', 'live%3Awrite')
    const page = await person.submit('/oauth/consent', [
      ['oauth_query', changed],
      ['org', 'laurel'],
      ['decision', 'allow'],
      ['scope', 'live:write'],
    ])
    expect(page).toMatchObject({ status: 400, text: expect.stringContaining('cannot be completed') })
  })

  it('takes no consent but by its page, and none from a page of another site', async () => {
    const { kept, provider } = agent()
    await auth(provider, { serverUrl: `${origin}/mcp` })
    const { shown, person } = await consent(kept.url, { decision: 'refuse' })
    const direct = await fetch(`${origin}/api/auth/oauth2/consent`, { method: 'POST', body: '{}' })
    expect(direct.status).toBe(404)
    const before = await livingGrants()
    const forged = await person.go(`${origin}/oauth/consent`, {
      method: 'POST',
      headers: { origin: 'https://evil.example' },
      body: new URLSearchParams([
        ['oauth_query', hidden(shown, 'oauth_query')],
        ['org', 'laurel'],
        ['decision', 'allow'],
        ['scope', 'live:read'],
      ]),
    })
    expect(forged.status).toBe(403)
    expect(await livingGrants()).toEqual(before)
  })

  it('needs the verifier of the client that asked', async () => {
    const { kept, provider } = agent()
    await auth(provider, { serverUrl: `${origin}/mcp` })
    const { url } = await consent(kept.url)
    const body = new URLSearchParams({
      grant_type: 'authorization_code',
      code: new URL(url).searchParams.get('code') ?? '',
      redirect_uri: REDIRECT,
      client_id: kept.client?.client_id ?? '',
      code_verifier: 'x'.repeat(64),
    })
    const response = await fetch(`${origin}/api/auth/oauth2/token`, { method: 'POST', body })
    expect(response.ok).toBe(false)
    expect(response.status).toBeLessThan(500)
  })
})
