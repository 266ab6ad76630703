import { expect, test, vi } from 'vitest'
import { locateCluster, postmasterOf } from '../../src/db/embedded/cluster.ts'
import { removeDataFolder, temporaryDataFolder } from '../../src/db/embedded/folder.ts'
import { ownerForRoot } from '../../src/db/embedded/owner.ts'
import { testDatabase } from '../harness/database.ts'
import { seedOf } from '../harness/seeded.ts'
import { stormRounds } from './rounds.ts'

const SEED = seedOf(process.env)
const lines: string[] = []
const told = () => `SEED=${SEED}\n${lines.join('\n')}`

test('[F-1] kill -9 during a storm, 20 rounds: every acknowledged event and write is there, nothing is half', async () => {
  const dataDir = temporaryDataFolder('cs-storm-')
  try {
    const result = await stormRounds({
      place: { dataDir },
      rounds: 20,
      seed: SEED,
      onRound: (line) => void lines.push(line),
    })
    expect(result.rounds, told()).toBe(20)
    // a storm in which nothing was under way when the kill came would prove nothing
    expect(result.unanswered, told()).toBeGreaterThan(20)
    console.info(`${told()}\n${JSON.stringify(result)}`)
  } catch (error) {
    throw new Error(told(), { cause: error })
  } finally {
    const cluster = locateCluster(dataDir, ownerForRoot())
    await vi.waitFor(() => expect(postmasterOf(cluster)).toBeUndefined(), { timeout: 10_000 })
    removeDataFolder(dataDir)
  }
}, 240_000)

test('[F-2] the same on a PostgreSQL of its own, which outlives the server', async () => {
  const database = await testDatabase()
  try {
    const result = await stormRounds({ place: { databaseUrl: database.url }, rounds: 4, seed: SEED + 1 })
    expect(result.unanswered, told()).toBeGreaterThan(4)
  } finally {
    await database.drop()
  }
}, 120_000)
