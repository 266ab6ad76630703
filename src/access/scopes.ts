/**
 * Scopes are `creator:<organisation>:<family>:<verb>` or `listener:<family>:<verb>`. A final `*` stands for
 * everything below: `creator:laurel:*`, `creator:laurel:live:*`.
 */
const WORD = '[a-z][a-z0-9-]*'
const SCOPE = new RegExp(
  `^(?:creator:([a-z0-9-]+):(?:\\*|${WORD}:(?:\\*|${WORD}))|listener:${WORD}:${WORD})$`,
)

/** Longer lists are a mistake rather than a wish. */
const MAX_SCOPES = 50

export const LISTENER_SCOPES = [
  'listener:profile:read',
  'listener:checkout:preview',
  'listener:community:write',
]

export const everything = (org: string): string => `creator:${org}:*`

/** What an OAuth client may ask for, without naming an organisation: the person chooses that when consenting. */
export const OAUTH_SCOPES: Readonly<Record<string, string>> = {
  'live:read': 'See live rooms: schedules, readiness and drafts',
  'live:write': 'Propose changes to live rooms; a person approves each of them',
  'config:read': 'See configuration, what depends on what, and how organisations differ',
  'config:write': 'Propose changes to configuration; a person approves each of them',
  'sync:read': 'See scans for drift: their checkpoints, their runs and what they found',
  'sync:write': 'Start, stop and resume scans for drift; a person approves their schedules',
  'catalog:read': 'See lessons, store items and membership tiers, whatever their status',
  'catalog:write': 'Propose changes to what is sold and its prices; a person approves each of them',
}

/** The scope of an organisation that an OAuth scope stands for; undefined for those that only concern tokens. */
export const scopeOfOAuth = (org: string, scope: string): string | undefined =>
  Object.hasOwn(OAUTH_SCOPES, scope) ? `creator:${org}:${scope}` : undefined

/** All of them, of one organisation. */
export const agentScopes = (org: string): string[] =>
  Object.keys(OAUTH_SCOPES).map((scope) => `creator:${org}:${scope}`)

/** Whether holding `held` includes `wanted`. */
export function covers(held: string, wanted: string): boolean {
  if (held === wanted) return true
  return held.endsWith(':*') && wanted.startsWith(held.slice(0, -1))
}

export const coveredBy = (held: readonly string[], wanted: string): boolean =>
  held.some((scope) => covers(scope, wanted))

/** What both lists allow: of two that overlap, the narrower. */
export function intersectScopes(left: readonly string[], right: readonly string[]): string[] {
  const both = [
    ...left.filter((scope) => coveredBy(right, scope)),
    ...right.filter((scope) => coveredBy(left, scope)),
  ]
  return [...new Set(both)]
}

/** Says what is wrong with scopes meant for `org`, one line per mistake; empty when they are sound. */
export function scopeMistakes(org: string, scopes: readonly string[]): string[] {
  if (scopes.length > MAX_SCOPES) return [`at most ${MAX_SCOPES} scopes`]
  return scopes.flatMap((scope) => {
    const match = SCOPE.exec(scope)
    if (!match) return [`"${scope.slice(0, 100)}" is not a scope; an example is creator:${org}:live:read`]
    if (match[1] !== undefined && match[1] !== org)
      return [`"${scope.slice(0, 100)}" belongs to another organisation`]
    return []
  })
}
