import { Command, CommanderError } from 'commander'
import { readConfig } from '../config.ts'
import { OPERATIONS } from '../operations.ts'
import { VERSION } from '../version.ts'
import { adminCommands, type WithStorage } from './admin.ts'
import { operationCommands } from './call.ts'
import { configCommands } from './configs.ts'
import { connectorCommands } from './connectors.ts'
import { endingOf, usageEnding } from './exit.ts'
import { feedCommands } from './feeds.ts'
import { liveCommands } from './live.ts'
import { createOutput } from './output.ts'
import { serverCommands } from './server.ts'
import { snapshotCommands } from './snapshots.ts'
import { syncCommands } from './sync.ts'
import { syncJobCommands } from './sync-jobs.ts'
import { triggerCommands } from './triggers.ts'

// known before the line is parsed, for lines that cannot be
const wantsJson = process.argv.includes('--json')

const program = new Command('countersign')
  .description('The control plane between AI agents and live systems.')
  .version(VERSION)
  .option('--json', 'machine-readable output')
  .showHelpAfterError('(add --help for what there is)')
  .configureOutput({ writeErr: (text) => void (wantsJson || process.stderr.write(text)) })
  .exitOverride()

const output = () => createOutput(program.opts().json === true)

/** Opens the storage of the configuration for one command; logs only what is wrong. */
const withStorage: WithStorage = async (work) => {
  const { openDeps } = await import('../server.ts')
  const running = await openDeps({ ...readConfig(process.env), logLevel: 'error' })
  try {
    return await work(running.deps)
  } finally {
    await running.stop()
  }
}

adminCommands(program, withStorage, output)
operationCommands(program, OPERATIONS, process.env, output)
configCommands(program, OPERATIONS, process.env, output)
connectorCommands(program, OPERATIONS, process.env, output)
snapshotCommands(program, OPERATIONS, process.env, output)
syncJobCommands(program, OPERATIONS, process.env, output)
syncCommands(program, OPERATIONS, process.env, output)
liveCommands(program, OPERATIONS, process.env, output)
feedCommands(program, OPERATIONS, process.env, output)
triggerCommands(program, OPERATIONS, process.env, output)
serverCommands(program, output)
allowJsonEverywhere(program)

/** `--json` may stand anywhere on the line. */
function allowJsonEverywhere(command: Command): void {
  for (const each of command.commands) {
    each.option('--json', 'machine-readable output').exitOverride()
    each.on('option:json', () => program.setOptionValue('json', true))
    allowJsonEverywhere(each)
  }
}

// a reader that has enough, as "head" has, is no error
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

try {
  await program.parseAsync()
} catch (error) {
  const isUsage = error instanceof CommanderError
  // --help and --version end by an error too
  if (!isUsage || error.exitCode !== 0) {
    const { code, lines, body } = isUsage ? usageEnding(usageMessage(error)) : endingOf(error)
    if (wantsJson) process.stdout.write(`${JSON.stringify(body)}\n`)
    else if (!isUsage) process.stderr.write(`${lines.join('\n')}\n`)
    process.exitCode = code
  }
}

function usageMessage({ code, message }: CommanderError): string {
  return code === 'commander.help' ? 'a command is missing' : message.replace(/^error: /, '')
}
