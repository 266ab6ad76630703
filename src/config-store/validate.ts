import { createRequire } from 'node:module'
import { createContext, Script } from 'node:vm'
import type { ErrorObject, ValidateFunction } from 'ajv/dist/2020.js'
import type { Document } from '../config-hub/index/entry.ts'
import type { ConfigType } from '../config-hub/types/definition.ts'
import type { FieldError } from '../operation/errors.ts'
import { pointerTo } from './rules.ts'

type Schema = Record<string, unknown>

/** More types than an organisation has; an entry is some tens of kilobytes. */
const MOST_COMPILED = 200
/** An organisation's own patterns may backtrack for ever; everybody shares the thread. */
const VALIDATE_WITHIN_MS = 1_000
const MOST_ERRORS = 20

const compiled = new Map<string, ValidateFunction>()

/**
 * A JSON Schema (2020-12) as a function, compiled once. Throws what is wrong with the schema. References to other
 * documents are refused, and `$async`: nothing is fetched, nothing awaited.
 */
export function compileSchema(schema: Schema): ValidateFunction {
  // what it compiles to would answer a promise, which is never false
  if ('$async' in schema) throw new Error('$async is not allowed')
  const text = JSON.stringify(schema)
  const known = compiled.get(text)
  // an instance each: two schemas may have the same $id
  const validate = known ?? compiler().compile(schema)
  // the last used stand last
  compiled.delete(text)
  compiled.set(text, validate)
  if (compiled.size > MOST_COMPILED) compiled.delete(compiled.keys().next().value as string)
  return validate
}

const load = createRequire(import.meta.url)

/** Loaded by the first schema that there is: most organisations have none, and it takes 13 MB of the process. */
function compiler() {
  const { Ajv2020 } = load('ajv/dist/2020.js') as typeof import('ajv/dist/2020.js')
  const { default: addFormats } = load('ajv-formats') as typeof import('ajv-formats')
  const ajv = new Ajv2020({ allErrors: true, strict: false })
  addFormats.default(ajv)
  return ajv
}

/** Why a document is none of its type, by pointers below `at`; empty when it is or the type does not say. */
export function schemaErrors(type: ConfigType, document: Document, at: string): FieldError[] {
  if (!type.json_schema) return []
  try {
    const validate = compileSchema(type.json_schema)
    if (withinTime(() => validate(document))) return []
    return (validate.errors ?? []).slice(0, MOST_ERRORS).map((error) => fieldError(error, at))
  } catch (error) {
    const took = (error as { code?: unknown }).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
    const message = took ? 'cannot be checked in time' : 'has a JSON Schema that cannot be used'
    return [{ pointer: at, message: `${message}; see the definition of ${type.type}` }]
  }
}

const guarded = new Script('work()')
const sandbox = createContext({ work: undefined as unknown })

/** The work's result, or an error once it took too long: the only way to stop a regular expression. */
function withinTime<T>(work: () => T): T {
  sandbox.work = work
  try {
    return guarded.runInContext(sandbox, { timeout: VALIDATE_WITHIN_MS })
  } finally {
    sandbox.work = undefined
  }
}

/** Says where and which rule; never the value, which may be a secret. */
function fieldError({ instancePath, keyword, params, message }: ErrorObject, at: string): FieldError {
  const named: unknown =
    params.missingProperty ?? params.additionalProperty ?? params.unevaluatedProperty ?? params.propertyName
  const pointer = `${at}${instancePath}`
  if (typeof named !== 'string') return { pointer, message: message ?? `fails ${keyword}` }
  if (keyword === 'required' || keyword === 'dependentRequired')
    return { pointer: pointerTo(pointer, named), message: 'is required' }
  return {
    pointer: pointerTo(pointer, named),
    message: keyword === 'propertyNames' ? 'has a name that is not allowed' : 'is not allowed',
  }
}
