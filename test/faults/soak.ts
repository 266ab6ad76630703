import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { removeDataFolder, temporaryDataFolder } from '../../src/db/embedded/folder.ts'
import { ROOT } from '../harness/command.ts'
import { seedOf } from '../harness/seeded.ts'
import { stormRounds } from './rounds.ts'

const VITEST = path.join(ROOT, 'node_modules', 'vitest', 'vitest.mjs')

/**
 * `npm run soak`: the storm of the tests, 200 rounds (ROUNDS) from a new seed (SEED), half as many rebuilds, and sync
 * jobs: a kill at every boundary of one, ten times as many histories as rounds, and servers that are killed.
 */
const rounds = Number(process.env.ROUNDS ?? 200)
const seed = seedOf(process.env)
const dataDir = temporaryDataFolder('cs-soak-')
console.log(`SEED=${seed} ROUNDS=${rounds}`)
const result = await stormRounds({ place: { dataDir }, rounds, seed, onRound: (line) => console.log(line) })
// kept when a round failed, for whoever looks into it
removeDataFolder(dataDir)
console.log(JSON.stringify({ soak: 'storm', seed, ...result }))

/** The tests of a file, with more of what they do. */
const run = (file: string, env: Record<string, string>): void =>
  void execFileSync(process.execPath, [VITEST, 'run', `test/faults/${file}`], {
    env: { ...process.env, SEED: String(seed), ...env },
    cwd: ROOT,
    stdio: 'inherit',
  })

const few = String(Math.max(20, Math.ceil(rounds / 10)))
run('rebuild.test.ts', { REBUILD_ROUNDS: String(Math.ceil(rounds / 2)) })
run('sync.test.ts', { SYNC_KILLS: few })
run('sync-model.test.ts', { SYNC_RUNS: String(rounds * 10) })
run('sync-boundaries.test.ts', { BOUNDARY_KILLS: 'all' })
run('sync-boundaries-server.test.ts', { SYNC_SERVER_ROUNDS: few })
run('sync-jobs.test.ts', { SYNC_JOB_KILLS: '500' })
