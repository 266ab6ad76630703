import type { Command } from 'commander'
import type { Operation } from '../operation/define.ts'
import { Problem } from '../operation/errors.ts'
import { type Output, table } from './output.ts'
import { type Given, remoteCommands } from './remote.ts'
import { plain } from './sync-text.ts'
import { listen } from './triggers-listen.ts'

type Subscription = { id: string; url: string; families: string[]; status: string; subscriber: string }
type Delivery = { id: string; status: string; outcome: string | null }
type Listening = { port: string; secret?: string }

/** `triggers …`: subscriptions to signed triggers, and a local receiver for them. */
export function triggerCommands(
  program: Command,
  operations: readonly Operation[],
  env: NodeJS.ProcessEnv,
  output: () => Output,
): void {
  const group = program.command('triggers').description('signed messages that wake agents')
  const { command, calling } = remoteCommands(group, operations, env)

  command('list', 'list subscriptions').action(async (given: Given) => {
    const found = await calling(given)<{ subscriptions: Subscription[] }>(
      'workflow-triggers.subscriptions.list',
      {},
    )
    const rows = found.subscriptions.map(({ id, url, families, status, subscriber }) => [
      ...[id, plain(url), families.join(' '), status, plain(subscriber)],
    ])
    output().data(found, table(['id', 'url', 'families', 'status', 'subscriber'], rows))
  })
  command('test', 'send a signed test delivery')
    .argument('<subscription>')
    .option('--family <family>', 'which family of the subscription; the first unless told')
    .action(async (subscriptionId: string, { family, ...given }: Given & { family?: string }) => {
      const input = { subscriptionId, ...(family ? { family } : {}) }
      const made = await calling(given)<{ delivery: Delivery }>('workflow-triggers.subscriptions.test', input)
      output().data(made, `${made.delivery.id} is on its way.`)
    })
  group
    .command('listen')
    .description('receive triggers here: verify their signatures and print them')
    .option('--port <port>', 'where to listen, on 127.0.0.1', '4100')
    .option('--secret <whsec>', 'the signing secret (or COUNTERSIGN_TRIGGER_SECRET)')
    .action(async ({ port, secret = env.COUNTERSIGN_TRIGGER_SECRET }: Listening) => {
      if (!secret)
        throw new Problem('validation-failed', { detail: 'Give --secret or COUNTERSIGN_TRIGGER_SECRET.' })
      if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
        throw new Problem('validation-failed', { detail: '--port must be a port number.' })
      const stopping = new AbortController()
      for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stopping.abort())
      await listen({ port: Number(port), secret }, output(), stopping.signal)
    })
}
