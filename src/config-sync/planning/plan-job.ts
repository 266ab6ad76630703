import type { Capability } from '../../config-hub/connectors/connector.ts'
import type { Document, NodeKey } from '../../config-hub/index/entry.ts'
import type { Deps } from '../../deps.ts'
import { Problem } from '../../operation/errors.ts'
import {
  type DatedPair,
  livingInBases,
  loosened,
  loosePairs,
  pairsOf,
  withBases,
  withoutDead,
} from './gather-pairs.ts'
import { sourcesOf, withSources } from './gather-source.ts'
import { targetsOf, withTargets } from './gather-target.ts'
import { type Conflicts, FAIL, keyText, type Place, type SourceItem, type SyncInput } from './input.ts'
import { pairings } from './pairing.ts'
import type { SyncPlan } from './plan.ts'
import type { Outline } from './plan-rows.ts'
import { outlineOf, planOf } from './plan-sync.ts'
import { isStore, type Side } from './reader.ts'
import { unreadOf } from './settled.ts'

export type { Side } from './reader.ts'

/** What a sync job asks for. `source` and `target` are its sides, verified. */
export type PlanRequest = {
  /** The organisation that asked: one of the sides. */
  org: string
  source: Side
  target: Side
  resources: readonly NodeKey[]
  includeDependencies: boolean
  /** Default: what both sides changed is refused. */
  conflicts?: Conflicts
  /** JSON merge patches (RFC 7396) on what the source has, by `type:id`. */
  overrides?: Readonly<Record<string, Document>>
  now: Date
  /** Reads every document, also of what is settled without. */
  thorough?: boolean
  signal?: AbortSignal
}

type Needs = Pick<Deps, 'db' | 'sealing'>

/**
 * Plans a sync: gathers what both sides have, in bulk where that is on this server, and decides. Nothing is written.
 * Errors: what connectors throw for places that cannot be read.
 */
export const planJob = async (deps: Needs, request: PlanRequest): Promise<SyncPlan> =>
  planOf(await gather(deps, request))

/** Everything that the plan follows from, and what it is as far as that needs no documents. */
export async function gather(deps: Needs, request: PlanRequest): Promise<Outline> {
  const { input, pairs } = await gatherBare(deps, request)
  return readOutline(deps, request, pairs, input)
}

/** Everything, but for the documents of what may be settled without. */
async function gatherBare(
  deps: Needs,
  request: PlanRequest,
): Promise<{ input: SyncInput; pairs: readonly DatedPair[] }> {
  const {
    source,
    target,
    resources,
    includeDependencies,
    conflicts = FAIL,
    thorough = false,
    signal,
  } = request
  const { pairs: all, blocked } = await pairsOf(deps.db, source, target)
  const pairs = await withoutDead(deps.db, source, target, all)
  const overrides = overridesBy(request.overrides ?? {})
  const hopeful = pairs.filter(
    ({ type, sourceId, settledAs }) =>
      settledAs &&
      !thorough &&
      isStore(source, type) &&
      isStore(target, type) &&
      !overrides.has(`${type}/${sourceId}`),
  )
  const selection = {
    ...{ resources, includeDependencies, overrides },
    known: pairs.map(({ type, sourceId }): NodeKey => ({ type, id: sourceId })),
    unread: new Set(hopeful.map(({ type, sourceId }) => `${type}/${sourceId}`)),
  }
  const sources = await sourcesOf(deps, source, selection, signal)
  const given = {
    ...{ sourceOrg: source.org, targetOrg: target.org, sources, blocked },
    places: placesOf(target, [...resources, ...sources]),
    unread: new Set(hopeful.map(({ type, targetId }) => `${type}/${targetId}`)),
  }
  const loose = loosened(pairs, sources).map(bare)
  const found = await targetsOf(deps, target, { ...given, pairs: loose }, signal)
  const standing = await loosePairs(deps.db, source, pairs, takenAnew({ ...given, ...found, pairs: loose }))
  const read = sources.filter(({ unread }) => !unread)
  const known = await withBases(deps.db, source, target, standing, read)
  const alive = await livingInBases(deps.db, target, known, found.alive)
  const input = {
    ...{ sourceOrg: source.org, targetOrg: target.org, sources, blocked, places: given.places },
    ...{ ...found, alive },
    ...{ sourceTypes: source.registry, targetTypes: target.registry },
    openSecrets: openSecrets(source, sources),
    selected: resources,
    pairs: known,
    ...{ conflicts, thorough },
    hash: deps.sealing.hash,
  }
  return { input, pairs: standing }
}

