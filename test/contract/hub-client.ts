import { authorize, createClient } from '@epilot/sdk/configuration-hub'
import document from '@epilot/sdk/configuration-hub/openapi.json' with { type: 'json' }
import { Ajv } from 'ajv'
import formats from 'ajv-formats'
import { expect } from 'vitest'

/** The contract as its own package publishes it. */
const ajv = new Ajv({ strict: false, allErrors: true })
formats.default(ajv)
ajv.addSchema({ ...document, $id: 'hub' })

type Entry = { operationId: string; responses: Record<string, unknown> }
const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods as unknown as Record<string, Entry>).map(([method, { operationId, responses }]) => ({
    path,
    method,
    operationId,
    responses,
  })),
)
export const CONTRACT_OPERATIONS = routes.map(({ operationId }) => operationId)
export const CONTRACT_ROUTES = routes.map(({ method, path }) => `${method.toUpperCase()} ${path}`)

const escaped = (name: string): string => encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'))

/** Fails unless the contract has this answer, status and body, for this operation. */
export function expectContract(operationId: string, status: number, body: unknown): void {
  const route = routes.find((each) => each.operationId === operationId)!
  const known = Object.keys(route.responses)
  // refusals for who asks and for malformed input are the same everywhere, and have the contract's form of an error
  const pointer =
    status >= 400
      ? '/components/schemas/ErrorResponse'
      : `/paths/${escaped(route.path)}/${route.method}/responses/${status}/content/application~1json/schema`
  if (status < 400)
    expect(known, `${operationId}: ${status} ${JSON.stringify(body)}`).toContain(String(status))
  const validate = ajv.getSchema(`hub#${pointer}`)!
  const valid = validate(body)
  expect(valid, `${operationId} ${status}: ${JSON.stringify(validate.errors)} ${JSON.stringify(body)}`).toBe(
    true,
  )
}

export type HubAnswer = { status: number; body: any }

/** Calls by the unmodified client; only base URL and token are set. Every answer is checked against the contract. */
export function hubClient(url: string, token: string | undefined) {
  const client = createClient() as any
  client.defaults.baseURL = url
  client.defaults.validateStatus = () => true
  if (token !== undefined) authorize(client, () => token)
  return async (operationId: string, parameters?: object | null, data?: unknown): Promise<HubAnswer> => {
    const reply = await client[operationId](parameters, data)
    expectContract(operationId, reply.status, reply.data)
    return { status: reply.status, body: reply.data }
  }
}
