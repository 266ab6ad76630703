import type { Command } from 'commander'
import type { Operation } from '../operation/define.ts'
import type { Output } from './output.ts'
import { remoteCommands } from './remote.ts'
import { lookCommands } from './sync-look.ts'
import { planCommand } from './sync-promote.ts'
import { jobRuns } from './sync-run.ts'
import { startCommands } from './sync-start.ts'

/** `sync …`: configuration from one organisation to another, as jobs of a running server. */
export function syncCommands(
  program: Command,
  operations: readonly Operation[],
  env: NodeJS.ProcessEnv,
  output: () => Output,
): void {
  const group = program.command('sync').description('promote configuration, and take it back')
  const shared = { ...remoteCommands(group, operations, env), runs: jobRuns(env, output), output }
  planCommand(shared)
  startCommands(shared)
  lookCommands(shared)
}
