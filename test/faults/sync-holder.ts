import sql from 'sql-template-tag'
import { startHere } from '../../src/config-sync/execution/run.ts'
import { holdToken } from '../../src/config-sync/execution/tokens.ts'
import { openDeps } from '../../src/server.ts'

/** A process that was given a token for a planned job, and does that job. It stays until it is killed. */
const { config, org, id, token } = JSON.parse(process.env.HOLDER as string)
const { deps } = await openDeps(config)
const holder = await holdToken(deps, id, token)
await deps.db.query(sql`
  UPDATE config_jobs SET holder = ${holder}, needs_token = true, stage = 'running', status = 'in_progress'
   WHERE org = ${org} AND id = ${id}`)
startHere(deps, org, id, {
  plan: () => Promise.reject(new Error('it was planned')),
  decide: () => Promise.reject(new Error('it was decided')),
})
console.log(JSON.stringify({ holding: true }))
setInterval(() => {}, 1_000)
