import { randomUUID } from 'node:crypto'
import type { Command } from 'commander'
import { readConfig } from '../config.ts'
import { Problem } from '../operation/errors.ts'
import { serverUrl } from './call.ts'
import type { Output } from './output.ts'

/** Commands that run until told to stop, and the migration. Their code is loaded only when they are called. */
export function serverCommands(program: Command, output: () => Output): void {
  program
    .command('serve')
    .description('serve HTTP and MCP, and work off background jobs')
    .option('--no-work', 'leave background jobs to "countersign work"')
    .action(async ({ work }: { work: boolean }) => {
      const { serve } = await import('../server.ts')
      const serving = serve(readConfig(process.env), { work })
      // a signal that comes while starting waits for the start and then drains like any other
      stopOnSignal(async () => (await serving).stop())
      const { url } = await serving
      output().data({ ok: true, url }, `Countersign serves at ${url} (MCP at ${url}/mcp).`)
    })
  program
    .command('work')
    .description('work off background jobs only')
    .action(async () => {
      const [{ openDeps }, { startJobs }] = await Promise.all([
        import('../server.ts'),
        import('../jobs/start.ts'),
      ])
      const running = await openDeps(readConfig(process.env))
      const jobs = await startJobs(running.deps, running.storage.connection)
      output().data({ ok: true }, 'Countersign works off background jobs.')
      stopOnSignal(async () => {
        await jobs.stop()
        await running.stop()
      })
    })
  program
    .command('migrate')
    .description('bring the database to this release')
    .action(async () => {
      const [{ openStorage }, { migrate }, { installJobs }, { createLogger }] = await Promise.all([
        import('../db/connect.ts'),
        import('../db/migrate.ts'),
        import('../jobs/install.ts'),
        import('../log.ts'),
      ])
      const storage = await openStorage(readConfig(process.env), createLogger({ logLevel: 'error' }))
      try {
        const { applied } = await migrate(storage.connection)
        await installJobs(storage.connection)
        output().data(
          { ok: true, applied },
          applied.length > 0 ? `Applied ${applied.join(', ')}.` : 'Nothing to apply.',
        )
      } finally {
        await storage.stop()
      }
    })
  program
    .command('demo')
    .description('walk the whole loop on demo data, then stay up')
    .option('--once', 'exit after the walk, non-zero if any step failed')
    .action(async ({ once }: { once?: boolean }) => {
      const { demo } = await import('../demo/demo.ts')
      const walking = demo(process.env, output())
      stopOnSignal(async () => (await walking).stop())
      const { stop } = await walking
      if (once) await stop()
    })
  program
    .command('mcp')
    .description('serve MCP over standard input and output, with the key in COUNTERSIGN_KEY')
    .requiredOption('--stdio', 'the transport')
    .action(serveStdio)
}

/** MCP over stdio on the storage itself: the same catalog and the same rules as over HTTP. */
async function serveStdio(): Promise<void> {
  const [{ openDeps }, { catalogOf }, { mcpStdio }, { authenticate }] = await Promise.all([
    import('../server.ts'),
    import('../app.ts'),
    import('../operation/mcp-stdio.ts'),
    import('../access/authenticate.ts'),
  ])
  const key = process.env.COUNTERSIGN_KEY
  if (!key)
    throw new Problem('unauthenticated', {
      detail: 'COUNTERSIGN_KEY is not set.',
      nextAction: 'Make a key with "countersign keys create".',
    })
  // standard output carries the protocol, so nothing is logged there
  const running = await openDeps({ ...readConfig(process.env), logLevel: 'silent' })
  const who = async () => ({
    principal: await authenticate(running.deps.access, { headers: { authorization: `Bearer ${key}` } }),
    requestId: randomUUID(),
    origin: serverUrl(process.env),
  })
  try {
    await who()
    await mcpStdio({ catalog: catalogOf(running.deps), who })
  } finally {
    await running.stop()
  }
}

/** 4.5 s: an orchestrator kills after 5 s at the earliest, and a drain that hangs must not hold the exit. */
const STOP_DEADLINE_MS = 4_500

function stopOnSignal(stop: () => Promise<void>): void {
  let stopping = false
  const onSignal = () => {
    if (stopping) return
    stopping = true
    setTimeout(() => process.exit(1), STOP_DEADLINE_MS).unref()
    stop().then(
      () => process.exit(0),
      () => process.exit(1),
    )
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
}