/** The outline with all documents read that it needs; what their bases name may change what is settled. */
async function readOutline(
  deps: Needs,
  { source, target }: PlanRequest,
  pairs: readonly DatedPair[],
  gathered: SyncInput,
): Promise<Outline> {
  for (let input = gathered; ; ) {
    const outline = outlineOf(input)
    const open = unreadOf(outline)
    if (open.sources.length === 0 && open.targets.length === 0) return outline
    const [sources, targets, more] = await Promise.all([
      withSources(deps, source, input.sources, open.sources),
      withTargets(deps, target, input.targets, open.targets),
      withBases(deps.db, source, target, pairs, open.sources),
    ])
    const known = input.pairs.map((pair, index) => (pair.base ? pair : (more[index] ?? pair)))
    const alive = await livingInBases(deps.db, target, more, input.alive)
    input = { ...input, sources, targets, pairs: known, alive }
  }
}

/** Targets that something is, or could be, matched with though a pair of something else has them. */
function takenAnew(given: Parameters<typeof pairings>[0]): Set<string> {
  const claimed = new Set(
    given.pairs.filter(({ loose }) => loose).map(({ type, targetId }) => `${type}/${targetId}`),
  )
  if (claimed.size === 0) return claimed
  const matched = [...pairings(given)].flatMap(([source, { target, matchedBy, ambiguous = [] }]) => [
    ...(target && matchedBy !== 'lineage' ? [keyText(target)] : []),
    ...ambiguous.map((id) => `${source.slice(0, source.indexOf('/'))}/${id}`),
  ])
  return new Set(matched.filter((key) => claimed.has(key)))
}

const bare = (pair: Omit<SyncInput['pairs'][number], 'base' | 'baseMirrored'>) => ({
  ...pair,
  ...{ base: null, baseMirrored: pair.mirrored },
})

/** Keys of overrides are `type:id`; a type has no colon, an id may. */
function overridesBy(overrides: Readonly<Record<string, Document>>): Map<string, Document> {
  return new Map(
    Object.entries(overrides).map(([key, patch]) => {
      const colon = key.indexOf(':')
      return [`${key.slice(0, colon)}/${key.slice(colon + 1)}`, patch]
    }),
  )
}

/** What the target can do with each type; none for what it has no connector for. */
export function placesOf(target: Side, keys: readonly NodeKey[]): Map<string, Place> {
  const places = new Map<string, Place>()
  for (const name of new Set(keys.map(({ type }) => type))) {
    const can = capabilitiesOf(target, name)
    if (can.size === 0) continue
    places.set(name, {
      choosesIds: can.has('create-with-id'),
      creates: can.has('create'),
      patches: can.has('patch') || can.has('put'),
      deletes: can.has('delete'),
      keyed: can.has('keyed-write') || can.has('find-by-key'),
      checksReferences: can.has('checks-references'),
    })
  }
  return places
}

function capabilitiesOf(target: Side, name: string): ReadonlySet<Capability> {
  const type = target.registry.get(name)
  try {
    return type ? target.connectorOf(type).capabilities(name) : new Set()
  } catch (error) {
    if (error instanceof Problem && error.code === 'unavailable') return new Set()
    throw error
  }
}

/** The built-in store shows its secrets to this process; nobody else shows them. */
const openSecrets = (source: Side, sources: readonly SourceItem[]): Set<string> =>
  new Set(sources.map(({ type }) => type).filter((type) => isStore(source, type)))
