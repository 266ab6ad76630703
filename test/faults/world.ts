import { createKey } from '../../src/access/keys.ts'
import { createOrganisation } from '../../src/access/organisations.ts'
import { createUser } from '../../src/access/users.ts'
import { readConfig } from '../../src/config.ts'
import type { Db } from '../../src/db/pool.ts'
import { DEFAULTS } from '../../src/live/rules.ts'
import { insertEvent } from '../../src/live/store.ts'
import { openDeps } from '../../src/server.ts'
import type { Caller } from '../harness/app.ts'
import { callerAt } from './server.ts'

const EMAIL = 'owner@laurel.example'
const PASSWORD = 'correct horse battery staple'

/** Credentials that outlive every process: two keys and a signed-in owner's cookie. */
export type Credentials = { automation: string; agent: string; cookie?: string }
export type Callers = { automation: Caller; agent: Caller; owner: Caller }

/** The organisation laurel with its owner and two keys, made while no server runs. */
export async function seedOrganisation(env: NodeJS.ProcessEnv): Promise<Credentials> {
  const { deps, stop } = await openDeps({ ...readConfig(env), logLevel: 'error' })
  try {
    await createOrganisation(deps.access, { slug: 'laurel' })
    await createUser(deps.access, { org: 'laurel', role: 'owner', email: EMAIL, password: PASSWORD })
    const automation = await createKey(deps.access, { org: 'laurel', role: 'automation' })
    const agent = await createKey(deps.access, { org: 'laurel', role: 'agent' })
    return { automation: automation.key, agent: agent.key }
  } finally {
    await stop()
  }
}

/** The callers of one server process; signs the owner in the first time. */
export async function callersAt(url: string, credentials: Credentials): Promise<Callers> {
  credentials.cookie ??= await signIn(url)
  return {
    automation: callerAt(url, { authorization: `Bearer ${credentials.automation}` }),
    agent: callerAt(url, { authorization: `Bearer ${credentials.agent}` }),
    owner: callerAt(url, { cookie: credentials.cookie, origin: url }),
  }
}

async function signIn(url: string): Promise<string> {
  const response = await fetch(`${url}/api/auth/sign-in/email`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: url },
    body: JSON.stringify({ email: EMAIL, password: PASSWORD }),
  })
  if (!response.ok) throw new Error(`sign-in: ${response.status} ${await response.text()}`)
  return response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ')
}

/** Fresh events for a round's confirms. */
export async function addEvents(db: Db, ids: readonly string[]): Promise<void> {
  const at = new Date()
  for (const id of ids)
    await insertEvent(db, 'laurel', {
      ...DEFAULTS,
      id,
      title: 'Laurel Studio Room',
      status: 'scheduled',
      startsAt: new Date('2026-05-21T02:00:00.000Z'),
      timeZone: 'America/Los_Angeles',
      createdAt: at,
      updatedAt: at,
    })
}
