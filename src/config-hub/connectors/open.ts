import { bearerPrincipal } from '../../access/authenticate.ts'
import { hasScope, type Principal } from '../../access/principal.ts'
import type { Deps } from '../../deps.ts'
import { requiredScope } from '../../operation/admit.ts'
import type { Context, OperationAccess } from '../../operation/define.ts'
import { fail, Problem } from '../../operation/errors.ts'
import { type Bucket, bucket } from '../../outgoing/bucket.ts'
import { READS } from '../schema.ts'
import type { ConfigType, Registry } from '../types/definition.ts'
import { registryOf } from '../types/registry.ts'
import { type Connector, ConnectorError } from './connector.ts'
import { countersignConnector } from './countersign.ts'
import { PLACE_DEFAULTS, type Place } from './request.ts'
import { restConnector } from './rest.ts'
import { CountersignSettings, RestMapping } from './settings.ts'
import { type ConnectorRow, connectorTo, listConnectors } from './store.ts'
import { storeConnector } from './store-connector.ts'

/** What versions in the store say of writes that nobody in particular made. */
const AUTHOR = 'Countersign'

/** Connectors of every place that the organisation's types live in, by id. */
export async function connectorsOf(
  deps: Deps,
  org: string,
  registry: Registry,
): Promise<ReadonlyMap<string, Connector>> {
  const own = new Map([['store', storeConnector(deps, org, registry, AUTHOR)]])
  const elsewhere = [...registry.values()].some(({ connector }) => connector !== 'store')
  for (const row of elsewhere ? await listConnectors(deps.db, org) : [])
    own.set(row.id, openConnector(deps, org, row))
  return own
}

/** The connector that a type lives in, for an operation. Errors: `unavailable` when it was removed. */
export async function connectorOf(deps: Deps, org: string, type: ConfigType): Promise<Connector> {
  return answering(named(await connectorsOf(deps, org, await registryOf(deps.db, org)), type))
}

/** For operations, which answer with problems: reading what cannot be read is `unavailable`, and says why. */
function answering(connector: Connector): Connector {
  const told = (error: unknown): never => {
    if (!(error instanceof ConnectorError)) throw error
    return fail('unavailable', {
      detail: `${connector.id}: ${error.message}`,
      nextAction: 'Check the connector and its place, and try again.',
    })
  }
  return {
    ...connector,
    list: (type, at) => connector.list(type, at).catch(told),
    get: (type, id, signal) => connector.get(type, id, signal).catch(told),
  }
}

const named = (connectors: ReadonlyMap<string, Connector>, { connector }: ConfigType): Connector =>
  connectors.get(connector) ?? fail('unavailable', `There is no connector ${connector}.`)

/** A registered connector, with `token` in place of its own credential when given. */
export function openConnector(deps: Deps, org: string, row: ConnectorRow, token?: string): Connector {
  const credential = token ?? (row.sealedCredentials ? deps.sealing.unseal(row.sealedCredentials) : undefined)
  const allowPrivate = deps.config.allowPrivateConnectors ?? false
  if (row.kind === 'countersign') {
    const settings = CountersignSettings.parse(row.settings)
    const place: Place = {
      ...PLACE_DEFAULTS,
      baseUrl: settings.base_url,
      headers: credential === undefined ? {} : { authorization: `Bearer ${credential}` },
      ...rateOf(deps, org, row, settings.requests_per_second, PLACE_DEFAULTS.concurrency),
      allowPrivate,
    }
    return countersignConnector(row.id, place)
  }
  const mapping = RestMapping.parse(row.settings)
  const auth =
    mapping.auth && credential !== undefined
      ? { [mapping.auth.header]: mapping.auth.prefix + credential }
      : {}
  return restConnector(row.id, mapping, {
    ...PLACE_DEFAULTS,
    baseUrl: mapping.base_url,
    headers: { ...mapping.headers, ...auth },
    ...rateOf(deps, org, row, mapping.limits.requests_per_second, mapping.limits.concurrency),
    attempts: mapping.retry.attempts,
    timeoutMs: mapping.timeout_ms,
    maxBytes: mapping.max_bytes,
    allowPrivate,
  })
}

