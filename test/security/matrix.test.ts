import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AuthClass, actionLiteral, type Operation } from '../../src/operation/define.ts'
import { OPERATIONS } from '../../src/operations.ts'
import { type Caller, type Reply, type TestApp, testApp } from '../harness/app.ts'
import { INPUTS, RECORDS, SOME, type World } from './inputs.ts'
import { callOperation, ghostOf, worldOf } from './world.ts'

/** Every kind of principal, as one of laurel. */
const KINDS = [
  'guest',
  'listener',
  'admin',
  'owner',
  'listener key',
  'artist-admin key',
  'automation',
  'automation without scope',
  'grant',
  'grant without scope',
  'grant of a listener',
] as const
type Kind = (typeof KINDS)[number]

const PEOPLE: Kind[] = ['listener', 'admin', 'owner']
const PEOPLE_KEYS: Kind[] = ['listener key', 'artist-admin key']

/** Whom each class admits, said again here and not taken from the code under test. */
const ADMITTED: Record<AuthClass, readonly Kind[]> = {
  guest: KINDS,
  'optional-session': KINDS,
  'signed-in-listener': [...PEOPLE, ...PEOPLE_KEYS],
  'first-party-session': PEOPLE,
  'scoped-agent-grant': KINDS.filter((kind) => kind !== 'guest'),
  'artist-admin-or-approved-automation': [
    'admin',
    'owner',
    'artist-admin key',
    'automation',
    'automation without scope',
    'grant',
    'grant without scope',
  ],
}

/** Who holds which scopes of laurel. */
const HOLDS: Partial<Record<Kind, (scope: string) => boolean>> = {
  admin: () => true,
  owner: () => true,
  'artist-admin key': () => true,
  automation: () => true,
  grant: (scope) =>
    ['live', 'config', 'catalog', 'sync'].flatMap((of) => [`${of}:read`, `${of}:write`]).includes(scope),
}

/** What admission must say to a kind of principal: nothing, or the code of its refusal. */
function expectedRefusal({ access }: Operation, kind: Kind): string | undefined {
  if (!ADMITTED[access.auth].includes(kind)) return kind === 'guest' ? 'unauthenticated' : 'forbidden'
  if (access.owner && kind !== 'owner') return 'forbidden'
  if (access.scope && !HOLDS[kind]?.(access.scope)) return 'scope-missing'
  return undefined
}

/** The refusal of admission in an answer; row access refuses with other words. */
function refusalIn({ body }: Reply): string | undefined {
  const { code, detail } = body
  if (code === 'scope-missing' || code === 'unauthenticated') return code
  return code === 'forbidden' && detail.startsWith('This operation is for ') ? code : undefined
}

let app: TestApp
let callers: Record<Kind, Caller>
let foreign: World

beforeAll(async () => {
  app = await testApp()
  await app.org('laurel')
  await app.org('juniper')
  const owner = await app.person('laurel', 'owner')
  const listener = await app.person('laurel', 'member')
  const scopes = (...names: string[]) => ({ org: 'laurel', scopes: names })
  callers = {
    guest: app.guest(),
    listener,
    admin: await app.person('laurel', 'admin'),
    owner,
    'listener key': await app.key({ org: 'laurel', role: 'listener', user: listener.email }),
    'artist-admin key': await app.key({ org: 'laurel', role: 'artist-admin', user: owner.email }),
    automation: await app.key({ org: 'laurel', role: 'automation' }),
    'automation without scope': await app.key({ role: 'automation', ...scopes('creator:laurel:shop:read') }),
    grant: await app.key({ org: 'laurel', role: 'agent' }),
    'grant without scope': await app.key({ role: 'agent', ...scopes('creator:laurel:shop:read') }),
    'grant of a listener': await app.key({
      role: 'agent',
      for: listener.email,
      ...scopes('listener:profile:read'),
    }),
  }
  await app.person('juniper', 'owner')
  foreign = await worldOf(app, 'juniper', await app.key({ org: 'juniper', role: 'agent' }))
})
afterAll(() => app.close())

