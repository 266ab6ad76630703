import { openDeps } from '../src/server.ts'
import { scanOnce } from './stripe-catalog-ours.ts'
import { openSyncEngine, type Place } from './stripe-catalog-peers.ts'
import { ORG } from './world.ts'

/** One scan by one side in a process of its own, which may be killed at any time; started again, it goes on. */
export type SideSettings = Place & { dataDir: string; secret: string }

const [kind, text] = process.argv.slice(2)
const { url, key, dataDir, secret } = JSON.parse(text as string) as SideSettings
const { deps, storage, stop } = await openDeps({
  ...{ port: 0, host: '127.0.0.1', dataDir, secret, defaultOrg: ORG, logLevel: 'silent', trustProxy: false },
  stripe: { accounts: [{ org: ORG, key, url, requestsPerSecond: 100_000 }] },
})
if (kind === 'ours') await scanOnce(deps)
else {
  const engine = await openSyncEngine({ url, key }, storage.connection)
  await engine.scan()
  await engine.end()
}
await stop()
