import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type pg from 'pg'
import type { Logger } from 'pino'
import { binaries } from './binaries.ts'
import { type Cluster, ensureCluster, locateCluster, refuseOtherMajor } from './cluster.ts'
import { type Share, startGuard, takeShare } from './guard.ts'
import { answers, launch } from './launch.ts'
import { type Lease, openLease } from './lease.ts'
import { exclusively } from './lock.ts'
import { ownerForRoot } from './owner.ts'
import { postmasterOf } from './process.ts'

export type Embedded = {
  connection: pg.ClientConfig
  /** Whether PostgreSQL was running already (another process's, or left by a killed one). */
  adopted: boolean
  /** Gives this process's share back; the last one stops PostgreSQL, which is waited for at most 4 s. */
  stop(): Promise<void>
}

/** 120 s: recovery after a crash may replay a gigabyte of log. */
const START_DEADLINE_MS = 120_000
const STOP_DEADLINE_MS = 4_000
const RETRY_MS = 5_000

/**
 * Starts or joins the PostgreSQL of a data folder: on a socket in a private folder, never on the network. Safe to call
 * from several processes at once, and after any of them was killed. Should PostgreSQL end while it is held (out of
 * memory, an administrator), whoever of its holders notices first starts it again and the others join.
 */
export async function startEmbedded(dataDir: string, log: Logger): Promise<Embedded> {
  const cluster = locateCluster(path.resolve(dataDir), ownerForRoot())
  refuseOtherMajor(cluster)
  let stopping = false
  let held: Held | undefined = await hold(cluster, { make: true })
  const { adopted } = held
  let restarting: Promise<void> | undefined
  held.lease.lost.then(restart)

  function restart(): void {
    if (stopping) return
    held?.share.release()
    held = undefined
    log.warn('the embedded PostgreSQL ended; starting or joining it again')
    restarting = holdAgain()
  }

  async function holdAgain(): Promise<void> {
    while (!stopping && !held) {
      // a data folder that was removed meanwhile is not made again, empty
      held = await hold(cluster, { make: false }).catch((error: unknown) => {
        log.error({ err: error }, 'embedded PostgreSQL')
        return undefined
      })
      if (!held) await setTimeout(RETRY_MS, undefined, { ref: false })
    }
    held?.lease.lost.then(restart)
  }

  return {
    connection: cluster.connection,
    adopted,
    async stop() {
      stopping = true
      if (!held) await Promise.race([restarting, setTimeout(STOP_DEADLINE_MS, undefined, { ref: false })])
      const others = await held?.lease.others()
      await held?.lease.end()
      held?.share.release()
      const deadline = Date.now() + STOP_DEADLINE_MS
      while (!others && postmasterOf(cluster) !== undefined && Date.now() < deadline) await setTimeout(10)
    },
  }
}

/** `adopted`: PostgreSQL was running already. */
type Shared = { share: Share; adopted: boolean }
type Held = Shared & { lease: Lease }

/** Joins the running PostgreSQL or starts it, and holds it. */
async function hold(cluster: Cluster, options: { make: boolean }): Promise<Held> {
  const deadline = Date.now() + START_DEADLINE_MS
  while (Date.now() < deadline) {
    const shared = (await join(cluster)) ?? (await start(cluster, options, deadline))
    const lease = shared && (await openLease(cluster.connection))
    if (lease) return { ...shared, lease }
    shared?.share.release()
    // it is just starting or stopping
    await setTimeout(25)
  }
  throw new Error(`The embedded PostgreSQL did not start in time; see ${cluster.home}/postgres.log.`)
}

async function join(cluster: Cluster): Promise<Shared | undefined> {
  const running = postmasterOf(cluster) !== undefined && (await answers(cluster))
  const share = running ? takeShare(cluster.run) : undefined
  return share && { share, adopted: true }
}

/** Starts PostgreSQL, one process at a time; one that runs without a guard, because that was killed, gets another. */
const start = (
  cluster: Cluster,
  { make }: { make: boolean },
  deadline: number,
): Promise<Shared | undefined> =>
  exclusively(path.join(cluster.home, 'start.lock'), deadline, async () => {
    const running = postmasterOf(cluster)
    if (running !== undefined) return (await join(cluster)) ?? (await adopt(cluster, running))
    const bin = binaries(cluster.owner, cluster.home)
    if (make) ensureCluster(cluster, bin)
    const share = await launch(cluster, bin, deadline)
    return share && { share, adopted: false }
  })

async function adopt(cluster: Cluster, pid: number): Promise<Shared | undefined> {
  // its guard may just be stopping it; only one that goes on answering has lost it
  await setTimeout(300)
  if (postmasterOf(cluster) !== pid || !(await answers(cluster))) return undefined
  return { share: startGuard(cluster, pid), adopted: true }
}