const input = (operation: Operation, world: World) => INPUTS[operation.id]!(world)
const label = ({ id }: Operation) => id
const each = OPERATIONS.map((operation) => [label(operation), operation] as const)

/** A world of the principal's own; a guest cannot have one and looks at the grant's. */
const ownWorld = (kind: Kind): Promise<World> =>
  worldOf(app, 'laurel', callers[kind === 'guest' ? 'grant' : kind])

/** What only looks leaves a world as it is, and so does who is not admitted: such worlds are used again. */
const kept = new Map<Kind, World>()
const looks = ({ effect }: Operation): boolean => effect === 'read' || effect === 'preview'
const untouched = async (kind: Kind): Promise<World> => kept.get(kind) ?? ownWorld(kind)

describe('[X-1] the sample inputs', () => {
  test('are there for every operation and for nothing else', () => {
    expect(Object.keys(INPUTS).sort()).toEqual(OPERATIONS.map(({ id }) => id).sort())
  })

  test.each(each)('%s takes its sample', (_, operation) => {
    const action = actionLiteral(operation)
    const sample = { ...(action ? { action } : {}), ...input(operation, SOME) }
    expect(operation.input.safeParse(sample).error).toBeUndefined()
  })
})

describe('[X-2] in its own organisation each principal may do what access says and nothing else', () => {
  test.each(each)('%s', async (_, operation) => {
    const outcomes: Record<string, string | undefined> = {}
    const statuses: number[] = []
    for (const kind of KINDS) {
      const world = await untouched(kind)
      const reply = await callOperation(callers[kind], operation, input(operation, world))
      outcomes[kind] = refusalIn(reply)
      if (outcomes[kind] || looks(operation)) kept.set(kind, world)
      else kept.delete(kind)
      statuses.push(reply.status)
      expect(reply.status, `${kind}: ${JSON.stringify(reply.body)}`).toBeLessThan(500)
      expect(JSON.stringify(reply.body)).not.toContain('juniper')
    }
    expect(outcomes).toEqual(
      Object.fromEntries(KINDS.map((kind) => [kind, expectedRefusal(operation, kind)])),
    )
    // the sample is good: somebody succeeds with it
    expect(statuses.filter((status) => status < 300)).not.toEqual([])
  })
})

describe('[X-25] whom a route does not admit learns nothing of its body or its fields', () => {
  const routes = [...Map.groupBy(OPERATIONS, ({ http: { method, path } }) => `${method} ${path}`)]

  test.each(routes.filter(([route]) => !route.startsWith('GET ')))('%s', async (route, operations) => {
    const [method, path] = route.split(' ') as [string, string]
    for (const kind of KINDS) {
      const refusals = operations.map((operation) => expectedRefusal(operation, kind))
      if (refusals.some((refused) => refused === undefined)) continue
      for (const body of ['{"half', '[]', '{"unknown":1}', '{"action":"nothing"}']) {
        const reply = await callers[kind].call(method, path.replaceAll(/\{\w+\}/g, 'x'), body)
        expect(refusals, `${kind}: ${JSON.stringify(reply.body)}`).toContain(reply.body.code)
        expect(reply.body.errors).toBeUndefined()
      }
    }
  })
})

/** What may differ between two answers: the id that was asked for, and what belongs to the request itself. */
function comparable(reply: Reply, world: World): unknown {
  const ids = [
    world.eventId,
    world.roomId,
    world.sessionId,
    world.approvalId,
    world.configId,
    world.ownType,
    world.pairedId,
    world.connectorId,
    world.messageId,
    world.channelId,
    world.snapshotId,
    world.scheduleId,
    world.syncRunId,
    world.itemKey,
    world.workId,
    world.findingId,
    world.triggerSubscriptionId,
    world.triggerDeliveryId,
    world.deviceId,
    world.campaignId,
    ...Object.values(world.jobs),
  ]
  const text = ids.reduce((rest, id) => rest.replaceAll(id, '<id>'), JSON.stringify(reply.body))
  const headers = [...reply.headers].filter(
    ([name]) => !['date', 'x-request-id', 'set-cookie'].includes(name),
  )
  return { status: reply.status, text, headers }
}

