import { randomBytes } from 'node:crypto'
import { createKey } from '../src/access/keys.ts'
import { createOrganisation } from '../src/access/organisations.ts'
import type { Principal } from '../src/access/principal.ts'
import { automationPrincipal } from '../src/access/principal.ts'
import { createUser } from '../src/access/users.ts'
import type { Config } from '../src/config.ts'
import { removeDataFolder, temporaryDataFolder } from '../src/db/embedded/folder.ts'
import type { Call } from '../src/operation/define.ts'
import { type Serving, serve } from '../src/server.ts'

export const ORG = 'bench'

export type World = Serving & {
  principal: Principal
  bearer: string
  call(more?: Partial<Call>): Call
  end(): Promise<void>
}

/** The real server on embedded PostgreSQL in a fresh folder, with one organisation and one automation key. */
export async function openWorld(more: Partial<Config> = {}): Promise<World> {
  const dataDir = temporaryDataFolder('countersign-bench-')
  const serving = await serve(
    {
      port: 0,
      host: '127.0.0.1',
      dataDir,
      secret: randomBytes(32).toString('hex'),
      defaultOrg: ORG,
      logLevel: 'silent',
      trustProxy: false,
      ...more,
    },
    { work: false },
  )
  const { access } = serving.deps
  await createOrganisation(access, { slug: ORG })
  await createUser(access, {
    org: ORG,
    role: 'owner',
    email: 'owner@bench.example',
    password: 'a long enough password',
  })
  const key = await createKey(access, { org: ORG, role: 'automation' })
  const principal = automationPrincipal({ id: key.id, org: ORG, name: 'Bench', scopes: key.scopes })
  return {
    ...serving,
    principal,
    bearer: key.key,
    call: (more) => ({ principal, requestId: 'bench', origin: serving.url, ...more }),
    async end() {
      await serving.stop()
      removeDataFolder(dataDir)
    },
  }
}
