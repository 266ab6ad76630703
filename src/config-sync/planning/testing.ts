import { createHash } from 'node:crypto'
import { derive } from '../../config-hub/index/derive.ts'
import type { Document, NodeKey } from '../../config-hub/index/entry.ts'
import { type ConfigType, type Registry, TypeDefinition } from '../../config-hub/types/definition.ts'
import { nextSecrets, type Secrets, split } from '../../config-store/secrets.ts'
import { canonical } from '../../operation/plan.ts'
import { type Names, namedIn, resolvedBy } from './extracted.ts'
import { FAIL, type KnownPair, keyText, type Place, referenceKey, type SyncInput } from './input.ts'

const typeOf = (definition: Record<string, unknown>): ConfigType => ({
  ...TypeDefinition.parse({ label: 'Things', icon: 'Box', source_api: '', sdk_client: '', ...definition }),
  custom: true,
})

/** Things with a natural key and secrets, leaves that cannot be without a thing, flows whose place makes ids in them. */
export const TYPES: Registry = new Map(
  [
    {
      type: 'thing',
      natural_key: ['/key'],
      references: [
        { path: '/main', type: 'thing' },
        { path: '/peers/*', type: 'thing' },
        { path: '/leaf', type: 'leaf' },
        { path: '/any', by: 'any' },
      ],
      alias_rules: [{ path: '/slug', kind: 'slug' }],
      secret_paths: ['/password'],
      volatile_paths: ['/updated_at'],
    },
    {
      type: 'leaf',
      references: [
        { path: '/owner', type: 'thing', required: true },
        { path: '/twin', type: 'leaf', required: true },
      ],
    },
    {
      type: 'flow',
      natural_key: ['/key'],
      references: [{ path: '/steps/*/thing', type: 'thing' }],
      derived_paths: ['/steps/*/id'],
    },
  ].map((each) => [each.type, typeOf(each)]),
)

export const typeNamed = (name: string): ConfigType => TYPES.get(name) as ConfigType

/** One configuration of a world: its document as a place shows it, and its secrets. */
export type Kept = NodeKey & { document: Document; secrets: Secrets; revision: number }

/** An organisation in memory; a `store` takes the ids that it is given and shows hashes of secrets. */
export type World = { kind: 'store' | 'place'; kept: Map<string, Kept>; count: number }

export const worldOf = (
  kind: World['kind'],
  documents: readonly (NodeKey & { document: Document })[] = [],
): World => {
  const world: World = { kind, kept: new Map(), count: 0 }
  for (const { type, id, document } of documents) put(world, { type, id }, document)
  return world
}

/** Writes as the store does: what is left out of secrets is kept, null removes one. */
export function put(world: World, key: NodeKey, whole: Document): void {
  const known = world.kept.get(keyText(key))
  const next = split(typeNamed(key.type), whole)
  const old = known ? { visible: known.document, secrets: known.secrets } : { visible: {}, secrets: {} }
  const secrets = nextSecrets(old, next)
  world.kept.set(keyText(key), {
    ...{ ...key, document: next.visible, secrets, revision: (known?.revision ?? 0) + 1 },
  })
}

export const hash = (text: string): string => createHash('sha256').update(`keyed ${text}`).digest('hex')

export const hashesOf = (secrets: Secrets): Record<string, string> =>
  Object.fromEntries(Object.entries(secrets).map(([pointer, value]) => [pointer, hash(canonical(value))]))

const entryOf = ({ type, id, document }: Kept) =>
  derive(typeNamed(type), document, {
    ...{ id, connector: 'store', version: 1, updatedAt: new Date(0), updatedBy: null },
  })

export const knownOf = (kept: Kept) => {
  const { title, naturalKey, names } = entryOf(kept)
  const others = names.filter(({ kind }) => kind !== 'id').map(({ name }) => name)
  return { type: kept.type, id: kept.id, title, naturalKey, names: others, document: kept.document }
}

export function namesOf(world: World, more: readonly NodeKey[] = []): Names {
  const all = [...world.kept.values()].flatMap((kept) =>
    entryOf(kept).names.map(({ name, kind }) => ({ name, type: kept.type, id: kept.id, kind })),
  )
  const gone = more
    .filter((key) => !world.kept.has(keyText(key)))
    .map(({ type, id }) => ({ name: id, type, id, kind: 'id' as const }))
  return Map.groupBy([...all, ...gone], ({ name }) => name)
}

/** Pairs as the target keeps them, by `type/source id`. */
export type Pairs = Map<string, KnownPair>

export const placeOf = (world: World): Place => ({
  ...{ choosesIds: world.kind === 'store', creates: true, patches: true, deletes: true },
})

/** What gathering finds of two worlds. */
export function inputOf(
  source: World,
  target: World,
  pairs: Pairs = new Map(),
  more: Partial<SyncInput> = {},
): SyncInput {
  const known = [...pairs.values()].map(({ type, sourceId }) => ({ type, id: sourceId }))
  const [here, there] = [namesOf(source, known), namesOf(target, [])]
  const sources = [...source.kept.values()].map((kept) => ({
    ...knownOf(kept),
    secrets: kept.secrets,
    references: resolvedBy(kept, namedIn(typeNamed(kept.type), kept.document), here),
  }))
  const nobody = { type: '', id: '' }
  return {
    ...{ sourceOrg: 'from', targetOrg: 'to', sourceTypes: TYPES, targetTypes: TYPES },
    places: new Map([...TYPES.keys()].map((type) => [type, placeOf(target)])),
    openSecrets: new Set(source.kind === 'store' ? TYPES.keys() : []),
    selected: [],
    sources,
    targets: [...target.kept.values()].map((kept) => ({
      ...knownOf(kept),
      revision: String(kept.revision),
      secretHashes: target.kind === 'store' ? hashesOf(kept.secrets) : null,
    })),
    alive: new Set(target.kept.keys()),
    answered: new Set(
      sources
        .flatMap(({ references }) => references)
        .filter((reference) => resolvedBy(nobody, [reference], there).some(({ to }) => to.length > 0))
        .map(referenceKey),
    ),
    ...{ pairs: [...pairs.values()], blocked: [], conflicts: FAIL, hash },
    ...more,
  }
}

/** The pairs as the other side sees them. */
export const turned = (pairs: Pairs): Pairs =>
  new Map(
    [...pairs.values()].map((pair): [string, KnownPair] => {
      const { type, sourceId, targetId, mirrored, baseMirrored, ...rest } = pair
      const sides = { type, sourceId: targetId, targetId: sourceId }
      return [`${type}/${targetId}`, { ...rest, ...sides, mirrored: !mirrored, baseMirrored: !baseMirrored }]
    }),
  )
