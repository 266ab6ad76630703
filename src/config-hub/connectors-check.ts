import { z } from 'zod'
import { read } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { type Connector, ConnectorError } from './connectors/connector.ts'
import { openConnector } from './connectors/open.ts'
import { findConnector } from './connectors/store.ts'
import { ConnectorId, READS } from './schema.ts'
import type { ConfigType, Registry } from './types/definition.ts'
import { registryOf } from './types/registry.ts'

const Step = z.object({ step: z.string(), ok: z.boolean(), found: z.string() })

export const connectorsCheck = read({
  id: 'config-hub.connectors.check',
  tool: 'config_hub_connectors_check',
  surface: 'configuration-hub',
  summary: 'Try a connector: whose credential it holds, and the first page of each type that lives in it.',
  boundaries: ['Only reads. Says what was found, never what the place answered.'],
  http: { method: 'POST', path: '/v1/connectors/{id}/check' },
  access: READS,
  input: z.strictObject({ id: ConnectorId }),
  output: z.object({ id: z.string(), ok: z.boolean(), steps: z.array(Step) }),
  errors: ['not-found'],
  audit: { none: 'A read changes nothing.' },
  async run(ctx, { id }) {
    const row =
      (await findConnector(ctx.db, ctx.org, id)) ?? fail('not-found', `There is no connector ${id}.`)
    const connector = openConnector(ctx.deps, ctx.org, row)
    const registry = await registryOf(ctx.db, ctx.org)
    const steps: z.input<typeof Step>[] = []
    const attempt = async (step: string, work: () => Promise<string>) => {
      try {
        steps.push({ step, ok: true, found: await work() })
      } catch (error) {
        if (!(error instanceof ConnectorError)) throw error
        steps.push({ step, ok: false, found: `${error.kind}: ${error.message}` })
      }
    }
    if (row.externalOrg !== null)
      await attempt('whoami', async () => {
        const { org } = await connector.whoami(ctx.call.signal)
        if (org === row.externalOrg) return org
        throw new ConnectorError('unauthorized', 'The credential is of another organisation.')
      })
    const types = typesOf(registry, connector)
    if (types.length === 0)
      steps.push({ step: 'types', ok: false, found: 'No type of the organisation can live in it.' })
    for (const type of types)
      await attempt(`list ${type.type}`, async () => {
        const { items, cursor } = await connector.list(type, {
          cursor: null,
          size: 10,
          ...(ctx.call.signal ? { signal: ctx.call.signal } : {}),
        })
        return `${items.length} on the first page${cursor === null ? '' : ', more may follow'}`
      })
    return { id, ok: steps.every(({ ok }) => ok), steps }
  },
})

/** Types that live in it, whether it knows them or not; when none does yet, the first that it could list. */
function typesOf(registry: Registry, connector: Connector): ConfigType[] {
  const living = [...registry.values()].filter((type) => type.connector === connector.id)
  if (living.length > 0) return living
  return [...registry.values()].filter(({ type }) => connector.capabilities(type).has('list')).slice(0, 1)
}
