import { appendFileSync, readFileSync } from 'node:fs'
import { runJob } from '../../src/config-sync/execution/run.ts'
import { jobHooks } from '../../src/config-sync/jobs/hooks.ts'
import { openDeps } from '../../src/server.ts'

/**
 * One attempt at a sync job, planning included, in a process that kills itself: at the boundary with the number `killAt`,
 * or with `seen`, a file, at the first boundary that is not in that file.
 */
const { config, data, killAt, seen } = JSON.parse(process.env.SYNC as string)
const known = new Set(seen ? readFileSync(seen, 'utf8').split('\n') : [])
const { deps, stop } = await openDeps(config)
let boundaries = 0

function boundary(name: string): void {
  const here = seen ? !known.has(name) : ++boundaries === killAt
  if (!here) return
  if (seen) appendFileSync(seen, `${name}\n`)
  process.kill(process.pid, 'SIGKILL')
}

let transactions = 0
const db: typeof deps.db = {
  ...deps.db,
  async transaction(work) {
    // of those that the job goes through only as many are alike as there are starts
    const name = `transaction ${++transactions}`
    if (!seen) boundary(name)
    const result = await deps.db.transaction(work)
    if (!seen) boundary(name)
    return result
  },
}
await runJob(
  { ...deps, db },
  { data, signal: new AbortController().signal, last: false },
  { ...jobHooks, decide: async () => 'run', at: (at, { seq, kind }) => boundary(`${seq} ${kind} ${at}`) },
)
await stop()
