import type { Tool } from '@modelcontextprotocol/server'
import { actionLiteral, answerSchema, type Operation } from './define.ts'
import { inlineDefinitions, jsonSchema, type JsonSchema as Schema } from './json-schema.ts'

/** An operation as an MCP tool, worked out once. */
export type McpTool = {
  operation: Operation
  tool: Tool
  /** The literal `action` that tells operations of one HTTP route apart; a caller of the tool may leave it out. */
  action?: string
}

/** The tool of an operation. Throws at start when a schema is not an object: MCP carries only objects. */
export function toolOf(operation: Operation): McpTool {
  const inputSchema = inlineDefinitions(jsonSchema(operation.input, 'input'))
  const action = actionLiteral(operation)
  const tool: Tool = {
    name: operation.tool,
    title: titleOf(operation.id),
    description: describe(operation),
    inputSchema: objectRoot(operation, action === undefined ? inputSchema : optional(inputSchema, 'action')),
    outputSchema: objectRoot(operation, jsonSchema(answerSchema(operation), 'output')),
    annotations: annotationsOf(operation),
    _meta: { 'dev.countersign/operation': operation.id, 'dev.countersign/effect': operation.effect },
  }
  return { operation, tool, ...(action === undefined ? {} : { action }) }
}

/** `live.controls.read` as `Live controls read`. */
const titleOf = (id: string): string => {
  const words = id.replaceAll(/[.-]/g, ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

const describe = ({ summary, boundaries }: Operation): string =>
  [summary, ...boundaries.map((boundary) => `- ${boundary}`)].join('\n')

/**
 * Follows from the effect. A write is destructive by the protocol's words: it changes what is there. One that takes
 * an envelope is idempotent, because its key is among the arguments. Nothing reaches outside the system.
 */
function annotationsOf(operation: Operation): NonNullable<Tool['annotations']> {
  const reads = operation.effect === 'read' || operation.effect === 'preview'
  return {
    title: titleOf(operation.id),
    readOnlyHint: reads,
    destructiveHint: operation.effect === 'write',
    idempotentHint: reads || (operation.effect === 'write' && operation.confirmation.envelope),
    openWorldHint: false,
  }
}

const optional = (schema: Schema, name: string): Schema => ({
  ...schema,
  required: ((schema.required ?? []) as string[]).filter((each) => each !== name),
})

/** Revisions up to 2025-11-25 ask for `type: object` at the root, which a union of objects lacks in zod's output. */
function objectRoot(operation: Operation, schema: Schema): Tool['inputSchema'] {
  if (schema.type === 'object') return schema as Tool['inputSchema']
  const branches = (schema.anyOf ?? schema.oneOf) as Schema[] | undefined
  const definitions = (schema.$defs ?? {}) as Record<string, Schema>
  const isObject = (branch: Schema) =>
    branch.type === 'object' || definitions[String(branch.$ref).replace('#/$defs/', '')]?.type === 'object'
  if (!branches?.every(isObject)) throw new Error(`${operation.id}: input and output must be objects`)
  return { type: 'object', ...schema } as Tool['inputSchema']
}
