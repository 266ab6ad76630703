import { text as readAll } from 'node:stream/consumers'
import type { Command } from 'commander'
import { z } from 'zod'
import { callOperation } from '../operation/cli.ts'
import { type Operation, routePath } from '../operation/define.ts'
import { Problem } from '../operation/errors.ts'
import { inputFields } from '../operation/manifest.ts'
import { type Output, table } from './output.ts'

type CallOptions = {
  input?: string
  key?: string
  url?: string
  session?: string
  idempotencyKey?: string
  approval?: string
  org?: string
}

/** `operations list` and `call <operation id>`: every operation from the shell, derived from the list. */
export function operationCommands(
  program: Command,
  operations: readonly Operation[],
  env: NodeJS.ProcessEnv,
  output: () => Output,
): void {
  program
    .command('operations')
    .description('what can be called')
    .command('list')
    .description('list every operation')
    .action(() => {
      const rows = operations.map(({ id, tool, effect, http, summary }) => ({
        id,
        tool,
        effect,
        method: http.method,
        path: routePath(http),
        summary,
      }))
      output().data(
        rows,
        table(
          ['operation', 'effect', 'summary'],
          rows.map((row) => [row.id, row.effect, row.summary]),
        ),
      )
    })
  program
    .command('call')
    .description('call an operation of a running server')
    .argument('<operation>', 'operation id, for example live.controls.read')
    .option('--input <json>', 'the input as JSON, or - to read it from standard input')
    .option('--key <bearer>', 'the credential (or COUNTERSIGN_KEY)')
    .option('--url <origin>', 'the server (or COUNTERSIGN_URL)')
    .option('--session <id>', 'record the call in this agent session')
    .option('--idempotency-key <key>')
    .option('--approval <reference>', 'execute an approval: its id, a space, the planDigest')
    .option('--org <slug>', 'the organisation that a guest looks at')
    .action(async (id: string, options: CallOptions) => {
      const operation = operations.find((each) => each.id === id)
      if (!operation) throw unknownOperation(id, operations)
      const input = await inputOf(operation, options.input)
      const answer = await callOperation(operation, input, {
        url: (options.url ?? serverUrl(env)).replace(/\/$/, ''),
        key: options.key ?? env.COUNTERSIGN_KEY,
        session: options.session,
        idempotencyKey: options.idempotencyKey,
        approval: options.approval,
        artistId: options.org,
      })
      output().data(answer)
    })
}

/** Where a server of this configuration is reached: one that listens on every address, on this machine. */
export function serverUrl({ COUNTERSIGN_URL, HOST, PORT }: NodeJS.ProcessEnv): string {
  const everywhere = !HOST || HOST === '0.0.0.0' || HOST === '::'
  const host = everywhere ? '127.0.0.1' : HOST.includes(':') ? `[${HOST}]` : HOST
  return COUNTERSIGN_URL || `http://${host}:${PORT || '4000'}`
}

function unknownOperation(id: string, operations: readonly Operation[]): Problem {
  const near = operations.filter(
    (operation) => operation.id.includes(id) || id.includes(operation.id.split('.')[0] as string),
  )
  const hint =
    near.length > 0
      ? ` Did you mean ${near
          .slice(0, 5)
          .map((each) => each.id)
          .join(', ')}?`
      : ''
  return new Problem('not-found', {
    detail: `There is no operation ${id}.${hint}`,
    nextAction: 'See "countersign operations list".',
  })
}

async function inputOf(operation: Operation, given: string | undefined): Promise<Record<string, unknown>> {
  const source = given === '-' ? await readAll(process.stdin) : (given ?? '{}')
  try {
    return z.record(z.string(), z.json()).parse(JSON.parse(source))
  } catch {
    const fields = Object.entries(inputFields(operation.input)).map(([name, { required }]) =>
      required === true ? name : `[${name}]`,
    )
    throw new Problem('malformed-request', {
      detail: `--input is not a JSON object. ${operation.id} takes: ${fields.join(', ') || 'nothing'}.`,
    })
  }
}
