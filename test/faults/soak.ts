import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { removeDataFolder, temporaryDataFolder } from '../../src/db/embedded/folder.ts'
import { ROOT } from '../harness/command.ts'
import { seedOf } from '../harness/seeded.ts'
import { stormRounds } from './rounds.ts'

const VITEST = path.join(ROOT, 'node_modules', 'vitest', 'vitest.mjs')

/** `npm run soak`: the storm of the tests, 200 rounds (ROUNDS) from a new seed (SEED), half as many rebuilds, and sync jobs. */
const rounds = Number(process.env.ROUNDS ?? 200)
const seed = seedOf(process.env)
const dataDir = temporaryDataFolder('cs-soak-')
console.log(`SEED=${seed} ROUNDS=${rounds}`)
const result = await stormRounds({ place: { dataDir }, rounds, seed, onRound: (line) => console.log(line) })
// kept when a round failed, for whoever looks into it
removeDataFolder(dataDir)
console.log(JSON.stringify({ soak: 'storm', seed, ...result }))
execFileSync(process.execPath, [VITEST, 'run', 'test/faults/rebuild.test.ts'], {
  env: { ...process.env, SEED: String(seed), REBUILD_ROUNDS: String(Math.ceil(rounds / 2)) },
  cwd: ROOT,
  stdio: 'inherit',
})
execFileSync(process.execPath, [VITEST, 'run', 'test/faults/sync.test.ts'], {
  env: { ...process.env, SEED: String(seed), SYNC_KILLS: String(Math.max(20, Math.ceil(rounds / 10))) },
  cwd: ROOT,
  stdio: 'inherit',
})
