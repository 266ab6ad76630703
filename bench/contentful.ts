import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createKey } from '../src/access/keys.ts'
import { createOrganisation } from '../src/access/organisations.ts'
import { registryOf } from '../src/config-hub/types/registry.ts'
import { writeDocuments } from '../src/config-store/documents.ts'
import { same } from '../src/config-store/rules.ts'
import { type Hooks, runJob } from '../src/config-sync/execution/run.ts'
import { countRows, findSyncJob } from '../src/config-sync/execution/store.ts'
import { planJob } from '../src/config-sync/planning/plan-job.ts'
import { insertJob } from '../test/config-sync/jobs.ts'
import { entryType, publishingMapping } from '../test/harness/publishing-mapping.ts'
import { type PublishingPlace, publishingPlace } from '../test/harness/publishing-place.ts'
import { addType } from '../test/harness/store.ts'
import { type Content, type ContentType, contentOf, exportOf, LINKS } from './contentful-content.ts'
import { report } from './measure.ts'
import { ORG, openWorld, type World } from './world.ts'

const ENTRIES = Number(
  /^--entries=(\d+)$/.exec(process.argv.find((each) => each.startsWith('--entries=')) ?? '')?.[1] ?? 2_000,
)
const CIRCULAR = 0.05
const PER_SECOND = 7
const GOAL_REQUESTS = 1.02
const TYPES = Object.keys(LINKS) as ContentType[]
const here = fileURLToPath(new URL('.', import.meta.url))

const METHOD = `contentful: ${ENTRIES.toLocaleString('en')} entries of four content types, ${CIRCULAR * 100} % of them in circles of two to five and all others after
what they refer to, into an empty environment: a promotion from the built-in store through a mapping, and contentful-import (its own settings, content
types there already), at the same time, each into a server of its own that answers as the management API does and allows
${PER_SECOND} requests in each second of the clock. Seconds are those of the job, planning included, and those of the importing
process; requests are counted by the servers, those answered 429 too; the fewest possible are one to write and one to publish
each entry, and both again for one entry of each circle. --entries=<n> for another number of entries.`

/** What a server has seen when whoever wrote to it had ended. */
type Seen = { seconds: number; requests: number; limited: number; missing: number; unpublished: number }

export async function contentful(): Promise<void> {
  console.log(METHOD)
  const { entries, circles, circular } = contentOf(ENTRIES, CIRCULAR)
  const world = await openWorld()
  const places = [await open(), await open()] as const
  try {
    await fill(world, entries)
    const authority = await openTarget(world, places[0])
    const [ours, peer] = await Promise.all([
      seen(entries, places[0], () => promoted(world, authority, entries)),
      seen(entries, places[1], () => imported(places[1], entries)),
    ])
    const different = entries.filter(({ id, fields }) => !same(places[0].entries.get(id)?.fields, fields))
    if (different.length > 0) throw new Error(`${different.length} entries are not what they were`)
    const about = {
      entries: entries.length,
      circular,
      cores: availableParallelism(),
      load: round2(loadavg()[0] as number),
    }
    report(
      {
        bench: 'contentful',
        ratio: round2(peer.seconds / ours.seconds),
        goal: 1,
        ours,
        contentfulImport: peer,
        ...about,
      },
      ours.missing + ours.unpublished === 0 && ours.seconds <= peer.seconds,
    )
    const fewest = 2 * (entries.length + circles)
    const ratio = round3(ours.requests / fewest)
    report(
      {
        ...{ bench: 'contentful-requests', ratio, goal: GOAL_REQUESTS, fewest, ours: ours.requests },
        ...{ contentfulImport: peer.requests, limited: [ours.limited, peer.limited] },
      },
      ratio <= GOAL_REQUESTS,
    )
  } finally {
    await world.end()
    for (const place of places) await place.close()
  }
}

const open = () => publishingPlace({ perSecond: PER_SECOND })