/** Without times, digests and ids of jobs, which what was made at two moments has of its own. */
const timeless = (answer: unknown): string =>
  JSON.stringify(answer).replaceAll(
    /\d{4}-\d\d-\d\dT[\d:.]+Z|\b[0-9a-f]{64}\b|\bjob-[0-9a-f]{16}\b/g,
    '<of its own>',
  )

/** Whose contract has no 404 for what their bodies name. */
const INVALID = ['config-hub.lineage.confirm', 'config-sync.jobs.create']

/** What is answered to something that is not there; a type that is none is invalid input, by the hub's contract. */
const missing = ({ http, id }: Operation): string =>
  (/\{type\}$/.test(http.path) && !id.includes('types')) || INVALID.includes(id)
    ? 'validation-failed'
    : 'not-found'

/** What makes something by a name that the caller gives, besides PUT; and a deletion, which is planned later. */
const MAKES = [
  'catalog.shop-product.preview',
  'catalog.shop-product.confirmed-create',
  'catalog.items.create',
  'catalog.items.import',
  'config-sync.deletes.create',
]

/** Whether the operation's input refers to a thing at all. */
const refers = (operation: Operation): boolean =>
  JSON.stringify(input(operation, SOME)) !== JSON.stringify(input(operation, ghostOf(SOME)))

describe('[T-1] a foreign thing looks exactly like one that does not exist', () => {
  test.each(each.filter(([, operation]) => refers(operation)))('%s', async (_, operation) => {
    const ghost = ghostOf(foreign)
    for (const kind of KINDS) {
      const [theirs, nobodys] = [
        await callOperation(callers[kind], operation, input(operation, foreign)),
        await callOperation(callers[kind], operation, input(operation, ghost)),
      ]
      // what makes something at an id of the caller's makes it in the caller's organisation, whoever else has that id; a
      // deletion finds only when it is planned that there is nothing
      if (operation.http.method === 'PUT' || operation.http.lines || MAKES.includes(operation.id)) {
        expect(timeless(comparable(theirs, foreign)), kind).toEqual(timeless(comparable(nobodys, ghost)))
        continue
      }
      expect(comparable(theirs, foreign), kind).toEqual(comparable(nobodys, ghost))
      expect(theirs.status, kind).toBeGreaterThanOrEqual(400)
      expect(theirs.body.code, kind).toBe(expectedRefusal(operation, kind) ?? missing(operation))
    }
  })

  test('something of every path and every write is tried', () => {
    const tried = each.filter(([, operation]) => refers(operation)).map(([id]) => id)
    const named = OPERATIONS.filter(
      ({ http, input: schema }) => http.path.includes('{') || 'eventId' in schema.shape,
    )
    expect(tried).toEqual(expect.arrayContaining(named.map(({ id }) => id)))
  })

  test.each(
    each.filter(
      ([
        ,
        {
          effect,
          input: { shape },
        },
      ]) => effect === 'write' && 'envelope' in shape,
    ),
  )('%s with an approval', async (_, operation) => {
    const own = await ownWorld('grant')
    const ghost = ghostOf(foreign)
    const reply = async (kind: Kind, world: World) => {
      const { envelope, ...rest } = input(operation, own) as { envelope: Record<string, unknown> }
      const approval = { id: world.approvalId, planDigest: foreign.planDigest }
      return callOperation(callers[kind], operation, {
        ...rest,
        envelope: { ...envelope, actionMode: 'execute', dryRun: false, approval },
      })
    }
    for (const kind of KINDS) {
      const [theirs, nobodys] = [await reply(kind, foreign), await reply(kind, ghost)]
      expect(comparable(theirs, foreign), kind).toEqual(comparable(nobodys, ghost))
      expect(theirs.body.code, kind).toBe(expectedRefusal(operation, kind) ?? 'not-found')
    }
  })

  // operations of sessions themselves name theirs in the path and take no notice of the header
  test.each(each.filter(([, { ownEvents }]) => !ownEvents))(
    '%s in a foreign session',
    async (_, operation) => {
      const ghost = ghostOf(foreign)
      for (const kind of KINDS) {
        const reply = async (world: World) =>
          callOperation(callers[kind], operation, input(operation, ghost), {
            headers: { 'agent-session-id': world.sessionId },
          })
        const [theirs, nobodys] = [await reply(foreign), await reply(ghost)]
        expect(comparable(theirs, foreign), kind).toEqual(comparable(nobodys, ghost))
        expect(theirs.body.code, kind).toBe(expectedRefusal(operation, kind) ?? 'not-found')
      }
    },
  )

  test.each(each)('%s in a foreign organisation', async (_, operation) => {
    for (const kind of KINDS) {
      if (kind === 'guest') continue // guests name the organisation they look at
      const [theirs, nobodys] = [
        await callOperation(callers[kind], operation, input(operation, foreign), { artistId: 'juniper' }),
        await callOperation(callers[kind], operation, input(operation, foreign), { artistId: 'nobody1' }),
      ]
      expect(comparable(theirs, foreign), kind).toEqual(comparable(nobodys, foreign))
      expect(theirs.status, kind).toBe(404)
    }
  })
})

