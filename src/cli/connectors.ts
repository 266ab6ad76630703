import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import type { Operation } from '../operation/define.ts'
import { Problem } from '../operation/errors.ts'
import { EXIT } from './exit.ts'
import { type Output, table } from './output.ts'
import { type Given, remoteCommands } from './remote.ts'

type Connector = {
  id: string
  kind: string
  external_org_id: string | null
  has_credential: boolean
  version: number
  updated_at: string
}
type Check = { ok: boolean; steps: { step: string; ok: boolean; found: string }[] }
type Settings = { countersign?: string; mapping?: string; externalOrg?: string; credential?: string | false }

/** `connectors …`: the places that configuration lives in beside the built-in store. */
export function connectorCommands(
  program: Command,
  operations: readonly Operation[],
  env: NodeJS.ProcessEnv,
  output: () => Output,
): void {
  const group = program.command('connectors').description('places that configuration lives in')
  const { command, calling } = remoteCommands(group, operations, env)

  command('list', 'list connectors').action(async (given: Given) => {
    const found = await calling(given)<{ results: Connector[] }>('config-hub.connectors.list', {})
    const rows = found.results.map(({ id, kind, external_org_id, has_credential, version }) => [
      id,
      kind,
      external_org_id ?? '',
      has_credential ? 'yes' : 'no',
      String(version),
    ])
    output().data(found, table(['id', 'kind', 'organisation', 'credential', 'version'], rows))
  })
  command('put', 'register a connector, or replace its settings')
    .argument('<id>')
    .option('--countersign <origin>', 'another Countersign, at this address')
    .option('--mapping <file>', 'a REST API, as this file of YAML says')
    .option('--external-org <id>', 'the other organisation that it reaches')
    .option('--credential <text>', 'what it is asked with (or COUNTERSIGN_CONNECTOR_CREDENTIAL)')
    .option('--no-credential', 'ask it without a credential from now on')
    .action(async (id: string, { key, url, ...settings }: Given & Settings) => {
      const given = { ...(key ? { key } : {}), ...(url ? { url } : {}) }
      const input = { id, ...(await settingsOf(settings)), ...credentialOf(settings, env) }
      const made = await calling(given)<{ version: number }>('config-hub.connectors.put', input)
      output().data(made, `${id} is at version ${made.version}.`)
    })
  command('check', 'try a connector')
    .argument('<id>')
    .action(async (id: string, given: Given) => {
      const found = await calling(given)<Check>('config-hub.connectors.check', { id })
      const lines = found.steps.map((each) => `${each.ok ? 'ok' : 'failed'}: ${each.step}: ${each.found}`)
      output().data(found, lines.join('\n'))
      if (!found.ok) process.exitCode = EXIT.refused
    })
  command('remove', 'remove a connector and its credential')
    .argument('<id>')
    .action(async (id: string, given: Given) => {
      output().data(await calling(given)('config-hub.connectors.remove', { id }), `Removed ${id}.`)
    })
}

async function settingsOf({ countersign, mapping, externalOrg }: Settings): Promise<Record<string, unknown>> {
  const external = externalOrg === undefined ? {} : { external_org_id: externalOrg }
  if ((countersign === undefined) === (mapping === undefined))
    throw new Problem('validation-failed', { detail: 'Give either --countersign or --mapping.' })
  if (mapping === undefined) return { kind: 'countersign', base_url: countersign, ...external }
  const text = await readFile(mapping, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Problem('malformed-request', { detail: `${mapping} cannot be read (${error.code}).` })
  })
  return { kind: 'rest', mapping_yaml: text, ...external }
}

/** `--no-credential` makes it false; left out, the one that it has stays. */
function credentialOf({ credential }: Settings, env: NodeJS.ProcessEnv): { credential?: string | null } {
  if (credential === false) return { credential: null }
  const text = credential ?? env.COUNTERSIGN_CONNECTOR_CREDENTIAL
  return text === undefined ? {} : { credential: text }
}
