import { createOrganisation } from '../src/access/organisations.ts'
import { connectorsOf } from '../src/config-hub/connectors/open.ts'
import type { NodeKey } from '../src/config-hub/index/entry.ts'
import { recordLineage } from '../src/config-hub/lineage/lineage.ts'
import { registryOf } from '../src/config-hub/types/registry.ts'
import { writeDocuments } from '../src/config-store/documents.ts'
import type { SyncInput } from '../src/config-sync/planning/input.ts'
import type { SyncPlan } from '../src/config-sync/planning/plan.ts'
import { gather, type PlanRequest, type Side } from '../src/config-sync/planning/plan-job.ts'
import { planOf, planSync } from '../src/config-sync/planning/plan-sync.ts'
import { joinSecrets } from '../src/operation/redact.ts'
import { generate } from '../test/harness/organisation/generate.ts'
import { report } from './measure.ts'
import { ORG, openWorld, type World } from './world.ts'

const DOCUMENTS = 20_000
const ROUNDS = 5
/** Resources a second: 20,000 within 3 s. */
const GOAL = DOCUMENTS / 3
const CHUNK = 500
const TARGET = 'target'

const METHOD = `sync-plan: planning the promotion of ${DOCUMENTS.toLocaleString('en')} configurations with references and circles from one organisation's built-in
store into another's, from the request to the plan with its digest: selection, dependencies, documents, matching, comparison,
order. "new": the target is empty. "unchanged": all of it is there since the last sync. "changed": one in ten was changed at the
source since. The median of ${ROUNDS} rounds. "settled": the seconds of "unchanged" with every document read, over those without.
sync-requests: the requests of the plan over the fewest possible, creations and changes and one more for each member of a
minimum feedback set, into a store that lets ids be chosen and into a place that makes them; 1.00 is proven to be minimal.`

export async function syncPlan(): Promise<void> {
  console.log(METHOD)
  const world = await openWorld()
  try {
    await createOrganisation(world.deps.access, { slug: TARGET })
    const resources = await fill(world, ORG)
    const request = await requestOf(world, resources)
    await measured('new', world, request, ({ rows }) => rows.every(({ action }) => action !== 'none'))
    const { input } = (await gather(world.deps, request)).planning
    const first = planSync(input)
    requests('store', first)
    requests('ids made by the target', planSync({ ...input, places: withoutIds(input) }))
    await execute(world, first)
    await measured('unchanged', world, request, ({ rows, tasks }) => {
      const open = rows.filter(({ action }) => action !== 'none')
      return tasks.length === 0 && open.every(({ action }) => action === 'refused')
    })
    await settled(world, request)
    await change(world, resources)
    await measured('changed', world, request, ({ tasks }) => tasks.length > DOCUMENTS / 15)
  } finally {
    await world.end()
  }
}

async function measured(
  state: string,
  { deps }: World,
  request: PlanRequest,
  isExpected: (plan: SyncPlan) => boolean,
): Promise<void> {
  const seconds: number[] = []
  const digests = new Set<string>()
  let parts: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const from = performance.now()
    const outline = await gather(deps, request)
    const gathered = performance.now()
    const plan = planOf(outline)
    const to = performance.now()
    seconds.push((to - from) / 1000)
    parts = [gathered - from, to - gathered].map(Math.round)
    digests.add(plan.digest)
    if (!isExpected(plan))
      throw new Error(`another plan than expected: ${state}, ${plan.tasks.length} requests`)
  }
  if (digests.size > 1) throw new Error('the same plan has several digests')
  const middle = seconds.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] as number
  const rate = Math.round(DOCUMENTS / middle)
  const line = { bench: `sync-plan-${state}`, ratio: rate, goal: Math.round(GOAL), unit: 'resources/s' }
  report({ ...line, seconds: Math.round(middle * 100) / 100, gatherMs: parts[0], planMs: parts[1] })
}

