import { Command, CommanderError } from 'commander'
import { readConfig } from '../config.ts'
import { OPERATIONS } from '../operations.ts'
import { VERSION } from '../version.ts'
import { adminCommands, type WithStorage } from './admin.ts'
import { operationCommands } from './call.ts'
import { EXIT, endingOf } from './exit.ts'
import { createOutput } from './output.ts'
import { serverCommands } from './server.ts'

const program = new Command('countersign')
  .description('The control plane between AI agents and live systems.')
  .version(VERSION)
  .option('--json', 'machine-readable output')
  .showHelpAfterError('(add --help for what there is)')
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

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage
  else {
    const { code, lines, body } = endingOf(error)
    if (program.opts().json) process.stdout.write(`${JSON.stringify(body)}\n`)
    else process.stderr.write(`${lines.join('\n')}\n`)
    process.exitCode = code
  }
}