/** Who sees only the sessions they opened themselves. */
const NARROW: Kind[] = [
  'guest',
  'listener',
  'listener key',
  'grant',
  'grant without scope',
  'grant of a listener',
]

describe('[T-4] a session of somebody else looks like none, also within the organisation', () => {
  let others: World

  beforeAll(async () => {
    others = await worldOf(app, 'laurel', await app.key({ org: 'laurel', role: 'agent' }))
  })

  const ofSessions = each.filter(([, { input: schema }]) => 'sessionId' in schema.shape)
  test.each(ofSessions.filter(([id]) => id !== 'audit.read'))('%s', async (_, operation) => {
    const ghost = { ...ghostOf(others), eventId: others.eventId }
    for (const kind of NARROW) {
      const [theirs, nobodys] = [
        await callOperation(callers[kind], operation, input(operation, others)),
        await callOperation(callers[kind], operation, input(operation, ghost)),
      ]
      expect(comparable(theirs, others), kind).toEqual(comparable(nobodys, ghost))
      expect(theirs.body.code, kind).toBe(expectedRefusal(operation, kind) ?? 'not-found')
    }
  })

  test('nor does its approval execute anything for another', async () => {
    const operation = OPERATIONS.find(({ id }) => id === 'live.events.status.confirmed-update')!
    const { envelope, ...rest } = input(operation, others) as { envelope: Record<string, unknown> }
    for (const kind of ['admin', 'owner', 'artist-admin key', 'automation', 'grant'] as const) {
      const reply = async (world: World) => {
        const approval = { id: world.approvalId, planDigest: others.planDigest }
        const executed = { ...envelope, actionMode: 'execute', dryRun: false, approval }
        return callOperation(callers[kind], operation, { ...rest, envelope: executed })
      }
      const [theirs, nobodys] = [await reply(others), await reply(ghostOf(others))]
      expect(comparable(theirs, others), kind).toEqual(comparable(nobodys, ghostOf(others)))
      expect(theirs.body.code, kind).toBe('not-found')
    }
  })
})

describe('[K-1] what acts without a plan', () => {
  test('is the closed list of records', () => {
    const records = OPERATIONS.filter(({ effect }) => effect === 'record').map(({ id }) => id)
    expect(records.sort()).toEqual([...RECORDS].sort())
  })
})
