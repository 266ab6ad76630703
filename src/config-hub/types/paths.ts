import type { z } from 'zod'
import type { ReferenceBy, ReferenceRule, TypeDefinition } from './definition.ts'

/** A definition as it is written down: what has a default may be left out. */
export type Draft = z.input<typeof TypeDefinition>
type Rule = z.input<typeof ReferenceRule>

/** What every document of the entity API carries beside its own members. */
export const ENTITY = {
  id_path: '/_id',
  title_paths: ['/_title', '/name'],
  tag_paths: ['/_tags/*'],
  purpose_paths: ['/_purpose/*'],
  updated_at_path: '/_updated_at',
  updated_by_path: '/updated_by',
  blueprint_paths: ['/_manifest/*'],
} satisfies Partial<Draft>

/** Members of an entity that differ between organisations or change by themselves. */
export const ENTITY_VOLATILE = [
  '/_org',
  '/_org_id',
  '/_owners',
  '/_acl',
  '/_created_at',
  '/_updated_at',
  '/created_by',
  '/updated_by',
  '/_manifest',
]

/** Purposes are classifications, named by id or slug. */
export const PURPOSE: Rule = { path: '/_purpose/*', type: 'taxonomy_classification', by: 'any' }

export const toId = (path: string, type: string): Rule => ({ path, type })
/** The target has to exist before this can be created. */
export const needs = (path: string, type: string, by?: z.output<typeof ReferenceBy>): Rule => ({
  path,
  type,
  required: true,
  ...(by ? { by } : {}),
})
export const toSlug = (path: string, type: string): Rule => ({ path, type, by: 'slug' })
/** Relations of the entity API: `{"$relation": [{"entity_id": …}]}`. */
export const relation = (member: string, type: string): Rule => toId(`${member}/$relation/*/entity_id`, type)

/**
 * The source APIs keep counts of use outside the document; who puts one into the document writes it here, as a number.
 */
export const USAGE = '/_usage'
