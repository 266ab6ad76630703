import type { z } from 'zod'
import { type FieldError, fail } from './errors.ts'

/** Deeper than any contract's body; keeps hostile nesting away from recursive code. */
const MAX_DEPTH = 32

const escaped = (key: PropertyKey): string => String(key).replaceAll('~', '~0').replaceAll('/', '~1')
const pointerOf = (path: readonly PropertyKey[]): string => path.map((key) => `/${escaped(key)}`).join('')

/** PostgreSQL stores neither U+0000 nor lone surrogates; refusing them here names the field. */
function unstorable(value: unknown, path: readonly PropertyKey[]): FieldError | undefined {
  if (path.length > MAX_DEPTH)
    return { pointer: pointerOf(path.slice(0, 4)), message: `nested deeper than ${MAX_DEPTH}` }
  if (typeof value === 'string') {
    if (value.includes('\u0000')) return { pointer: pointerOf(path), message: 'must not contain U+0000' }
    if (!value.isWellFormed()) return { pointer: pointerOf(path), message: 'must be well-formed Unicode' }
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, each] of Object.entries(value)) {
    const found = unstorable(key, [...path, key]) ?? unstorable(each, [...path, key])
    if (found) return found
  }
  return undefined
}

/** Zod's issues as JSON pointers; an unknown field is named itself rather than its parent. */
function fieldErrors(issues: readonly z.core.$ZodIssue[]): FieldError[] {
  return issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({ pointer: pointerOf([...issue.path, key]), message: 'unknown field' }))
      : [{ pointer: pointerOf(issue.path), message: issue.message }],
  )
}

const MAX_ERRORS = 20

/** The input, validated. Errors: `validation-failed` naming every field that is wrong (at most 20). */
export function parseInput<S extends z.ZodType>(schema: S, raw: unknown): z.output<S> {
  const found = unstorable(raw, [])
  if (found) fail('validation-failed', { detail: describe([found]), errors: [found] })
  const result = schema.safeParse(raw ?? {})
  if (result.success) return result.data
  const errors = fieldErrors(result.error.issues).slice(0, MAX_ERRORS)
  return fail('validation-failed', { detail: describe(errors), errors })
}

const describe = (errors: readonly FieldError[]): string =>
  `Invalid input: ${errors.map(({ pointer, message }) => `${pointer || '/'} ${message}`).join('; ')}`.slice(
    0,
    1000,
  )
