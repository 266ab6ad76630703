import { writeAtStripe } from '../../src/catalog/stripe/job.ts'
import type { Db } from '../../src/db/pool.ts'
import { openDeps } from '../../src/server.ts'
import type { KillPoint } from './rebuild.ts'

/** One attempt at a price at Stripe, in a process that kills itself at a transaction of it, or is killed. */
const { config, data, killAt } = JSON.parse(process.env.STRIPE_WRITES as string)
const { deps, stop } = await openDeps(config)
const signal = new AbortController().signal
await writeAtStripe(
  { ...deps, db: killAt ? deadly(deps.db, killAt) : deps.db },
  { data, signal, last: false },
)
await stop()

function deadly(db: Db, { transaction, moment }: KillPoint): Db {
  let count = 0
  const die = () => process.kill(process.pid, 'SIGKILL')
  return {
    ...db,
    async transaction(work) {
      const mine = ++count === transaction
      if (mine && moment === 'before') die()
      const result = await db.transaction(async (tx) => {
        const done = await work(tx)
        if (mine && moment === 'uncommitted') die()
        return done
      })
      if (mine && moment === 'committed') die()
      return result
    },
  }
}