const buckets = new WeakMap<Deps, Map<string, { since: number; bucket: Bucket }>>()

/** One bucket for all of a process that asks the same place, so that they share its rate. */
function rateOf(
  deps: Deps,
  org: string,
  { id, updatedAt }: ConnectorRow,
  perSecond: number | undefined,
  concurrency: number,
): Pick<Place, 'bucket' | 'requestsPerSecond' | 'concurrency'> {
  const own = buckets.get(deps) ?? new Map<string, { since: number; bucket: Bucket }>()
  buckets.set(deps, own)
  const key = `${org}/${id}`
  const since = updatedAt.getTime()
  const known = own.get(key)
  // whoever still has the settings of before does not bring their rate back
  const used = known && known.since >= since ? known : { since, bucket: bucket({ perSecond, concurrency }) }
  own.set(key, used)
  return { bucket: used.bucket, requestsPerSecond: perSecond, concurrency }
}

/** Another organisation's configuration, once the caller's token for it has been verified. Reading fails with problems. */
export type Source = {
  org: string
  registry: Registry
  /** local: on this server, with its index; remote: reached through a connector only. */
  kind: 'local' | 'remote'
  connectorOf(type: ConfigType): Connector
}

/** Whose token it was: a principal of an organisation on this server, or whoever a registered connector reaches. */
export type Holder = { kind: 'local'; principal: string } | { kind: 'remote'; connector: Connector }

/**
 * Verifies that a token belongs to the organisation it is given for and, on this server, allows `access` there: by
 * ourselves, or by asking the place that a registered connector reaches it at. A wrong token, a foreign organisation and
 * one that does not exist are refused alike. The token is kept nowhere. Errors: `forbidden`, `unavailable`.
 */
export async function verifiedHolder(
  ctx: Context,
  org: string,
  token: string,
  access: OperationAccess,
): Promise<Holder> {
  const { deps } = ctx
  const principal = await holderHere(ctx, org, token, access)
  if (principal) return { kind: 'local', principal: principal.id }
  const row = await connectorTo(ctx.db, ctx.org, org)
  const connector = row && openConnector(deps, ctx.org, row, token)
  if (!connector || !(await holdsThere(connector, org, ctx.call.signal)))
    return fail('forbidden', 'The token does not belong to the organisation that it is given for.')
  return { kind: 'remote', connector }
}

/** The other organisation for reading, before anything of which its token is verified. Errors as `verifiedHolder`. */
export async function verifiedSource(ctx: Context, sourceOrg: string, token: string): Promise<Source> {
  const { deps } = ctx
  const holder = await verifiedHolder(ctx, sourceOrg, token, READS)
  if (holder.kind === 'local') {
    const registry = await registryOf(deps.db, sourceOrg)
    const connectors = await connectorsOf(deps, sourceOrg, registry)
    return {
      org: sourceOrg,
      registry,
      kind: 'local',
      connectorOf: (type) => answering(named(connectors, type)),
    }
  }
  const registry = await registryOf(deps.db, ctx.org)
  return { org: sourceOrg, registry, kind: 'remote', connectorOf: () => answering(holder.connector) }
}

async function holderHere(
  { db, deps }: Context,
  org: string,
  token: string,
  access: OperationAccess,
): Promise<Principal | undefined> {
  try {
    // in the open transaction if there is one: who has a connection does not wait for another
    const principal = await bearerPrincipal({ db, clock: deps.clock }, `Bearer ${token}`)
    const allowed = principal.org === org && hasScope(principal, requiredScope(access, org) as string)
    return allowed ? principal : undefined
  } catch (error) {
    if (error instanceof Problem && error.code === 'unauthenticated') return undefined
    throw error
  }
}

async function holdsThere(
  connector: Connector,
  org: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    return (await connector.whoami(signal)).org === org
  } catch (error) {
    if (error instanceof ConnectorError && error.kind === 'unauthorized') return false
    if (error instanceof ConnectorError)
      return fail('unavailable', 'The other organisation cannot be reached.')
    throw error
  }
}