/** What it takes to plan the same with every document read, over what it takes to know it without; alternating. */
async function settled({ deps }: World, request: PlanRequest): Promise<void> {
  const ratios: number[] = []
  const seconds = async (thorough: boolean): Promise<number> => {
    const from = performance.now()
    planOf(await gather(deps, { ...request, thorough }))
    return (performance.now() - from) / 1000
  }
  for (let round = 0; round < ROUNDS; round++) {
    const whole = await seconds(true)
    ratios.push(whole / (await seconds(false)))
  }
  const ratio = ratios.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] as number
  report({ bench: 'sync-plan-settled', ratio: Math.round(ratio * 100) / 100, goal: 1 })
}

function requests(target: string, { rows, tasks, cycles }: SyncPlan): void {
  const acting = rows.filter(({ action }) => action === 'create' || action === 'patch').length
  const ratio = Math.round((tasks.length / (acting + cycles.atLeast)) * 10_000) / 10_000
  const more = { requests: tasks.length, acting, feedback: cycles.atLeast, exact: cycles.exact }
  const refused = rows.filter(({ action }) => action === 'refused').length
  // where no search proves the minimum, the bound stands for it: the ratio is then at most this
  report({ bench: 'sync-requests', ratio, goal: 1, target, ...more, refused }, ratio.toFixed(2) === '1.00')
}

const withoutIds = ({ places }: SyncInput): SyncInput['places'] =>
  new Map([...places].map(([type, place]) => [type, { ...place, choosesIds: false }]))

async function fill({ deps }: World, org: string): Promise<NodeKey[]> {
  const registry = await registryOf(deps.db, org)
  const all = [...generate({ seed: 1, documents: DOCUMENTS })]
  for (let at = 0; at < all.length; at += CHUNK) {
    const writes = all
      .slice(at, at + CHUNK)
      .map(({ type, id, document }) => ({ type, id, document, op: 'put' as const }))
    await deps.db.transaction((db) =>
      writeDocuments({ db, deps, org, now: deps.clock(), author: 'bench' }, registry, writes),
    )
  }
  return all.map(({ type, id }) => ({ type, id }))
}

async function requestOf({ deps }: World, resources: NodeKey[]): Promise<PlanRequest> {
  const side = async (org: string): Promise<Side> => {
    const registry = await registryOf(deps.db, org)
    const connectors = await connectorsOf(deps, org, registry)
    return {
      ...{ org, registry, kind: 'local' },
      connectorOf: ({ connector }) =>
        connectors.get(connector) as NonNullable<ReturnType<typeof connectors.get>>,
    }
  }
  const [source, target] = [await side(ORG), await side(TARGET)]
  return { org: ORG, source, target, resources, includeDependencies: true, now: deps.clock() }
}

/** Does what the plan says, as plainly as possible: the order matters to nobody here. */
async function execute({ deps }: World, { rows }: SyncPlan): Promise<void> {
  const registry = await registryOf(deps.db, TARGET)
  const created = rows.filter(({ action }) => action === 'create')
  for (let at = 0; at < created.length; at += CHUNK) {
    const some = created.slice(at, at + CHUNK)
    await deps.db.transaction(async (db) => {
      const now = deps.clock()
      const writes = some.map(({ type, targetId, desired, secrets }) => ({
        ...{ type, id: targetId as string, op: 'put' as const },
        document: joinSecrets(desired ?? {}, secrets),
      }))
      await writeDocuments({ db, deps, org: TARGET, now, author: 'bench' }, registry, writes)
      const pairs = some.map(({ type, sourceId, targetId, base, settledAs = null }) => ({
        ...{ type, sourceId, targetId: targetId as string, base: base ?? {}, settledAs },
        ...{ sourceOrg: ORG, syncedAt: now, jobId: 'bench' },
      }))
      await recordLineage(db, TARGET, pairs)
    })
  }
}

/** Every tenth of them gets one member more. */
async function change({ deps }: World, resources: readonly NodeKey[]): Promise<void> {
  const registry = await registryOf(deps.db, ORG)
  const some = resources.filter((_, at) => at % 10 === 0)
  for (let at = 0; at < some.length; at += CHUNK)
    await deps.db.transaction((db) =>
      writeDocuments(
        { db, deps, org: ORG, now: deps.clock(), author: 'bench' },
        registry,
        some.slice(at, at + CHUNK).map(({ type, id }) => ({
          ...{ type, id, op: 'patch' as const },
          document: { changed_for_the_bench: true },
        })),
      ),
    )
}
