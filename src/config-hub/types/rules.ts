import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { documentErrors, pointerTo } from '../../config-store/rules.ts'
import { compileSchema } from '../../config-store/validate.ts'
import type { FieldError } from '../../operation/errors.ts'
import type { PlanChange } from '../../operation/plan.ts'
import { TypeDefinition } from './definition.ts'
import type { Override } from './store.ts'

/** Segments of the hub's own routes. */
export const RESERVED = [
  'types',
  'index',
  'inventory',
  'compare',
  'lineage',
  'graph',
  'sync_jobs',
  'delete_jobs',
  'sync-jobs',
  'delete-jobs',
  'snapshots',
  'snapshot-schedules',
]

/** What an organisation may change of a built-in type. */
const OVERRIDABLE = ['connector', 'json_schema']
/** Characters of a definition as JSON; the built-in ones have at most 3,000. */
const MOST_TEXT = 65_536
/** Each lets a selection walk the whole document again. */
const MOST_DEEP_WILDCARDS = 2

/**
 * The members of a definition as they are sent: none required, none filled in, since a built-in type takes two of them
 * and one's own all.
 */
export const DefinitionInput = z
  .strictObject(
    Object.fromEntries(
      Object.entries(TypeDefinition.shape)
        .filter(([name]) => name !== 'type')
        .map(([name, field]) => [
          name,
          (field instanceof z.ZodDefault ? (field.unwrap() as z.ZodType) : field).optional(),
        ]),
    ) as Record<string, z.ZodType>,
  )
  .describe('A type definition without its name; of a built-in type only connector and json_schema')

type Sent = Record<string, unknown>
const AT = '/definition'

/** The whole definition of an own type, what was left out filled in, or what is wrong with it by member. */
export function ownDefinition(
  type: string,
  sent: Sent,
): { definition: TypeDefinition } | { errors: FieldError[] } {
  const whole = TypeDefinition.safeParse({ source_api: '', sdk_client: '', ...sent, type })
  if (!whole.success)
    return {
      errors: whole.error.issues.map(({ path, message }) => ({
        pointer: path.reduce<string>((at, name) => pointerTo(at, String(name)), AT),
        message,
      })),
    }
  const definition = whole.data
  const errors = [
    ...(RESERVED.includes(type) ? [{ pointer: '/type', message: 'is a name that the hub uses itself' }] : []),
    ...contentErrors(definition),
    ...pathErrors(definition),
    ...linkErrors(definition.link),
    ...schemaErrors(definition.json_schema),
  ]
  return errors.length > 0 ? { errors } : { definition }
}

/** What is sent for a built-in type, or what may not be. */
export function overrideOf(sent: Sent): { definition: Override } | { errors: FieldError[] } {
  const others = Object.keys(sent).filter((name) => !OVERRIDABLE.includes(name))
  const definition = sent as Override
  const errors = [
    ...others.map((name) => ({ pointer: `${AT}/${name}`, message: 'cannot be changed of a built-in type' })),
    ...contentErrors(sent),
    ...schemaErrors(definition.json_schema),
  ]
  return errors.length > 0 ? { errors } : { definition }
}

const contentErrors = (definition: object): FieldError[] =>
  JSON.stringify(definition).length > MOST_TEXT
    ? [{ pointer: AT, message: `must not be longer than ${MOST_TEXT} characters` }]
    : documentErrors(definition, AT)

/** JSON Schema that compiles on its own: 2020-12, nothing fetched, nothing awaited. */
function schemaErrors(schema: Record<string, unknown> | undefined): FieldError[] {
  if (!schema) return []
  const pointer = `${AT}/json_schema`
  if ('$async' in schema) return [{ pointer: `${pointer}/$async`, message: 'is not allowed' }]
  try {
    compileSchema(schema)
    return []
  } catch (error) {
    return [{ pointer, message: `is no JSON Schema 2020-12: ${(error as Error).message.slice(0, 300)}` }]
  }
}

