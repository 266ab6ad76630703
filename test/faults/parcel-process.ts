import { standing } from '../../src/access/standing.ts'
import { startJobs } from '../../src/jobs/start.ts'
import { run } from '../../src/operation/run.ts'
import { OPERATIONS } from '../../src/operations.ts'
import { openDeps } from '../../src/server.ts'
import { approvalsResolve } from '../../src/sessions/approvals-resolve.ts'
import { executeJob } from '../../src/sessions/execute.ts'
import { parcelSend, sending } from '../parcels.ts'

/** A process that decides on an approval and dies with the commit, or that dies in the middle of executing one. */
const { config, connection, decides } = JSON.parse(process.env.PARCEL as string)
const opened = await openDeps(config)
const deps = { ...opened.deps, operations: [...OPERATIONS, parcelSend] as never }

if (decides) {
  const { org, person, input } = decides
  const principal = await standing(deps.db, org, { id: person }, deps.clock())
  if (!principal) throw new Error(`${person} is nobody`)
  await run(deps, approvalsResolve, input, { principal, requestId: 'dies', origin: '' })
  process.kill(process.pid, 'SIGKILL')
}

sending.at = async () => {
  console.log('sending')
  await new Promise(() => setInterval(() => {}, 1_000))
}
await startJobs(deps, connection, [executeJob])
console.log('working')
