/** Where better-auth is mounted. */
export const AUTH_PATH = '/api/auth'

export const MCP_PATH = '/mcp'

export const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)

/** The public origin and, where that is this machine itself, the other names people give to it. */
function namesOf(origin: string): string[] {
  const { hostname, port, protocol } = new URL(origin)
  if (!isLoopback(hostname)) return [origin]
  const same = ['localhost', '127.0.0.1', '[::1]'].map(
    (host) => `${protocol}//${host}${port ? `:${port}` : ''}`,
  )
  return [...new Set([origin, ...same])]
}

/**
 * Origins whose pages may use a person's cookie: ours, and the very host that the request was made to (a page of the
 * host that set the cookie), so that a server reached by another name than the configured one works too.
 */
export function trustedOrigins(origin: string, host: string | null | undefined): string[] {
  const own = namesOf(origin)
  if (!host || !/^[\w.:[\]-]+$/.test(host)) return own
  return [...own, `http://${host}`, `https://${host}`]
}

/** The MCP endpoint under each of our names: what OAuth clients may name as the resource. */
export const mcpResources = (origin: string): string[] => namesOf(origin).map((name) => `${name}${MCP_PATH}`)

/** The name under which a request reached us if it is one of ours, else the public origin. */
export function originFor(origin: string, host: string | undefined): string {
  return namesOf(origin).find((name) => new URL(name).host === host) ?? origin
}

/** OAuth wants TLS everywhere but on this machine itself (RFC 8414, RFC 9728). */
export function allowsOAuth(origin: string): boolean {
  const { protocol, hostname } = new URL(origin)
  return protocol === 'https:' || isLoopback(hostname)
}
