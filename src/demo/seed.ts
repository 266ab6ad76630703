import { createKey } from '../access/keys.ts'
import { createOrganisation } from '../access/organisations.ts'
import { createUser } from '../access/users.ts'
import { insertItem } from '../catalog/store.ts'
import { registryOf } from '../config-hub/types/registry.ts'
import { writeDocuments } from '../config-store/documents.ts'
import type { Deps } from '../deps.ts'
import { DEFAULTS, type LiveEvent } from '../live/rules.ts'
import { insertEvent } from '../live/store.ts'
import type { StripeServer } from './stripe/server.ts'

export const ORG = 'laurel'
export const SANDBOX = 'laurel-sandbox'
export const OWNER = { email: 'maya@laurel.example', password: 'let-agents-ask-first', name: 'Maya (owner)' }
export const ROOM = 'laurel-studio-room-5e0d17aa'
export const MAYA = 'live-with-maya-d454ece6'

const event = (id: string, title: string, startsAt: string, more: Partial<LiveEvent> = {}): LiveEvent => ({
  ...DEFAULTS,
  id,
  title,
  status: 'scheduled',
  startsAt: new Date(startsAt),
  timeZone: 'America/Los_Angeles',
  version: 1,
  createdAt: new Date('2026-05-14T09:00:00.000Z'),
  updatedAt: new Date('2026-05-14T09:03:11.000Z'),
  ...more,
})

/** 19:00 in Los Angeles on a day some weeks ahead of `now`, so that the demo's room always lies in the future. */
export function sevenInTheEvening(now: Date): Date {
  const day = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + 21))
  for (const hours of [26, 27]) {
    const instant = new Date(day.getTime() + hours * 3_600_000)
    const hour = new Intl.DateTimeFormat('en-US', {
      timeZone: 'America/Los_Angeles',
      hour: 'numeric',
      hour12: false,
    }).format(instant)
    if (Number(hour) === 19) return instant
  }
  throw new Error('Los Angeles has no 7 PM that day')
}

/** A lesson that is mapped to a price at Stripe, as the contracts have it. */
export const LESSON = { key: 'intro-guitar-lesson', title: 'Intro guitar lesson', amountCents: 7500 }

export type Seeded = { agentKey: string; sandboxKey: string; startsAt: Date }

/** The organisation of the contracts' samples: an owner, an agent's key, two rooms and a channel; and its sandbox. */
export async function seed(deps: Deps, stripe: StripeServer): Promise<Seeded> {
  const { access, db } = deps
  const now = deps.clock()
  await createOrganisation(access, { slug: ORG, name: 'Laurel' })
  await createUser(access, { ...OWNER, org: ORG, role: 'owner' })
  const client = { id: 'client-agent-experience', name: 'Agent Experience', kind: 'demo' }
  const { key } = await createKey(access, {
    org: ORG,
    role: 'agent',
    for: OWNER.email,
    name: client.name,
    client,
  })
  const startsAt = sevenInTheEvening(now)
  await insertEvent(
    db,
    ORG,
    event(ROOM, 'Laurel Studio Room', startsAt.toISOString(), { communityChannelId: 'general' }),
  )
  await insertEvent(db, ORG, event(MAYA, 'Live with Maya', '2026-05-14T10:02:56.000Z'))
  await seedLesson(deps, stripe)
  return { agentKey: key, sandboxKey: await seedSandbox(deps), startsAt }
}

/** The lesson here, and its product and price at Stripe. */
async function seedLesson(deps: Deps, stripe: StripeServer): Promise<void> {
  const product = stripe.state.addProduct({ name: LESSON.title })
  const price = stripe.state.addPrice({ product: product.id, unit_amount: LESSON.amountCents })
  const item = {
    ...{ ...LESSON, sourceKind: 'lesson-offering' as const, status: 'active' as const, visible: true },
    ...{ currency: 'usd', interval: null, stripePriceId: price.id, details: {} },
  }
  await deps.db.transaction((tx) => insertItem(tx, ORG, item, deps.clock()))
}

/** An e-mail that names a file, in an organisation of its own. Answers a key that reads there. */
async function seedSandbox(deps: Deps): Promise<string> {
  await createOrganisation(deps.access, { slug: SANDBOX, name: 'Laurel, sandbox' })
  const { key } = await createKey(deps.access, {
    org: SANDBOX,
    role: 'automation',
    name: 'Promotion',
    scopes: [`creator:${SANDBOX}:config:read`],
  })
  const registry = await registryOf(deps.db, SANDBOX)
  const put = { op: 'put' as const }
  await deps.db.transaction((db) =>
    writeDocuments({ db, deps, org: SANDBOX, now: deps.clock(), author: 'demo' }, registry, [
      { ...put, type: 'file', id: 'file-studio-map-01', document: { filename: 'studio-map.pdf' } },
      {
        ...put,
        type: 'emailtemplate',
        id: 'studio-welcome',
        document: {
          name: 'Studio welcome',
          subject: 'See you at {{event.startsAt}}',
          body: '<p>The way to the studio is in file-studio-map-01.</p>',
        },
      },
    ]),
  )
  return key
}
