import { removeDataFolder, temporaryDataFolder } from '../../src/db/embedded/folder.ts'
import { seedOf } from '../harness/seeded.ts'
import { stormRounds } from './rounds.ts'

/** `npm run soak`: the storm of the tests, 200 rounds (ROUNDS) from a new seed (SEED). */
const rounds = Number(process.env.ROUNDS ?? 200)
const seed = seedOf(process.env)
const dataDir = temporaryDataFolder('cs-soak-')
console.log(`SEED=${seed} ROUNDS=${rounds}`)
const result = await stormRounds({ place: { dataDir }, rounds, seed, onRound: (line) => console.log(line) })
// kept when a round failed, for whoever looks into it
removeDataFolder(dataDir)
console.log(JSON.stringify({ soak: 'storm', seed, ...result }))
