import { runJob } from '../../src/config-sync/execution/run.ts'
import { openDeps } from '../../src/server.ts'

/** One attempt at a sync job that was planned, in a process that kills itself at a boundary of its requests. */
const { config, data, killAt } = JSON.parse(process.env.SYNC as string)
const { deps, stop } = await openDeps(config)
let boundaries = 0
await runJob(
  deps,
  { data, signal: new AbortController().signal, last: false },
  {
    plan: () => Promise.reject(new Error('it was planned')),
    decide: () => Promise.reject(new Error('it was decided')),
    at() {
      if (++boundaries === killAt) process.kill(process.pid, 'SIGKILL')
    },
  },
)
await stop()