/** The link is shown to people as something to open. */
function linkErrors(link: string | undefined): FieldError[] {
  if (link === undefined) return []
  const pointer = `${AT}/link`
  if (!link.includes('{id}')) return [{ pointer, message: 'must contain {id}' }]
  const url = URL.parse(link.replaceAll('{id}', 'id'))
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return []
  return [{ pointer, message: 'must be an http or https URL' }]
}

function pathErrors(definition: TypeDefinition): FieldError[] {
  const places = [
    ['/id_path', definition.id_path],
    ['/active_path', definition.active_path],
    ['/updated_at_path', definition.updated_at_path],
    ['/updated_by_path', definition.updated_by_path],
    ['/usage_path', definition.usage_path],
    ...listed('/title_paths', definition.title_paths),
    ...listed('/natural_key', definition.natural_key),
    ...Object.entries(definition.metadata).map(
      ([name, path]) => [pointerTo('/metadata', name), path] as const,
    ),
  ] as const
  const patterns = [
    ...listed('/tag_paths', definition.tag_paths),
    ...listed('/purpose_paths', definition.purpose_paths),
    ...listed('/blueprint_paths', definition.blueprint_paths),
    ...listed('/volatile_paths', definition.volatile_paths),
    ...listed('/secret_paths', definition.secret_paths),
    ...listed('/derived_paths', definition.derived_paths ?? []),
    ...listed('/references', definition.references, '/path'),
    ...listed('/alias_rules', definition.alias_rules, '/path'),
  ]
  return [
    ...places.flatMap(([at, path]) => errorAt(at, path === undefined ? undefined : placeError(path))),
    ...patterns.flatMap(([at, path]) => errorAt(at, patternError(path))),
  ]
}

const listed = (at: string, paths: readonly (string | { path: string })[], member = '') =>
  paths.map(
    (path, index) => [`${at}/${index}${member}`, typeof path === 'string' ? path : path.path] as const,
  )

const errorAt = (at: string, message: string | undefined): FieldError[] =>
  message ? [{ pointer: `${AT}${at}`, message }] : []

const segments = (path: string): string[] => path.split('/').slice(1)

function placeError(path: string): string | undefined {
  if (path === '') return 'must name a member, not the whole document'
  return segments(path).some((segment) => segment === '*' || segment === '**')
    ? 'must be one place, without * and **'
    : undefined
}

function patternError(path: string): string | undefined {
  if (path === '') return 'must name a member, not the whole document'
  const deep = segments(path).filter((segment) => segment === '**').length
  return deep > MOST_DEEP_WILDCARDS ? `must not have ** more than ${MOST_DEEP_WILDCARDS} times` : undefined
}

/** Members that no entry of the index follows from. */
const SHOWN_ONLY = [
  'type',
  'label',
  'icon',
  'source_api',
  'sdk_client',
  'deletable',
  'dependency_only',
  'derived_paths',
  'json_schema',
]

type Definition = TypeDefinition | Override

const membersOf = (...definitions: (Definition | undefined)[]): string[] => [
  ...new Set(definitions.flatMap((definition) => Object.keys(definition ?? {}))),
]
const member = (definition: Definition | undefined, name: string): unknown =>
  (definition as Sent | undefined)?.[name]

const changed = (before: Definition | undefined, after: Definition | undefined): string[] =>
  membersOf(before, after).filter((name) => !isDeepStrictEqual(member(before, name), member(after, name)))

/**
 * Whether the index differs from what a rebuild would make: configurations are in it by something that changes, or they
 * come from elsewhere, where there may be any.
 */
export const needsRebuild = (
  before: Definition | undefined,
  after: Definition | undefined,
  configurations: number,
): boolean =>
  (before?.connector ?? 'store') !== (after?.connector ?? 'store') ||
  (configurations > 0 && changed(before, after).some((name) => !SHOWN_ONLY.includes(name)))

/** What changes, by member. */
export const changesOf = (before: Definition | undefined, after: Definition | undefined): PlanChange[] =>
  changed(before, after).map((name) => {
    const [was, is] = [member(before, name), member(after, name)] as PlanChange['before'][]
    const op = was === undefined ? 'create' : is === undefined ? 'delete' : 'update'
    return { op, pointer: `/${name}`, label: name, before: was ?? null, after: is ?? null }
  })