async function seen(
  entries: readonly Content[],
  place: PublishingPlace,
  work: () => Promise<void>,
): Promise<Seen> {
  const from = performance.now()
  await work()
  return {
    seconds: round2((performance.now() - from) / 1000),
    requests: place.asked.length,
    limited: place.limited,
    missing: entries.filter(({ id }) => !place.entries.has(id)).length,
    unpublished: place.unpublished().length,
  }
}

/** The entries as configurations in the store of the source. */
async function fill({ deps }: World, entries: readonly Content[]): Promise<void> {
  for (const type of TYPES) await addType({ deps }, ORG, entryType(type, LINKS[type]))
  const registry = await registryOf(deps.db, ORG)
  const writes = entries.map(({ type, id, fields }) => ({
    ...{ type, id, op: 'put' as const },
    document: { sys: { id }, fields },
  }))
  await deps.db.transaction((db) =>
    writeDocuments({ db, deps, org: ORG, now: deps.clock(), author: 'bench' }, registry, writes),
  )
}

const TARGET = 'target'
type Authority = { org: string; principal: string }

async function openTarget({ deps, url }: World, place: PublishingPlace): Promise<Authority> {
  deps.config.allowPrivateConnectors = true
  await createOrganisation(deps.access, { slug: TARGET })
  const { id, key } = await createKey(deps.access, { org: TARGET, role: 'automation' })
  for (const type of TYPES) await addType({ deps }, TARGET, entryType(type, LINKS[type], 'contentful'))
  const mapping = publishingMapping(place, TYPES, { requests_per_second: PER_SECOND })
  const put = await fetch(`${url}/v1/connectors/contentful`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ kind: 'rest', mapping }),
  })
  if (!put.ok) throw new Error(await put.text())
  return { org: TARGET, principal: `key:${id}` }
}

async function promoted({ deps }: World, authority: Authority, entries: readonly Content[]): Promise<void> {
  const id = 'contentful'
  await insertJob(deps, { id, org: ORG, targetOrg: TARGET, authority })
  const resources = entries.map(({ type, id }) => ({ type, id }))
  const plan: Hooks['plan'] = (_, { org }, { source, target }) => {
    if (!source) throw new Error('a sync without a source')
    return planJob(deps, { org, source, target, resources, includeDependencies: true, now: deps.clock() })
  }
  const signal = new AbortController().signal
  await runJob(deps, { data: { org: ORG, id }, signal, last: true }, { plan, decide: async () => 'run' })
  const job = await findSyncJob(deps.db, ORG, id)
  if (job?.status !== 'succeeded')
    throw new Error(
      `the job is ${job?.status}: ${JSON.stringify(await countRows(deps.db, { org: ORG, id }))}`,
    )
}

/** In a process of its own, whose exit says 1 where something was not published. */
async function imported({ url }: PublishingPlace, entries: readonly Content[]): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'countersign-bench-'))
  try {
    const contentFile = path.join(folder, 'export.json')
    writeFileSync(contentFile, JSON.stringify(exportOf(entries)))
    const options = {
      ...{ contentFile, spaceId: 'space', managementToken: 'none', skipContentModel: true },
      ...{ host: new URL(url).host, insecure: true, useVerboseRenderer: true },
      errorLogFile: path.join(folder, 'errors.json'),
    }
    const script = `require('contentful-import')(${JSON.stringify(options)}).catch(() => { process.exitCode = 1 })`
    const child: ChildProcess = spawn(process.execPath, ['-e', script], {
      ...{ cwd: here, stdio: 'ignore', env: { PATH: process.env.PATH } },
    })
    const [code] = await once(child, 'exit')
    if (code !== 0 && code !== 1) throw new Error(`contentful-import ended with ${code}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const round2 = (value: number): number => Math.round(value * 100) / 100
const round3 = (value: number): number => Math.round(value * 1000) / 1000
